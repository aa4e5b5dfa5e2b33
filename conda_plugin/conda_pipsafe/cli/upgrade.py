"""`upgrade`: newer versions of what pip owns; what conda owns stays, and what the others require is kept to."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from conda_pipsafe.cli import install
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.installer.plan import PipFailedError, write_constraints
from conda_pipsafe.installer.upgrade import LeftOut, Upgrade, upgrade_all, upgrade_named
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

EXAMPLES = """\
upgrade rich 'httpx<1'
upgrade --all -n myenv
upgrade --all --dry-run
upgrade --all --pre --json
"""
_ALL = "--all"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def configure(parser: argparse.ArgumentParser) -> None:
    """As for `install`, and `--all`."""
    install.configure(parser)
    parser.usage = "%(prog)s [-n ENVIRONMENT | -p PATH] [OPTIONS] NAME… | --all [options of `pip install`]"
    parser.add_argument_group("upgrade").add_argument(
        _ALL, action="store_true", help="all that pip owns, except what is editable or from an address"
    )


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """As for `install`; `--all` is ours."""
    before = list(words[: list(words).index("--")]) if "--" in words else list(words)
    ours, theirs = install.split([*(word for word in before if word != _ALL), *words[len(before) :]])
    return [*ours, *([_ALL] if _ALL in before else [])], theirs


def run(args: argparse.Namespace, console: Console) -> int:
    """Find out what is to be asked of pip, then install it.

    Raises:
        PipsafeError: When nothing, or what is not there, is named.
    """
    from conda_pipsafe.installer.arguments import PIP, UV, named_words

    snapshot = _read(find_prefix(args))
    words, options = named_words(args.rest, UV if args.backend == "uv" else PIP)
    typed = ["upgrade", *([_ALL] if args.all else []), *args.rest]
    upgrade = _of_all(snapshot, words) if args.all else _of_named(snapshot, words)
    console = _UpgradeConsole(console, upgrade.left_out)
    for one in upgrade.left_out:
        console.note(f"note: {one.name} {one.version} is left out: {one.why}")
    if not upgrade.names:
        console.say(f"Nothing to upgrade: pip owns nothing from an index in {snapshot.prefix}.")
        console.emit("upgrade", {"prefix": snapshot.prefix, "plan": None, "installed": [], "exit_code": int(Exit.OK)})
        return int(Exit.OK)
    with tempfile.TemporaryDirectory(prefix="pipsafe-") as folder:
        held = write_constraints(os.path.join(folder, "held.txt"), [line.line for line in upgrade.held])
        eager = ["--upgrade-strategy", "eager"] if args.all and args.backend == "pip" else []
        args.rest = ["--upgrade", *eager, *held, *options, *upgrade.names]
        args.typed = typed
        try:
            return install.run(args, console)
        except PipFailedError:
            for line in upgrade.held:
                console.error(f"held to {line.line}, which {line.by} needs")
            raise


def _of_all(snapshot: Snapshot, words: Sequence[str]) -> Upgrade:
    if words:
        raise PipsafeError(
            f"--all takes no names, and here is {words[0]}", hint="give one or the other", exit_code=Exit.USAGE
        )
    return upgrade_all(snapshot, *_recorded(snapshot))


def _of_named(snapshot: Snapshot, words: Sequence[str]) -> Upgrade:
    if not words:
        raise PipsafeError("nothing to upgrade: name something, or give --all", exit_code=Exit.USAGE)
    asked = {}
    for word in words:
        match = _NAME.match(word)
        key = canonical_name(match.group()) if match and "/" not in word and os.sep not in word else ""
        if not any(dist.site.current for dist in snapshot.distributions_named(key)):
            raise PipsafeError(
                f"{word} is not installed in {snapshot.prefix}",
                hint=f"`install {word}` installs it; `list` shows what is there",
                exit_code=Exit.USAGE,
            )
        asked[key] = word
    return upgrade_named(snapshot, asked, _recorded(snapshot)[1])


def _recorded(snapshot: Snapshot) -> tuple[Mapping[str, bool | None], Mapping[str, Sequence[str]]]:
    """What the ledger knows: whether each distribution was asked for, and its extras, by its path."""
    from conda_pipsafe.ledger.reconcile import reconcile

    state = reconcile(snapshot.prefix, snapshot).ledger.state()
    requested = {path: one.requested for path, one in state.items() if one.requested is not None}
    return requested, {path: one.extras for path, one in state.items() if one.extras}


def _read(prefix: str) -> Snapshot:
    try:
        return read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error), hint="`conda env list` shows the environments") from error


class _UpgradeConsole(Console):
    """Says `upgrade` where `install` does the work, and what was left out."""

    def __init__(self, console: Console, left_out: Sequence[LeftOut]) -> None:
        super().__init__(as_json=console.as_json, quiet=console.quiet, verbose=console.verbose)
        self._left_out = [{"name": one.name, "version": one.version, "why": one.why} for one in left_out]

    def emit(self, _command: str, value: Mapping[str, Any]) -> None:
        """As `Console.emit`."""
        super().emit("upgrade", {**value, "left_out": self._left_out})
