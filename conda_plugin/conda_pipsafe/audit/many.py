"""Audit one environment or many, side by side, each in memory only while it is looked at."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from conda_pipsafe.audit.report import AuditReport

if TYPE_CHECKING:
    from concurrent.futures import Future

    from conda_pipsafe.audit.comparing import Comparison, Progress
    from conda_pipsafe.audit.context import AuditContext
    from conda_pipsafe.audit.findings import Finding
    from conda_pipsafe.audit.overview import Overview


class Depth(NamedTuple):
    """How much an audit does.

    Attributes:
        overview: Sum up who owns what, for a page.
        deep: Compare every file with its hash.
        imports: Import what is installed, with this time limit in seconds for one module; None for not.
        others: Environments that may share files with this one, for `deep`.
        cached: Take the last report where nothing has changed since (`audit.remembered`).
    """

    overview: bool = False
    deep: bool = False
    imports: float | None = None
    others: tuple[str, ...] = ()
    cached: bool = True


class Audited(NamedTuple):
    """What became of one environment's audit.

    Attributes:
        prefix: Absolute path.
        report: What was found; None when the environment could not be audited.
        problems: Sentences for people: what could not be had for it.
        error: Why there is no report.
        overview: Where it was asked for.
    """

    prefix: str
    report: AuditReport | None
    problems: tuple[str, ...] = ()
    error: str | None = None
    overview: Overview | None = None


def audit_one(prefix: str, depth: Depth, progress: Progress | None = None) -> Audited:
    """Audit one environment; one that is none is an answer, not an exception."""
    from conda_pipsafe.audit import remembered

    if depth.cached and not (depth.overview or depth.deep or depth.imports is not None):
        report = remembered.recall(prefix)
        if report is not None:
            return Audited(prefix, report)
    return _look(prefix, depth, progress)


def _look(prefix: str, depth: Depth, progress: Progress | None) -> Audited:
    from conda_pipsafe.audit import engine, remembered
    from conda_pipsafe.audit.gather import gather
    from conda_pipsafe.audit.offered import offered_checks
    from conda_pipsafe.prefix.snapshot import NotAnEnvironmentError

    looked = time.time_ns()
    try:
        gathered = gather(prefix)
    except NotAnEnvironmentError as error:
        return Audited(prefix, None, error=str(error))
    with _begun(gathered.context, depth, progress) as comparison:
        report = engine.audit(gathered.context)
        # Problems are said each time: the ledger may be had next time. What other packages' checks read nobody knows.
        if depth.cached and not gathered.problems and not offered_checks().foreign:
            remembered.remember(gathered.context, report, looked)
        report = _with_more(report, gathered.context, depth, comparison)
    shown = None
    if depth.overview:
        from conda_pipsafe.audit.overview import overview

        shown = overview(gathered.context)
    return Audited(prefix, report, gathered.problems, overview=shown)


def _begun(context: AuditContext, depth: Depth, progress: Progress | None) -> AbstractContextManager[Comparison | None]:
    """The comparison of every file, where it is asked for, begun: it goes on beside the checks."""
    if not depth.deep:
        return nullcontext()
    from conda_pipsafe.audit.comparing import Comparison

    comparison = Comparison(context, progress)
    # What raises here does so again when its findings are asked for, and is told then.
    with suppress(Exception):
        comparison.begin()
    return closing(comparison)


def _with_more(report: AuditReport, context: AuditContext, depth: Depth, comparison: Comparison | None) -> AuditReport:
    from conda_pipsafe.audit import engine

    if comparison is not None:
        from conda_pipsafe.audit.deep import deep_report

        hashed: list[int] = []

        def look() -> Iterator[Finding]:
            found = deep_report(context, comparison, depth.others)
            hashed.append(found.hashed)
            yield from found.findings

        report = engine.with_look(report, "deep", look)._replace(hashed=sum(hashed) if hashed else None)
    if depth.imports is not None:
        from conda_pipsafe.audit.importing import import_all

        seconds = depth.imports
        report = engine.with_look(report, "imports", lambda: import_all(context, seconds))
    return report


def audit_many(
    prefixes: Sequence[str], depth: Depth, jobs: int | None = None, progress: Progress | None = None
) -> Iterator[Audited]:
    """Audit environments in parallel, one process per processor; the answers come in the order of the prefixes.

    Args:
        prefixes: Absolute paths.
        depth: How much is done in each.
        jobs: Processes; by default as many as there are processors.
        progress: Told how far `deep` is, where there is one process.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(prefixes))
    if jobs <= 1:
        yield from (_guarded(prefix, depth, progress) for prefix in prefixes)
        return
    import multiprocessing
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    from conda_pipsafe.audit.forking import may_fork

    # A fork has all modules loaded already.
    context = multiprocessing.get_context("fork" if may_fork() else "spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        answers = [pool.submit(_guarded, prefix, depth) for prefix in prefixes]
        for prefix, answer in zip(prefixes, answers, strict=True):
            try:
                yield answer.result()
            except BrokenExecutor:
                # One process was killed, and takes the others' answers with it: each that is left once more, alone.
                with ProcessPoolExecutor(1, mp_context=context) as alone:
                    yield _answer_or_end(alone.submit(_guarded, prefix, depth), prefix)


def _answer_or_end(answer: Future[Audited], prefix: str) -> Audited:
    from concurrent.futures import BrokenExecutor

    try:
        return answer.result()
    except BrokenExecutor:
        return Audited(prefix, None, error=f"the audit of {prefix} was killed: too little memory, or a check's fault")


def _guarded(prefix: str, depth: Depth, progress: Progress | None = None) -> Audited:
    try:
        return audit_one(prefix, depth, progress)
    except Exception as error:  # noqa: BLE001 - one environment must not hide the others
        return Audited(prefix, None, error=f"the audit of {prefix} crashed ({type(error).__name__}: {error})")
