"""`plan` where there is no conda: py-rattler's solve, or a state that a file lists."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from conda_pipsafe.cli.target import find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.forecast.transaction import Transaction
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

FORMS = "install SPEC …, update NAME … (or --all), remove NAME …"


def foresee(args: argparse.Namespace) -> dict[str, Any]:
    """The forecast, in the form in which conda hands it out.

    Raises:
        PipsafeError: When there is no such environment, the words are not understood, or there is no solution.
    """
    if sum(map(bool, (args.explicit, args.lock, args.rest))) > 1:
        raise PipsafeError(
            "what is to be planned is said twice",
            hint="give one of: words after --, --explicit FILE, --lock FILE",
            exit_code=Exit.USAGE,
        )
    if args.download:
        raise PipsafeError("--download needs conda", hint="leave out -c, --explicit, --lock", exit_code=Exit.USAGE)
    prefix = find_prefix(args)
    try:
        snapshot = read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error)) from error
    from conda_pipsafe.forecast.effects import forecast
    from conda_pipsafe.render.planned import planned_lines, planned_value

    transaction, notes = _transaction(args, snapshot)
    seen = forecast(snapshot, transaction)
    return {
        "value": planned_value(seen, notes=notes),
        "lines": planned_lines(seen),
        "every_path": planned_lines(seen, every_path=True),
    }


def _transaction(args: argparse.Namespace, snapshot: Snapshot) -> tuple[Transaction, list[str]]:
    from conda_pipsafe.engines.rattler import package_caches, read_lock
    from conda_pipsafe.engines.states import difference, read_explicit

    if args.explicit:
        return difference(snapshot, read_explicit(args.explicit), package_caches()), []
    if args.lock:
        state, pypi = read_lock(args.lock)
        which = "the package of PyPI in it is" if pypi == 1 else f"the {pypi} packages of PyPI in it are"
        notes = [f"{args.lock}: {which} not part of this"] if pypi else []
        return difference(snapshot, state, package_caches()), notes
    return _of_words(args.rest, args.channel, snapshot), []


def _of_words(words: Sequence[str], channels: Sequence[str], snapshot: Snapshot) -> Transaction:
    from conda_pipsafe.engines.rattler import package_caches, solve
    from conda_pipsafe.engines.states import difference, without

    words = words[1:] if words[:1] == ["conda"] else words
    command, rest = (words[0], list(words[1:])) if words else ("", [])
    everything = command in {"update", "upgrade"} and rest == ["--all"]
    unknown = [word for word in rest if word.startswith("-") and not everything]
    if command not in {"install", "update", "upgrade", "remove", "uninstall"} or not rest or unknown:
        raise PipsafeError(
            f"py-rattler does not do {' '.join(words) or 'nothing'}" + (f": {unknown[0]}" if unknown else ""),
            hint=f"after -- it understands: {FORMS}; conda itself (leave out -c) understands all of conda's",
            exit_code=Exit.USAGE,
        )
    if command in {"remove", "uninstall"}:
        return difference(snapshot, without(snapshot, rest), package_caches())
    if command == "install":
        return solve(snapshot, rest, channels).transaction
    missing = [name for name in rest if not everything and snapshot.record_named(name) is None]
    if missing:
        raise PipsafeError(f"not installed by conda in {snapshot.prefix}: {', '.join(missing)}")
    update = ["*"] if everything else rest
    return solve(snapshot, [] if everything else rest, channels, update=update).transaction
