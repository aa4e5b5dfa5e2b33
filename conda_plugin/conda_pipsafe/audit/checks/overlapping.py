"""PS506: two distributions of other installers that have the same files, each with content of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.overlap import is_meant
from conda_pipsafe.audit.wording import counted, installer, matters
from conda_pipsafe.prefix.dist_info import Distribution


def check(context: AuditContext) -> Iterator[Finding]:
    """Look for paths that two distributions have with different hashes."""
    by_path = {dist.path: dist for dist in context.foreign}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, owners in context.overlapping.items():
        for one, other in pairwise(owners):
            groups[one, other].append(path)
    for (one, other), paths in groups.items():
        first, second = by_path[one], by_path[other]
        meant = [path for path in paths if is_meant(path, first.site.path)]
        # Two of one name are told as that.
        if first.key != second.key and matters(meant):
            yield _finding(context, first, second, sorted(paths))


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("overlapping", check)]


def _finding(context: AuditContext, one: Distribution, other: Distribution, paths: list[str]) -> Finding:
    prefix = context.snapshot.prefix

    def keep(kept: Distribution, left: Distribution) -> str:
        ways = fixes.pip(prefix, "uninstall", "-y", left.name), fixes.pip_anew(prefix, kept)
        return f"To keep {kept.name}: {' && '.join(ways)}"

    return make(
        "PS506",
        one.name,
        f"{installer(one)}'s {one.name} {one.version} and {installer(other)}'s {other.name} {other.version} both have "
        f"{counted(len(paths), 'file')}, each of its own content; only the one that came last is whole.",
        paths=paths,
        fixes=[keep(one, other), keep(other, one)],
        facts={
            "distributions": [
                {"name": dist.name, "version": dist.version, "installer": dist.installer, "path": dist.path}
                for dist in (one, other)
            ]
        },
    )
