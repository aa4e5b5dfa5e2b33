"""The hooks that conda calls, as a table of contents: every conda command imports this module, so it imports nothing.

Types come from `conda.plugins.types` inside each function: a type that an older conda lacks must cost that hook, not
the plugin. A hook that an older conda does not know is ignored by pluggy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from pluggy import HookimplMarker

hookimpl = HookimplMarker("conda")

# Names of commands as `conda_pre_commands` has them; `env create` is `create` since 26.7 and was `env_create` before.
CHANGING = {"install", "update", "remove", "create", "env_create", "env_update", "env_remove", "rename"}
READING = {"list", "export", "env_export", "compare"}
# `conda pipsafe plan` runs conda with this set: a forecast is wanted, and nothing else may happen.
PLAN = "PIPSAFE_PLAN"


@hookimpl
def conda_subcommands() -> Iterator[Any]:
    """`conda pipsafe`."""
    from conda.plugins.types import CondaSubcommand

    yield CondaSubcommand(
        name="pipsafe", summary="Keep conda and pip from harming each other in one environment.", action=_run
    )


def _run(arguments: tuple[str, ...]) -> int:
    from conda_pipsafe.cli.app import main

    return main(arguments, program="conda pipsafe")


@hookimpl
def conda_settings() -> Iterator[Any]:
    """`plugins: pipsafe_mode: warn | prompt | block | off`, `pipsafe_ignore: [...]`, and those of audit and install."""
    from conda.plugins.types import CondaSetting

    from conda_pipsafe.hooks.settings import conda_first_parameter, mode_parameter, word_parameter, words_parameter

    yield CondaSetting(
        name="pipsafe_mode",
        description="What conda-pipsafe does before conda harms what pip installed: warn, prompt, block or off.",
        parameter=mode_parameter(),
    )
    yield CondaSetting(
        name="pipsafe_ignore",
        description="What conda-pipsafe says nothing of: rich, env:lab, env:lab/rich, /path/of/environment.",
        parameter=words_parameter(),
    )
    yield CondaSetting(
        name="pipsafe_audit_select",
        description="The findings that count in `conda pipsafe audit`: codes, names or beginnings of codes (PS1).",
        parameter=words_parameter(),
    )
    yield CondaSetting(
        name="pipsafe_audit_ignore",
        description="The findings that do not count in `conda pipsafe audit`, likewise.",
        parameter=words_parameter(),
    )
    yield CondaSetting(
        name="pipsafe_audit_fail_on",
        description="How bad a finding has to be for `conda pipsafe audit` to fail: error, warning or note.",
        parameter=word_parameter(),
    )
    yield CondaSetting(
        name="pipsafe_conda_first",
        description="`conda pipsafe install` takes what conda's channels have from there, then the rest with pip.",
        parameter=conda_first_parameter(),
    )


@hookimpl
def conda_pre_commands() -> Iterator[Any]:
    """Look at the environment before a command changes it, or reads it in a way that erases records."""
    from conda.plugins.types import CondaPreCommand

    yield CondaPreCommand(name="conda-pipsafe-before", action=_before, run_for=CHANGING | READING)


def _before(command: str) -> None:
    if PLAN in os.environ:
        from conda_pipsafe.hooks.plan import before as plan_before

        plan_before(command)
        return
    from conda_pipsafe.hooks.commands import before

    before(command, reading=command in READING)


@hookimpl
def conda_post_commands() -> Iterator[Any]:
    """Say and record what in fact changed."""
    from conda.plugins.types import CondaPostCommand

    yield CondaPostCommand(name="conda-pipsafe-after", action=_after, run_for=CHANGING)


def _after(command: str) -> None:
    from conda_pipsafe.hooks.commands import after

    after(command)


@hookimpl
def conda_post_solves() -> Iterator[Any]:
    """Warn, ask or refuse before conda shows its plan."""
    from conda.plugins.types import CondaPostSolve

    yield CondaPostSolve(name="conda-pipsafe-solved", action=_solved)


def _solved(_repodata_fn: str, unlink: tuple[Any, ...], link: tuple[Any, ...]) -> None:
    if PLAN in os.environ:
        from conda_pipsafe.hooks.plan import solved as plan_solved

        plan_solved(unlink, link)
        return
    from conda_pipsafe.hooks.transactions import solved

    solved(unlink, link)


@hookimpl
def conda_health_checks() -> Iterator[Any]:
    """What `conda doctor` says of conda and pip."""
    from conda.plugins.types import CondaHealthCheck

    try:
        check = CondaHealthCheck(
            name="conda-pipsafe-audit",
            action=_doctor,
            fixer=_fix,
            summary="Find what conda and pip did to each other",
            fix="Print the commands that lead out; remove folders of mere bytecode",
        )
    except TypeError:  # before 26.1 a check has no fixer
        check = CondaHealthCheck(name="conda-pipsafe-audit", action=_doctor)
    yield check


def _doctor(prefix: str, verbose: bool) -> None:  # noqa: FBT001 - conda calls it so
    from conda_pipsafe.engines.conda_context import mode
    from conda_pipsafe.hooks.doctor import check

    if mode() != "off":
        check(prefix, verbose=verbose)


def _fix(prefix: str, _arguments: Any, confirm: Any) -> int:  # noqa: ANN401 - argparse's namespace, and conda's question
    from conda_pipsafe.engines.conda_context import mode
    from conda_pipsafe.hooks.doctor import fix

    return fix(prefix, confirm) if mode() != "off" else 0


@hookimpl
def conda_pre_transaction_actions() -> Iterator[Any]:
    """The last look, when every package is there: also where no solver ran."""
    from conda.plugins.types import CondaPreTransactionAction

    if PLAN in os.environ:
        from conda_pipsafe.hooks.plan import stop_action

        yield CondaPreTransactionAction(name="conda-pipsafe-look", action=stop_action())
        return
    from conda_pipsafe.hooks.transactions import look_action

    yield CondaPreTransactionAction(name="conda-pipsafe-look", action=look_action())


@hookimpl
def conda_post_transaction_actions() -> Iterator[Any]:
    """The guard's pins follow conda, before a `pip:` section is run."""
    if PLAN in os.environ:
        return
    from conda.plugins.types import CondaPostTransactionAction

    from conda_pipsafe.hooks.pins import pins_action

    yield CondaPostTransactionAction(name="conda-pipsafe-pins", action=pins_action())
