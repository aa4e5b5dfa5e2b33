"""How other packages add checks: implement `conda_pipsafe_checks` and name the module in an entry point.

```toml
[project.entry-points."conda_pipsafe.checks"]
my-site = "my_package.pipsafe_checks"
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pluggy

from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding

NAMESPACE = "conda_pipsafe"
ENTRY_POINT_GROUP = "conda_pipsafe.checks"

hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: kebab-case, unique.
        run: From the context to findings; pure. May raise `Skipped`, and anything else: that is a finding of its own.
        entries: Catalogue entries of the codes that it reports, where they are not in ours already.
    """

    name: str
    run: Callable[[AuditContext], Iterable[Finding]]
    entries: tuple[Entry, ...] = ()


class Skipped(Exception):  # noqa: N818 - no error: "skipped because" is a result
    """Raised by a check that cannot look at this environment, with the reason: "there is no Python"."""


class CheckSpecs:
    """The hooks."""

    @hookspec
    def conda_pipsafe_checks(self) -> Iterable[Check]:
        """Checks to run in every audit."""
        raise NotImplementedError  # pluggy calls the implementations, never the specification
