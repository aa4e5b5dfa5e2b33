"""PS602: runtime libraries that wheels bundle, beside conda's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding, Severity
from conda_pipsafe.audit.hookspec import Check, hookimpl
from conda_pipsafe.audit.wording import installer, listed
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.paths import path_key


@dataclass(frozen=True, slots=True)
class Runtime:
    """A library of which a process should have one copy.

    Attributes:
        name: What people call it.
        pattern: File names of it, as wheels bundle them (auditwheel and delocate add a hash).
        packages: conda packages that bring it.
        severity: `warning` where two copies are known to abort the process, `note` where they mostly get along.
    """

    name: str
    pattern: re.Pattern[str]
    packages: tuple[str, ...]
    severity: Severity


_ENDS = r"[-.\w]*\.(?:so|dylib|dll)"
RUNTIMES = (
    Runtime(
        "the OpenMP runtime of LLVM and Intel",
        # Not libomptarget or libiomp5_db, which lie beside it and are no runtime of their own.
        re.compile(r"^lib(?:iomp5(?:md)?|omp(?:140[\w.]*)?)(?:-[0-9a-f]+)?\.(?:so|dylib|dll)"),
        ("llvm-openmp", "intel-openmp"),
        "warning",
    ),
    Runtime("MKL", re.compile(rf"^libmkl_(?:rt|core){_ENDS}"), ("mkl",), "warning"),
    Runtime(
        "GNU's OpenMP runtime", re.compile(rf"^libgomp{_ENDS}"), ("libgomp", "llvm-openmp", "intel-openmp"), "note"
    ),
    Runtime("the C++ library", re.compile(rf"^libstdc\+\+{_ENDS}"), ("libstdcxx-ng", "libstdcxx"), "note"),
)
_LIKELY = ("libiomp5", "libomp", "libmkl_", "libgomp", "libstdc++")


def check(context: AuditContext) -> Iterator[Finding]:
    """Meet the libraries that distributions bundle with conda's."""
    present = {health.record.name: health.record for health in context.health if not health.removed}
    for dist in context.foreign:
        names = [path for path in context.paths(dist) if path.rpartition("/")[2].startswith(_LIKELY)]
        for runtime in RUNTIMES if names else ():
            paths = _bundled(names, runtime, context)
            record = next((present[name] for name in runtime.packages if name in present), None)
            if paths and record is not None:
                yield _finding(dist, runtime, record, paths)


@hookimpl
def conda_pipsafe_checks() -> Iterable[Check]:
    """The check of this file."""
    return [Check("runtimes", check)]


def _bundled(paths: list[str], runtime: Runtime, context: AuditContext) -> list[str]:
    # What lies on conda's own path is told as that (PS105).
    owned = context.snapshot.record_paths
    return sorted(
        path
        for path in paths
        if runtime.pattern.match(path.rpartition("/")[2]) and path_key(path) not in owned and context.disk.exists(path)
    )


def _finding(dist: Distribution, runtime: Runtime, record: Record, paths: list[str]) -> Finding:
    return make(
        "PS602",
        dist.name,
        f"{installer(dist)}'s {dist.name} {dist.version} brings {runtime.name} "
        f"({listed((path.rpartition('/')[2] for path in paths), 2)}) beside conda's {record.name} {record.version}.",
        severity=runtime.severity,
        paths=paths,
        fixes=[f"If processes abort or hang: have conda's {dist.name} in place of {installer(dist)}'s."],
        facts={"runtime": runtime.name, "conda": {"name": record.name, "version": record.version}},
    )
