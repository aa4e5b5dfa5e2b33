"""Install: plan, policy, pip, verified on disk. Each step on its own, so that a command can tell what comes between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import PipArguments
from conda_pipsafe.installer.plan import Plan, constraint_lines, make_plan, write_constraints
from conda_pipsafe.installer.policy import Refusal, Request, Verdict, frozen, judge
from conda_pipsafe.installer.runner import Ended, Pip, find_pip, install_with_pip
from conda_pipsafe.installer.verify import Difference, remember_files, verify
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot


@dataclass(frozen=True, slots=True)
class Options:
    """How to install.

    Attributes:
        allowed: Canonical names of conda's distributions that may be replaced (`--allow-replace`).
        override_frozen: Install into a frozen environment too.
        stdout_to_stderr: Keep stdout free of pip's output.
        quiet: pip says only what goes wrong.
        verbose: How much more pip says.
    """

    allowed: frozenset[str] = frozenset()
    override_frozen: bool = False
    stdout_to_stderr: bool = False
    quiet: bool = False
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what the policy says to it; nothing is installed yet."""

    pip: Pip
    before: Snapshot
    arguments: PipArguments
    options: Options
    plan: Plan
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an install ended.

    Attributes:
        ended: pip's end; None when there was nothing to do.
        after: The environment after.
        differences: What is not as planned.
    """

    ended: Ended | None
    after: Snapshot
    differences: tuple[Difference, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether pip did all that was planned."""
        ran_well = self.ended is None or (self.ended.code == 0 and self.ended.interrupted is None)
        return ran_well and not any(difference.failed for difference in self.differences)


def refused_beforehand(snapshot: Snapshot, options: Options) -> Refusal | None:
    """What is refused without asking pip: a frozen environment."""
    return None if options.override_frozen else frozen(snapshot)


def prepare(
    before: Snapshot,
    arguments: PipArguments,
    options: Options,
    folder: str,
    environ: Mapping[str, str] | None = None,
) -> Prepared:
    """Ask pip for its plan and meet it with what conda owns. The environment stays as it is.

    Args:
        before: The environment.
        arguments: What goes on to pip.
        options: How to install.
        folder: An empty temporary folder, the same for `carry_out`.
        environ: The variables to start from; `os.environ` when None.

    Raises:
        PipFailedError: When pip has no plan.
        PipsafeError: When there is no pip that can be used.
    """
    pip = find_pip(before, environ)
    plan = make_plan(pip, before, arguments.words, folder, allowed=options.allowed, verbose=options.verbose > 0)
    request = Request(arguments.specs, options.allowed, arguments.upgrade, arguments.reinstall)
    return Prepared(pip, before, arguments, options, plan, judge(plan, before, request))


def carry_out(prepared: Prepared, folder: str) -> Outcome:
    """Let pip install what was planned, then look at what is there.

    Raises:
        PipsafeError: When the plan was refused: nothing gets past the policy.
    """
    if prepared.verdict.refusals:
        raise PipsafeError("a refused plan cannot be carried out")
    if not prepared.plan.dists:
        return Outcome(None, prepared.before)
    remember_files(prepared.plan, prepared.before)
    options = prepared.options
    how_loud = ["--quiet"] if options.quiet else ["--verbose"] * options.verbose
    pins = write_constraints(os.path.join(folder, "pins.txt"), pin_lines(prepared))
    words = ["--no-user", *how_loud, *pins, *prepared.arguments.words]
    ended = install_with_pip(prepared.pip, words, stdout_to_stderr=options.stdout_to_stderr)
    after = read_snapshot(prepared.before.prefix)
    if ended.code != 0 or ended.interrupted is not None:
        return Outcome(ended, after)
    return Outcome(ended, after, verify(prepared.plan, prepared.before, after, options.allowed))


def pin_lines(prepared: Prepared) -> list[str]:
    """Hold the second run of pip to the plan of the first: what conda owns, and the planned versions.

    What comes from a folder, a checkout or a URL has no pin: its version may depend on the moment of the build.
    """
    planned = {dist.key: dist for dist in prepared.plan.dists}
    held = constraint_lines(prepared.before, prepared.options.allowed) if prepared.plan.constrained else []
    kept = [line for line in held if line.partition("==")[0] not in planned]
    return kept + [f"{dist.key}=={dist.version}" for dist in prepared.plan.dists if not dist.is_direct]
