"""`pipsafe status`: what is known of an environment, and whether we are awake in conda."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from conda_pipsafe import __version__
from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.target import add_target_options, find_prefix
from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.ledger.store import Ledger, open_ledger
from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError, Snapshot, read_snapshot

EXAMPLES = """
status
status -n myenv
status -p ./env --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Only the environment can be chosen."""
    add_target_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Show what is recorded, who owns what, whether our hooks are there, which pip would run and where it installs.

    Raises:
        PipsafeError: When there is no such environment.
    """
    from conda_pipsafe.audit import engine
    from conda_pipsafe.installer import guard as guards
    from conda_pipsafe.installer.targets import look
    from conda_pipsafe.ledger.reconcile import reconcile
    from conda_pipsafe.render.findings import finding_value
    from conda_pipsafe.render.guard import guard_line, guard_value
    from conda_pipsafe.render.targets import target_finding_lines, target_lines, target_value

    prefix = find_prefix(args, looks=True)
    try:
        reconcile(prefix)
        snapshot = read_snapshot(prefix)
    except NotAnEnvironmentError as error:
        raise PipsafeError(str(error)) from error
    unrefreshed = guards.refresh(prefix, snapshot)
    guard, target = guards.look(snapshot), look(snapshot)
    facts = _facts(prefix, snapshot, open_ledger(prefix))
    lines = [*_lines(facts), f"guard         {guard_line(guard)}", *target_lines(target)]
    for line in [*lines, *target_finding_lines(target.findings)]:
        console.result(line)
    if unrefreshed is not None:
        console.note(f"note: the guard could not be put right: {unrefreshed}")
    values = [finding_value(finding, engine.entries()) for finding in target.findings]
    console.emit("status", {**facts, "guard": guard_value(guard), "target": target_value(target), "findings": values})
    return int(Exit.OK)


def _facts(prefix: str, snapshot: Snapshot, ledger: Ledger) -> dict[str, Any]:
    owners = [snapshot.owner_of(dist) for dist in snapshot.distributions]
    python = os.path.join(prefix, "python.exe" if os.name == "nt" else "bin/python")
    return {
        "prefix": prefix,
        "version": __version__,
        "python": {"version": snapshot.python, "path": python if os.path.exists(python) else None},
        "pip": next((dist.version for dist in snapshot.distributions_named("pip") if dist.site.current), None),
        "packages": {
            "conda": len(snapshot.records),
            "distributions_of_conda": owners.count("conda"),
            "distributions_of_pip": owners.count("pip"),
            "written_over_conda": owners.count("both"),
        },
        "frozen": os.path.exists(os.path.join(prefix, "conda-meta", "frozen")),
        "ledger": {"writable": ledger.writable, "why_not": ledger.why_not, "events": len(ledger.events())},
        "hooks": _hooks(),
        "problems": [{"path": item.path, "detail": item.detail} for item in snapshot.problems],
    }


def _hooks() -> dict[str, Any]:
    """Whether the conda that runs us has our hooks; asked of conda itself, since a plugin can fail to load silently."""
    if "conda" not in sys.modules:
        return {"conda": None, "registered": False, "mode": None}
    from conda_pipsafe.engines.conda_context import version_and_hooks

    version, registered, mode = version_and_hooks()
    return {"conda": version, "registered": registered, "mode": mode}


def _lines(facts: dict[str, Any]) -> list[str]:
    python, packages, ledger = facts["python"], facts["packages"], facts["ledger"]
    lines = [
        f"environment   {facts['prefix']}",
        f"python        {python['version'] or 'no record of it'} ({python['path'] or 'no executable'})",
        f"pip           {facts['pip'] or 'none: conda pipsafe install needs it (conda install pip)'}",
        f"packages      {packages['conda']} from conda, {packages['distributions_of_pip']} from pip",
    ]
    if packages["written_over_conda"]:
        lines.append(f"              {packages['written_over_conda']} of conda's were written over by pip")
    if facts["frozen"]:
        lines.append("frozen        yes (CEP 22): nothing should be installed here")
    lines += [f"ledger        {_ledger_line(ledger)}", f"hooks         {_hook_line(facts['hooks'])}"]
    lines += [f"unreadable    {problem['path']}: {problem['detail']}" for problem in facts["problems"]]
    return lines


def _ledger_line(ledger: dict[str, Any]) -> str:
    if ledger["writable"]:
        return f"{ledger['events']} events"
    return (
        f"{ledger['events']} events, and no more: {ledger['why_not']}"
        if ledger["events"]
        else f"none: {ledger['why_not']}"
    )


def _hook_line(hooks: dict[str, Any]) -> str:
    if hooks["conda"] is None:
        return "not asked: this is `pipsafe` by itself; `conda pipsafe status` tells whether conda has them"
    if not hooks["registered"]:
        return f"NOT registered in conda {hooks['conda']}: run `conda -v info` to see why the plugin did not load"
    return f"registered in conda {hooks['conda']}, mode {hooks['mode']}"
