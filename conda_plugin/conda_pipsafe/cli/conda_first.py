"""`install --conda-first`: what conda's channels have comes from there, in one transaction of conda's; then pip.

Without it, below `conda pipsafe`, one line tells what the channels have, as far as conda has that on disk.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from conda_pipsafe.cli.console import Console
from conda_pipsafe.engines.conda_context import in_conda
from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.arguments import PipArguments
from conda_pipsafe.installer.install import Options, Prepared
from conda_pipsafe.installer.plan import Plan, foresee
from conda_pipsafe.installer.policy import Request, Verdict, judge
from conda_pipsafe.installer.requirements import judge_requirements
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot

if TYPE_CHECKING:
    from conda_pipsafe.cli.channels import ChannelFinder
    from conda_pipsafe.engines.conda_command import CondaRun
    from conda_pipsafe.installer.offers import Offer

_VARIABLE = "CONDA_PLUGINS_PIPSAFE_CONDA_FIRST"


def add_conda_first_options(group: argparse._ArgumentGroup) -> None:
    """Add `--conda-first`, `--no-conda-first` and `--channel`."""
    group.add_argument(
        "--conda-first",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="take what conda's channels have from there, with conda, then the rest with pip; "
        "always with `plugins: pipsafe_conda_first: true` in .condarc",
    )
    group.add_argument(
        "--channel", metavar="CHANNEL", action="append", default=[], help="a conda channel to look at before the others"
    )


class StoppedError(PipsafeError):
    """Conda's part did not come to its end, and pip's was not begun; `exit_code` says how."""

    def __init__(self, message: str, *, hint: str | None = None, code: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class CondaFirst:
    """What conda has of what pip is asked for; a context, since it may have a process at work.

    Args:
        args: The command line.
        console: Where to tell.
        arguments: What goes on to pip.
        folder: A temporary folder.

    Attributes:
        wanted: Whether conda is to be asked first.
        took_all: Whether a dry run leaves nothing for pip.
    """

    def __init__(self, args: argparse.Namespace, console: Console, arguments: PipArguments, folder: str) -> None:
        self._args, self._console, self._arguments, self._folder = args, console, arguments, folder
        self.wanted = _setting() if args.conda_first is None else bool(args.conda_first)
        self._stack = ExitStack()
        self._offers: tuple[Offer, ...] = ()
        self._unread: dict[str, str] = {}
        self._notes: list[str] = []
        self._run: CondaRun | None = None
        self.took_all = False
        self._undone_by = ""
        # Only conda itself can say at no cost what it knows.
        self._hints = in_conda() and args.conda_first is None and not console.quiet
        if self.wanted or self._hints:
            self._look_at_options()
        if self.wanted:
            _ = self._finder  # begins to look

    @cached_property
    def _finder(self) -> ChannelFinder:
        from conda_pipsafe.cli.channels import ChannelFinder

        return ChannelFinder(
            self._args.channel, fresh=self.wanted, folder=self._folder, stack=self._stack, note=self._note
        )

    def _look_at_options(self) -> None:
        """Some leave nothing for conda to do."""
        from conda_pipsafe.installer.offers import why_not

        option = "--backend uv" if self._args.backend == "uv" else why_not(self._arguments)
        if option and self.wanted:
            self._note(f"conda is not asked first: {option} is for pip or uv alone")
        if option:
            self.wanted = self._hints = False

    def __enter__(self) -> CondaFirst:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def value(self) -> dict[str, Any]:
        """All of it as JSON values."""
        from conda_pipsafe.render.offers import offer_json

        run = self._run
        return {
            "wanted": self.wanted,
            "offers": [offer_json(offer) for offer in self._offers],
            "unread": dict(self._unread),
            "notes": list(self._notes),
            "transaction": {
                "command": list(run.command),
                "exit_code": run.code,
                "link": list(run.link),
                "unlink": list(run.unlink),
            }
            if run is not None
            else None,
        }

    def take(self, before: Snapshot, options: Options) -> Snapshot:
        """With `--conda-first`, let conda install what it has; the environment after that.

        Raises:
            StoppedError: When conda refuses, or a person said no.
            PipFailedError: When pip has no plan.
        """
        from conda_pipsafe.engines.conda_command import INTERRUPTED, conda_install

        if not self.wanted or options.dry_run:
            return before
        pip, plan = foresee(
            before, self._arguments.words, self._folder, allowed=options.allowed, verbose=options.verbose > 0
        )
        self._find(plan, before, pip.environment)
        conda = None if self._refused_anyway(plan, before, options) else self._conda_for_offers()
        if conda is None:
            return before
        self._tell_taken()
        run = self._run = conda_install(
            conda, before.prefix, self._specs(), self._options(before, options), self._folder, captured=self._captured
        )
        after = read_snapshot(before.prefix)
        if after.records != before.records:
            self._undone_by = f"conda install -p {shlex.quote(before.prefix)} --revision {before.history.current}"
        if run.code == INTERRUPTED:
            raise StoppedError("interrupted while conda was at work; nothing was asked of pip", code=run.code)
        if run.code:
            self._refused(run)
        elif not any(after.record_named(offer.package) for offer in self._offers):
            raise StoppedError("conda has installed nothing, so nothing was asked of pip", code=0)
        return after

    def ended(self, code: int) -> int:
        """Say what of conda's stays when pip's part did not come to a good end; return the exit code."""
        if code and self._undone_by:
            self._console.error(f"what conda installed before stays; to undo that: {self._undone_by}")
        return code

    def meet(self, prepared: Prepared) -> Prepared:
        """Tell what conda has of a plan; for a dry run with `--conda-first`, leave that out of pip's part."""
        if self._run is not None or not prepared.plan.dists or (self.wanted and not prepared.options.dry_run):
            return prepared
        if not self.wanted and not self._hints:
            return prepared
        from conda_pipsafe.engines.conda_command import conda_install

        self._find(prepared.plan, prepared.before, prepared.pip.environment)
        if not self.wanted:
            return prepared
        conda = self._conda_for_offers()
        if conda is None:
            return prepared
        self._tell_taken()
        options = [*self._options(prepared.before, prepared.options), "--dry-run"]
        run = self._run = conda_install(
            conda, prepared.before.prefix, self._specs(), options, self._folder, captured=True
        )
        if run.code and not run.link:
            self._refused(run)
            return prepared
        for item in run.link:
            self._console.say(f"  + {item['name']} {item['version']}")
        for item in run.unlink:
            self._console.say(f"  - {item['name']} {item['version']}")
        rest = without(prepared, {offer.key for offer in self._offers})
        self.took_all = not rest.plan.dists
        return rest

    def tell(self) -> None:
        """Without `--conda-first`: say in a line what conda has."""
        if not self.wanted and (self._offers or self._unread):
            from conda_pipsafe.render.offers import offer_lines

            for line in offer_lines(self._offers, self._unread):
                self._console.say(line)

    @property
    def _captured(self) -> bool:
        return self._console.as_json or self._console.quiet

    def _find(self, plan: Plan, before: Snapshot, variables: Mapping[str, str]) -> None:
        self._offers, self._unread = self._finder.find(plan, before, self._arguments, variables)

    def _conda_for_offers(self) -> list[str] | None:
        from conda_pipsafe.engines.conda_command import find_conda_command
        from conda_pipsafe.render.offers import taken_lines

        if not self._offers:
            for line in taken_lines(()):
                self._console.say(line)
            return None
        conda = find_conda_command()
        if conda is None:
            self._note("there is no conda that could install what its channels have: all of this comes from pip")
        return conda

    def _tell_taken(self) -> None:
        from conda_pipsafe.render.offers import taken_lines

        for line in taken_lines(self._offers):
            self._console.say(line)
        sys.stdout.flush()

    def _refused_anyway(self, plan: Plan, before: Snapshot, options: Options) -> bool:
        """Whether pip's part will be refused by name, so that conda's had better not begin."""
        keys = {offer.key for offer in self._offers}
        rest = replace(plan, dists=tuple(dist for dist in plan.dists if dist.key not in keys))
        asked = self._arguments
        request = Request(asked.specs, options.allowed, asked.upgrade, asked.reinstall)
        return any(part(rest, before, request).refusals for part in (judge, judge_requirements))

    def _specs(self) -> list[str]:
        return [offer.spec for offer in self._offers if offer.named]

    def _options(self, before: Snapshot, options: Options) -> list[str]:
        channels = [word for channel in self._finder.channels(before) for word in ("--channel", channel)]
        # conda asks as it always does, where there is someone to ask.
        asks = sys.stdin.isatty() and not (self._args.yes or self._captured)
        return [
            *([] if in_conda() or not channels else ["--override-channels"]),
            *channels,
            *([] if asks else ["--yes"]),
            *(["--override-frozen"] if options.override_frozen else []),
        ]

    def _refused(self, run: CondaRun) -> None:
        message = "conda does not install this" + (f":\n{run.said}" if run.said else "; what it says is above")
        if self._args.yes or self._args.dry_run:
            self._note(f"{message}\nall of it comes from pip" if self._args.yes else message)
            return
        raise StoppedError(
            f"{message}\nnothing was changed",
            hint=f"-y: take all of it from pip then; or see for yourself: {shlex.join(run.command)}",
        )

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._console.note(f"note: {text}")


