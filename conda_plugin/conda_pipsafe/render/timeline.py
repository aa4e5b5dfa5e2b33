"""What happened to an environment, as one list: conda's revisions, and what the ledger has seen at each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from conda_pipsafe.ledger.events import Event
from conda_pipsafe.prefix.history import Revision
from conda_pipsafe.render.history import event_text

_BAD = frozenset({"record-lost", "failed", "mended"})
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
        yield from (_event(event, text) for number, event in left if number < revision.number)
        left = [(number, event) for number, event in left if number >= revision.number]
        yield _revision(revision, text)
    yield from (_event(event, text) for _, event in left)
    yield "</ol>"


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
    kind = "bad" if event.kind in _BAD else "pip"
    when, what = event_text(event)
    command = f" <code>{text(event.command)}</code>" if event.command and event.kind != "conda" else ""
    by = f" by {text(event.user)}" if event.user else ""
    return f'<li class="{kind}"><time>{text(when)} UTC</time> {text(what)}{command}{by}</li>'
