"""PS514: an environment without the file by which conda knows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import counted
from conda_pipsafe.prefix.history import HISTORY


def check(context: AuditContext) -> Iterator[Finding]:
    """Look whether `conda-meta/history` is there; pixi's environments, which say so, are no business of conda's."""
    names, records = context.disk.names("conda-meta"), len(context.snapshot.records)
    in_the_way = context.disk.is_no_file(HISTORY)
    if not records or ("history" in names and not in_the_way) or "pixi" in names:
        return
    prefix, state = context.snapshot.prefix, "no file" if in_the_way else "not there"
    path = fixes.quote(os.path.join(prefix, *HISTORY.split("/")))
    yield make(
        "PS514",
        HISTORY,
        f"{HISTORY} is {state}: conda takes this for no environment, and refuses every command, though "
        f"{counted(records, 'package')} of it {'is' if records == 1 else 'are'} recorded.",
        paths=[HISTORY],
        fixes=[
            *([fixes.move(prefix, HISTORY, f"{HISTORY}.old")] if in_the_way else []),
            f"type nul > {path}" if os.name == "nt" else f"touch {path}",
        ],
        facts={"stops_conda": True, "records": records},
    )


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("history", check)]
