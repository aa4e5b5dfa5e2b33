"""What happened to an environment, as one list: conda's revisions, and what the ledger has seen at each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from conda_pipsafe.ledger.events import Event
from conda_pipsafe.prefix.history import Revision
from conda_pipsafe.render.history import event_text

_BAD = frozenset({"record-lost", "failed", "mended"})
_ALIKE = 5  # events of one kind in one minute that are told one by one
_SHOWN = 200  # of conda's packages in one revision


def timeline(revisions: Sequence[Revision], events: Iterable[Event], text: Callable[[str], str]) -> Iterator[str]:
    """An HTML list in order; conda's times are local ones and the ledger's UTC, so they are ordered by revision.

    Args:
        revisions: conda's own account.
        events: The ledger's.
        text: Escapes for HTML.
    """
    # Without a revision is what the ledger saw before conda wrote its first one.
    left = [(event.revision if event.revision is not None else -1, event) for event in events]
    yield '<ol class="time">'
    for revision in revisions:
        yield from _events([event for number, event in left if number < revision.number], text)
        left = [(number, event) for number, event in left if number >= revision.number]
        yield _revision(revision, text)
    yield from _events([event for _, event in left], text)
    yield "</ol>"


def _events(events: Sequence[Event], text: Callable[[str], str]) -> Iterator[str]:
    """One item each; many of one kind in one minute, as one command installs them, in one."""
    for (when, kind), group in groupby(events, key=lambda event: (event_text(event)[0], event.kind)):
        alike = list(group)
        if len(alike) <= _ALIKE:
            yield from (_event(event, text) for event in alike)
            continue
        inner = "\n".join(text(event_text(event)[1]) for event in alike)
        detail = f"<details><summary>{len(alike)} times</summary><pre>{inner}</pre></details>"
        yield f'<li class="{_class(kind)}"><time>{text(when)} UTC</time> {text(kind)}{detail}</li>'


def _class(kind: str) -> str:
    return "bad" if kind in _BAD else "pip"


def _revision(revision: Revision, text: Callable[[str], str]) -> str:
    changes = ", ".join(
        f"{len(dists)} {word}"
        for word, dists in (("linked", revision.linked), ("unlinked", revision.unlinked))
        if dists
    )
    names = [f"+ {dist}" for dist in revision.linked] + [f"- {dist}" for dist in revision.unlinked]
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    inner = "\n".join(text(name) for name in (*names[:_SHOWN], *more))
    detail = f"<details><summary>{changes}</summary><pre>{inner}</pre></details>" if names else ""
    command = f"<code>{text(revision.command)}</code>" if revision.command else "conda"
    return f'<li class="conda"><time>{text(revision.time)}</time> revision {revision.number}: {command}{detail}</li>'


def _event(event: Event, text: Callable[[str], str]) -> str:
    when, what = event_text(event)
    command = f" <code>{text(event.command)}</code>" if event.command and event.kind != "conda" else ""
    by = f" by {text(event.user)}" if event.user else ""
    return f'<li class="{_class(event.kind)}"><time>{text(when)} UTC</time> {text(what)}{command}{by}</li>'
