"""Install: pip up to its first write, policy, then on, verified on disk. What comes between is the caller's to tell.

What is needed only once pip is at work is loaded then: pip does not wait for it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import PipArguments
from conda_pipsafe.installer.plan import (
    Plan,
    constraint_lines,
    explain_plan,
    failed,
    is_usage_error,
    read_report,
    write_constraints,
)
from conda_pipsafe.installer.policy import (
    Request,
    Verdict,
    askers,
    judge,
    said,
)
from conda_pipsafe.installer.requirements import fitting_lines, judge_requirements
from conda_pipsafe.installer.runner import Ended, Pip, ended_by_signals, find_pip
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot

if TYPE_CHECKING:
    from conda_pipsafe.installer.gated import GatedPip, Reached
    from conda_pipsafe.installer.uv_runner import Uv, WaitingUv
    from conda_pipsafe.installer.verify import Difference
    from conda_pipsafe.installer.wheels import Wheel


@dataclass(frozen=True, slots=True)
class Options:
    """How to install.

    Attributes:
        allowed: Canonical names of conda's distributions that may be replaced (`--allow-replace`).
        override_frozen: Install into a frozen environment too.
        allow_base: Install into the environment that conda runs in too.
        dry_run: Only the plan is wanted.
        stdout_to_stderr: Keep stdout free of pip's output.
        quiet: pip says only what goes wrong.
        verbose: How much more pip says.
        backend: Who installs: `pip` or `uv`.
        conda_first: Conda was asked first; for the record.
        typed: What a person typed after `pipsafe`, where that was not this install; for the record.
    """

    allowed: frozenset[str] = frozenset()
    override_frozen: bool = False
    allow_base: bool = False
    dry_run: bool = False
    stdout_to_stderr: bool = False
    quiet: bool = False
    verbose: int = 0
    backend: str = "pip"
    conda_first: bool = False
    typed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what the policy says to it; nothing is installed yet.

    Attributes:
        wheels: What it will be installed from, by canonical name; empty for a plan that was only explained.
        waiting: pip, at its gate; None when there is nothing to carry out.
        cache_tag: What the environment's `.pyc` are named with.
        compare: What was written that is not what was looked into, where that can be (uv).
    """

    pip: Pip | Uv
    before: Snapshot
    arguments: PipArguments
    options: Options
    plan: Plan
    verdict: Verdict
    wheels: Mapping[str, Wheel] = field(default_factory=dict)
    waiting: GatedPip | WaitingUv | None = None
    cache_tag: str | None = None
    compare: Callable[[Snapshot], tuple[Difference, ...]] = lambda _: ()

    def asked_by(self) -> dict[str, tuple[str, ...]]:
        """Who asks for each planned distribution, as sentences, by canonical name."""
        return {
            planned.key: said(askers(self.plan, self.before, planned.key, self.arguments.specs), planned.name)
            for planned in self.plan.dists
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an install ended.

    Attributes:
        ended: pip's end; None when there was nothing to do.
        after: The environment after.
        differences: What is not as planned.
        put_back: Whether what had been changed was put back; None when there was nothing to put back.
        left: What could not be put back, as sentences.
    """

    ended: Ended | None
    after: Snapshot
    differences: tuple[Difference, ...] = ()
    put_back: bool | None = None
    left: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether pip did all that was planned."""
        ran_well = self.ended is None or self.ended.code == 0
        return ran_well and not any(difference.failed for difference in self.differences)


def request_of(arguments: PipArguments, options: Options) -> Request:
    """What was asked for, as the policy takes it."""
    return Request(arguments.specs, options.allowed, arguments.upgrade, arguments.reinstall)


def judged(plan: Plan, wheels: Mapping[str, Wheel], before: Snapshot, request: Request) -> Verdict:
    """Meet a plan with what conda owns by name, by path and by requirement."""
    from conda_pipsafe.installer.overlap import judge_paths
    from conda_pipsafe.installer.shared_paths import shared_paths

    verdicts = (
        judge(plan, before, request),
        judge_paths(plan, wheels, before, request),
        judge_requirements(plan, before, request),
    )
    return Verdict(
        tuple(refusal for part in verdicts for refusal in part.refusals),
        (*(warning for part in verdicts for warning in part.warnings), *shared_paths(plan, wheels, before)),
    )


@contextmanager
def preparing(
    before: Snapshot,
    arguments: PipArguments,
    options: Options,
    folder: str,
    *,
    environ: Mapping[str, str] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Prepared]:
    """Start pip, let it come to its first write, and meet its plan and its wheels with what conda owns.

    Leaving the context without `carry_out` ends pip with the environment as it was.

    Args:
        before: The environment.
        arguments: What goes on to pip.
        options: How to install.
        folder: An empty temporary folder.
        environ: The variables to start from; `os.environ` when None.
        meanwhile: What to do while pip works.

    Raises:
        PipFailedError: When pip has no plan.
        PipsafeError: When there is no pip that can be used, or a wheel cannot be looked into.
    """
    asking = _Asking(find_pip(before, environ), before, arguments, options, folder)
    held = [*constraint_lines(before, options.allowed), *fitting_lines(before, options.allowed)]
    with ExitStack() as stack:
        started = stack.enter_context(asking.started(held))
        with ended_by_signals():
            meanwhile()
        end = started.wait()
        if not isinstance(end, Ended) or not held or asking.is_final(end):
            yield asking.met(started, end, constrained=True)
            return
        explained = asking.explained()
        if explained.verdict.refusals:
            yield explained
            return
        started = stack.enter_context(asking.started([]))
        yield asking.met(started, started.wait(), constrained=False)


@dataclass(frozen=True, slots=True)
class _Asking:
    pip: Pip
    before: Snapshot
    arguments: PipArguments
    options: Options
    folder: str

    @property
    def request(self) -> Request:
        return request_of(self.arguments, self.options)

    @property
    def report(self) -> str:
        return os.path.join(self.folder, "plan.json")

    def started(self, held: list[str]) -> GatedPip:
        """pip on its way to the gate, held to conda's versions."""
        from conda_pipsafe.installer.gated import GatedPip
        from conda_pipsafe.installer.relay import carries_secrets

        options = self.options
        how_loud = ["--quiet"] if options.quiet or options.dry_run else ["--verbose"] * options.verbose
        constraints = write_constraints(os.path.join(self.folder, "held.txt"), held)
        words = ["--no-user", *how_loud, *constraints, *self.arguments.words]
        to_stderr = options.stdout_to_stderr or options.dry_run
        secret = carries_secrets(self.arguments)
        return GatedPip(self.pip, words, self.report, stdout_to_stderr=to_stderr, secret=secret)

    def is_final(self, end: Ended) -> bool:
        """Whether conda's versions have nothing to do with its end: it had a plan, or did not come to look for one."""
        return end.code == 0 or bool(end.interrupted) or is_usage_error(end) or os.path.exists(self.report)

    def explained(self) -> Prepared:
        """What pip would do if nothing held it, judged by name."""
        words = ["--no-user", *self.arguments.words]
        plan = explain_plan(self.pip, self.before, words, self.folder, verbose=self.options.verbose > 0)
        by_name, by_need = (part(plan, self.before, self.request) for part in (judge, judge_requirements))
        verdict = Verdict((*by_name.refusals, *by_need.refusals), (*by_name.warnings, *by_need.warnings))
        return Prepared(self.pip, self.before, self.arguments, self.options, plan, verdict)

    def met(self, waiting: GatedPip, end: Reached | Ended, *, constrained: bool) -> Prepared:
        """The plan, met with what conda owns by name, by path and by requirement."""
        if isinstance(end, Ended):
            return self._ended(end)
        from conda_pipsafe.installer.wheels import look_into

        plan = read_report(end.report, self.before, constrained=constrained)
        wheels = look_into(plan, end, self.before.prefix)
        verdict = judged(plan, wheels, self.before, self.request)
        return Prepared(
            self.pip, self.before, self.arguments, self.options, plan, verdict, wheels, waiting, end.cache_tag
        )

    def _ended(self, end: Ended) -> Prepared:
        """pip ended before its gate: it has nothing to do, or failed."""
        if not os.path.exists(self.report):
            raise failed(self.pip, end)
        with open(self.report, "rb") as file:
            plan = read_report(file.read(), self.before, constrained=True)
        if end.code != 0 or end.interrupted:
            raise failed(self.pip, end, [f"{dist.name}=={dist.version}" for dist in plan.dists])
        if plan.dists:
            raise PipsafeError(
                "pip has installed without waiting for the check of its plan: this Python or pip does something new",
                hint=f"conda pipsafe audit -p {shlex.quote(self.before.prefix)}",
            )
        return Prepared(
            self.pip, self.before, self.arguments, self.options, plan, judge(plan, self.before, self.request)
        )


def carry_out(prepared: Prepared, marker: str | None) -> Outcome:
    """Let pip install what was planned, then look at what is there; put all back where pip fails.

    Args:
        prepared: A plan that was not refused.
        marker: Where `journal.begin` wants pip's exit code; None when there is no journal.

    Raises:
        PipsafeError: When the plan was refused: nothing gets past the policy.
    """
    from conda_pipsafe.installer.journal import read_journal
    from conda_pipsafe.installer.undo import put_back
    from conda_pipsafe.installer.verify import remember_files, verify

    if prepared.verdict.refusals:
        raise PipsafeError("a refused plan cannot be carried out")
    prefix = prepared.before.prefix
    if prepared.waiting is None:
        return Outcome(None, prepared.before)
    replaced_files = remember_files(prepared.plan, prepared.before)
    ended = prepared.waiting.go(marker)
    unlike: tuple[Difference, ...] = ()
    if ended.code == 0:
        after = read_snapshot(prefix)
        found = verify(prepared.plan, prepared.before, after, prepared.options.allowed, replaced_files)
        unlike = prepared.compare(after)
        if not unlike or marker is None:
            return Outcome(ended, after, (*found, *unlike))
    journal = read_journal(prefix) if marker is not None else None
    left = put_back(journal, [path for item in unlike for path in item.paths]) if journal is not None else []
    back = None if journal is None else not left
    return Outcome(ended, read_snapshot(prefix), unlike, put_back=back, left=tuple(left))
