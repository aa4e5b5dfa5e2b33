"""PS901: files that could not be read as what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl

_WAYS = {
    "unreadable": "Give yourself permission to read it, or have its installer write it again.",
    "too-large": "Look at what wrote it; a file of this kind is never that large.",
    "link-outside": "Replace the link by the file that it should be.",
}
_WAY = "Have the installer of the package write it again (--force-reinstall)."


def check(context: AuditContext) -> Iterator[Finding]:
    """Turn what could not be read into findings; RECORDs are read here at the latest."""
    for dist in context.snapshot.distributions:
        context.paths(dist)
    for problem in dict.fromkeys([*context.snapshot.problems, *context.problems]):
        yield make(
            "PS901",
            problem.path,
            f"{problem.path}: {problem.detail}.",
            paths=[problem.path],
            fixes=[_WAYS.get(problem.kind, _WAY)],
            facts={"kind": problem.kind, "detail": problem.detail},
        )


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("unreadable", check)]
