"""`plan` of a conda command that installs and removes no package."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from conda_pipsafe.cli.target import find_prefix

# https://docs.conda.io/projects/conda/en/stable/commands/; `run` may do anything, and is none of them.
_COMMANDS = frozenset({
    "activate", "clean", "compare", "config", "deactivate", "doctor", "export", "info", "init", "list", "notices",
    "package", "repoquery", "search",
})  # fmt: skip
_OF_ENV = frozenset({"config", "export", "list"})


def changes_nothing(words: Sequence[str]) -> bool:
    """Whether a command leaves every environment's packages as they are."""
    if words[:1] == ["env"]:
        return words[1:2] != [] and words[1] in _OF_ENV
    return words[:1] != [] and words[0] in _COMMANDS and "--fix" not in words


def foresee_nothing(args: argparse.Namespace, words: Sequence[str]) -> dict[str, Any]:
    """The forecast, in the form in which conda hands it out.

    Raises:
        PipsafeError: When there is no such environment.
    """
    from conda_pipsafe.forecast.effects import forecast
    from conda_pipsafe.forecast.transaction import Transaction
    from conda_pipsafe.prefix.snapshot import no_environment
    from conda_pipsafe.render.planned import planned_value

    options = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    options.add_argument("-n", "--name", default=args.name)
    options.add_argument("-p", "--prefix", default=args.prefix)
    try:
        target, _ = options.parse_known_args(words)
    except argparse.ArgumentError:  # conda says so when it is run
        target = args
    prefix = find_prefix(target, finish=False, looks=True)
    seen = forecast(no_environment(prefix), Transaction(prefix, (), ()))
    return {"value": planned_value(seen, notes=[NOTE]), "lines": [], "every_path": []}


NOTE = "this command installs and removes no package"