def stopped(console: Console, prefix: str, error: StoppedError, first: CondaFirst) -> int:
    """Say that conda's part did not come to its end; return the exit code."""
    console.error(f"pipsafe: {error.message}")
    if error.hint:
        console.error(f"  {error.hint}")
    told = {"error": error.message, "hint": error.hint, "exit_code": error.code}
    console.emit("install", {"prefix": prefix, "plan": None, "conda_first": first.value(), "installed": [], **told})
    return error.code


def without(prepared: Prepared, keys: set[str]) -> Prepared:
    """A plan without what does not come from pip."""
    plan = replace(prepared.plan, dists=tuple(dist for dist in prepared.plan.dists if dist.key not in keys))
    refusals = tuple(item for item in prepared.verdict.refusals if canonical_name(item.subject) not in keys)
    wheels = {key: wheel for key, wheel in prepared.wheels.items() if key not in keys}
    return replace(prepared, plan=plan, wheels=wheels, verdict=Verdict(refusals, prepared.verdict.warnings))


def _setting() -> bool:
    """The setting; outside of conda only as a variable, since .condarc is conda's to read."""
    from conda_pipsafe.engines import conda_context

    return conda_context.conda_first() if in_conda() else conda_context.is_yes(os.environ.get(_VARIABLE, ""))
