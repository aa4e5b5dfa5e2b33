"""`history`: what happened to pip's packages in an environment, in order."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conda_pipsafe.cli.console import Console
    from conda_pipsafe.ledger.codec import Line
    from conda_pipsafe.ledger.reconcile import Reconciled

EXAMPLES = """
history
history -n science --since 2026-01-31
history requests rich --limit 20
history -p ./env --json
"""
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z?)?$")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only events about these distributions")
    parser.add_argument("--since", metavar="DATE", help="only events since then, UTC: 2026-01-31 or 2026-01-31T15:00")
    parser.add_argument("--limit", metavar="N", type=int, help="only the last N events")
    add_target_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Look at the environment, then tell its ledger.

    Raises:
        PipsafeError: For options that cannot be meant, or a path that is no environment.
    """
    _check(args)
    from conda_pipsafe.hooks.recovery import recovered_texts
    from conda_pipsafe.ledger.reconcile import reconcile

    prefix = find_prefix(args, looks=True)
    for text in recovered_texts([prefix]):
        console.note(text)
    looked = reconcile(prefix, force=True)
    lines = _chosen(looked.ledger.lines(), args)
    for problem in looked.ledger.problems:
        console.note(f"pipsafe: {problem.path}: {problem.detail}")
    if console.as_json:
        console.emit("history", _document(prefix, looked, lines))
    else:
        _tell(prefix, looked, lines, console)
    return int(Exit.OK)


def _check(args: argparse.Namespace) -> None:
    if args.since is not None and not _DATE.match(args.since):
        raise PipsafeError(
            f"--since {args.since}: not a date",
            hint="write it as 2026-01-31 or 2026-01-31T15:00 (UTC)",
            exit_code=Exit.USAGE,
        )
    if args.limit is not None and args.limit < 1:
        raise PipsafeError(f"--limit {args.limit}: must be 1 or more", exit_code=Exit.USAGE)


def _chosen(lines: Sequence[Line], args: argparse.Namespace) -> list[Line]:
    from conda_pipsafe.prefix.metadata import canonical_name

    keys = {canonical_name(name) for name in args.names}
    chosen = [line for line in lines if not keys or keys & _keys(line.value)]
    if args.since:
        # Texts of one form sort as their times do; a shorter one is the beginning of its day or minute.
        since = args.since.removesuffix("Z")
        chosen = [line for line in chosen if str(line.value.get("time")).removesuffix("Z") >= since]
    return chosen[-args.limit :] if args.limit else chosen


def _keys(value: Any) -> set[str]:  # noqa: ANN401 - a line of any version
    """The canonical names that an event is about."""
    from conda_pipsafe.prefix.history import split_dist
    from conda_pipsafe.prefix.metadata import canonical_name

    data = value.get("data") if isinstance(value.get("data"), dict) else {}
    found = {part["key"] for name in ("dist", "before") if isinstance(part := value.get(name), dict) and "key" in part}
    distributions = data.get("distributions")
    found |= set(map(str, distributions)) if isinstance(distributions, list) else set()
    record = split_dist(data["record"]) if isinstance(data.get("record"), str) else None
    return found | ({canonical_name(record[0])} if record else set())


def _document(prefix: str, looked: Reconciled, lines: Sequence[Line]) -> dict[str, Any]:
    from conda_pipsafe.ledger.codec import encode_event

    return {
        "prefix": prefix,
        "writable": looked.ledger.writable,
        "why_not": looked.ledger.why_not,
        "events": [line.value for line in lines],
        "unsaved": {"why": looked.unsaved, "events": [encode_event(event) for event in looked.events]}
        if looked.unsaved
        else None,
    }


def _tell(prefix: str, looked: Reconciled, lines: Sequence[Line], console: Console) -> None:
    from conda_pipsafe.render.history import history_text, state_text

    if looked.unsaved:
        console.note(f"pipsafe: what is new since the last look is not recorded: {looked.unsaved}")
    events = [line.event for line in lines if line.event is not None]
    if events:
        console.result(history_text(events))
    elif looked.ledger.exists:
        console.result("No event matches." if looked.ledger.lines() else "The ledger is empty.")
    elif looked.unsaved:
        dists = [event.dist for event in looked.events if event.dist is not None and event.kind != "removed"]
        console.result(f"Nothing is recorded in {prefix}. What is there now and is not conda's:")
        console.result(state_text(dists) or "  nothing")
    else:
        console.result(f"Nothing is recorded: conda owns every Python distribution of {prefix}.")
