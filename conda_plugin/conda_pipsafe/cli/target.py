"""Which environment a command is about: `-n`, `-p`, or the active one, as conda finds it."""

from __future__ import annotations

import argparse
import os
import sys

from conda_pipsafe.errors import Exit, PipsafeError


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add `-n/--name` and `-p/--prefix`, of which one may be given."""
    group = parser.add_argument_group("environment").add_mutually_exclusive_group()
    group.add_argument("-n", "--name", metavar="ENVIRONMENT", help="name of the environment")
    group.add_argument("-p", "--prefix", metavar="PATH", help="path of the environment")


def find_prefix(args: argparse.Namespace, *, finish: bool = True, looks: bool = False) -> str:
    """The absolute path of the environment that the options name, else of the active one.

    Commands that only look (`looks`) take, like conda's own, the base environment where none is active; what changes
    one does not guess. What an install left there that was killed is put back first, and that is told on stderr (unless
    `finish` is False, for commands that do both themselves): no command shall look at half of one.

    Raises:
        PipsafeError: When there is none, or it is not an environment; says what to do.
    """
    prefix = _named(args, looks=looks)
    if finish:
        finish_killed_install(prefix, quiet=bool(getattr(args, "quiet", False)))
    return prefix


def has_begun_install(prefix: str) -> bool:
    """Whether an install has begun in an environment and not ended, as far as one look tells."""
    return os.path.lexists(os.path.join(prefix, "conda-meta", "pipsafe", "install.json"))


def finish_killed_install(prefix: str, *, quiet: bool, several: bool = False) -> None:
    """Finish what a killed install left in an environment, and say so.

    Args:
        prefix: The environment.
        quiet: Say less.
        several: The command is about several environments: say which.
    """
    if not has_begun_install(prefix):
        return
    import contextlib

    from conda_pipsafe.cli.console import Console
    from conda_pipsafe.cli.recovered import tell_recovered
    from conda_pipsafe.installer.record import recover

    # One that is still at work is no matter for those who only look; `install` itself asks again.
    with contextlib.suppress(PipsafeError):
        tell_recovered(Console(quiet=quiet), recover(prefix), prefix if several else None)


def _named(args: argparse.Namespace, *, looks: bool) -> str:
    if args.prefix:
        return _checked(os.path.abspath(os.path.expanduser(args.prefix)), f"--prefix {args.prefix}")
    if args.name:
        return _by_name(args.name)
    active = os.environ.get("CONDA_PREFIX")
    base = _base_of_conda() if looks and not active else None
    if base:
        return _checked(base, "conda's base environment")
    if not active:
        raise PipsafeError(
            "no environment is active and none is named",
            hint="name one with -n ENVIRONMENT or -p PATH, or activate it first",
            exit_code=Exit.USAGE,
        )
    return _checked(os.path.abspath(active), "the active environment (CONDA_PREFIX)")


def _base_of_conda() -> str | None:
    """The root prefix of the conda that runs us; None where none does."""
    if "conda" not in sys.modules:
        return None
    from conda_pipsafe.engines.conda_context import root_prefix

    return root_prefix()


def _checked(prefix: str, said: str) -> str:
    if not os.path.isdir(prefix):
        raise PipsafeError(f"{said}: there is no folder {prefix}", hint="`conda env list` shows the environments")
    if not os.path.isdir(os.path.join(prefix, "conda-meta")):
        raise PipsafeError(
            f"{said}: {prefix} is not a conda environment: it has no conda-meta folder",
            hint="`conda env list` shows the environments",
        )
    return prefix


def _by_name(name: str) -> str:
    if os.sep in name or "/" in name:
        raise PipsafeError(f"{name!r} is not an environment's name", hint="for a path use -p", exit_code=Exit.USAGE)
    for candidate in _candidates(name):
        if os.path.isdir(os.path.join(candidate, "conda-meta")):
            return os.path.abspath(candidate)
    found = _ask_conda(name)
    if found is None:
        raise PipsafeError(f"there is no environment named {name!r}", hint="`conda env list` shows the environments")
    return found


def roots() -> list[str]:
    """Root prefixes of the installations of conda and mamba that variables and PATH name."""
    import shutil

    found = [os.environ.get("CONDA_ROOT"), os.environ.get("MAMBA_ROOT_PREFIX")]
    executable = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if executable:
        # ROOT/bin/conda, ROOT/condabin/conda, ROOT\Scripts\conda.exe
        found.append(os.path.dirname(os.path.dirname(os.path.realpath(executable))))
    return [root for root in found if root]


def _candidates(name: str) -> list[str]:
    if name in {"base", "root"}:
        return roots()
    listed = os.environ.get("CONDA_ENVS_DIRS") or os.environ.get("CONDA_ENVS_PATH") or ""
    folders = [folder for folder in listed.replace(",", os.pathsep).split(os.pathsep) if folder]
    folders += [os.path.join(root, "envs") for root in roots()]
    folders.append(os.path.join(os.path.expanduser("~"), ".conda", "envs"))
    return [os.path.join(folder, name) for folder in folders]


def _ask_conda(name: str) -> str | None:
    """Where conda itself finds the name: it also reads `envs_dirs` from .condarc."""
    import json
    import shutil
    import subprocess

    executable = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if not executable:
        return None
    try:
        done = subprocess.run([executable, "info", "--json"], capture_output=True, text=True, timeout=60, check=True)
        info = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if name in {"base", "root"}:
        return str(info.get("root_prefix")) if info.get("root_prefix") else None
    paths = [os.path.join(str(folder), name) for folder in info.get("envs_dirs", [])]
    return next((path for path in paths if os.path.isdir(os.path.join(path, "conda-meta"))), None)
