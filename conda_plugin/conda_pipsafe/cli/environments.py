"""Which environments a command is about that takes several: `-n` and `-p` repeated, `--all`, `--below`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from conda_pipsafe.audit import condarc
from conda_pipsafe.cli.target import find_prefix, finish_killed_install, roots
from conda_pipsafe.errors import Exit, PipsafeError

_DEEPEST = 8  # folders between --below and an environment
_PIXI = os.path.join(".pixi", "envs")
_NOT_INTO = {"node_modules", "__pycache__", "site-packages", "pkgs"}


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    """Add `-n`, `-p`, `--all` and `--below`."""
    group = parser.add_argument_group("environments")
    group.add_argument(
        "-n", "--name", action="append", default=[], metavar="ENVIRONMENT", help="name of an environment; may repeat"
    )
    group.add_argument(
        "-p", "--prefix", action="append", default=[], metavar="PATH", help="path of an environment; may repeat"
    )
    group.add_argument("--all", action="store_true", help="every environment that conda knows of")
    group.add_argument(
        "--below", action="append", default=[], metavar="FOLDER", help="every environment below a folder (pixi's too)"
    )


def find_prefixes(args: argparse.Namespace, *, looks: bool = False) -> list[str]:
    """The absolute paths of the environments that the options name, each once; else as `find_prefix`.

    Raises:
        PipsafeError: When one is not there, or none is found.
    """
    quiet = bool(getattr(args, "quiet", False))
    found = [find_prefix(argparse.Namespace(prefix=path, name=None, quiet=quiet)) for path in args.prefix]
    found += [find_prefix(argparse.Namespace(prefix=None, name=name, quiet=quiet)) for name in args.name]
    several: list[str] = []
    for folder in args.below:
        if not os.path.isdir(folder):
            raise PipsafeError(f"--below {folder}: there is no such folder", exit_code=Exit.USAGE)
        several += _below(os.path.abspath(folder))
    if args.all:
        several += known_environments()
    for prefix in several:
        finish_killed_install(prefix, quiet=quiet, several=True)
    found += several
    if not found and not (args.all or args.below):
        return [find_prefix(argparse.Namespace(prefix=None, name=None, quiet=quiet), looks=looks)]
    if not found:
        raise PipsafeError("no environment was found", hint="name one with -n ENVIRONMENT or -p PATH")
    return _once(found)


def known_environments() -> list[str]:
    """Every environment that conda's lists name and that is still there, in order.

    `~/.conda/environments.txt`, the roots, and `envs_dirs` as CONDA_ENVS_DIRS, CONDA_ENVS_PATH or any of conda's
    configuration files say (docs.conda.io, "Specify environment directories"). conda is asked only where we run in it:
    to start it takes a second.
    """
    home = os.path.join(os.path.expanduser("~"), ".conda")
    bases = roots()
    candidates = [*bases, *_lines(os.path.join(home, "environments.txt"))]
    variables = f"{os.environ.get('CONDA_ENVS_DIRS', '')},{os.environ.get('CONDA_ENVS_PATH', '')}"
    folders = [folder for folder in variables.replace(",", os.pathsep).split(os.pathsep) if folder]
    for path in condarc.files(bases):
        folders += _envs_dirs(path)
    if "conda" in sys.modules:
        from conda_pipsafe.engines.conda_context import envs_dirs

        folders += envs_dirs()
    folders += [os.path.join(root, "envs") for root in bases] + [os.path.join(home, "envs")]
    for folder in folders:
        candidates += _inside(os.path.expanduser(os.path.expandvars(folder)))
    return _once(path for path in candidates if is_environment(path))


def is_environment(path: str) -> bool:
    """Whether conda would take a folder for an environment."""
    return os.path.isfile(os.path.join(path, "conda-meta", "history"))


def _once(paths: list[str] | Iterator[str]) -> list[str]:
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(os.path.realpath(path), os.path.abspath(path))
    return list(found.values())


def _below(folder: str) -> Iterator[str]:
    base = folder.rstrip(os.sep).count(os.sep)
    for root, folders, _files in os.walk(folder):
        if os.path.islink(os.path.join(root, _PIXI)):
            # With `detached-environments` pixi keeps them elsewhere, behind a link.
            detached = os.path.realpath(os.path.join(root, _PIXI))
            yield from (path for path in _inside(detached) if is_environment(path))
        if is_environment(root):
            # Below an environment only its own environments: those of a root prefix.
            folders[:] = ["envs"] if "envs" in folders else []
            yield root
        elif root.count(os.sep) - base >= _DEEPEST:
            folders[:] = []
        else:
            folders[:] = sorted(name for name in folders if name not in _NOT_INTO and name != ".git")


def _inside(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except (OSError, ValueError):
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return []
    return [line for line in lines if line and not line.startswith("#")]


def _envs_dirs(path: str) -> list[str]:
    """The `envs_dirs` (or `envs_path`) list of a condarc, written as a list of lines or in brackets."""
    found: list[str] = []
    inside = False
    for line in _lines(path):
        key, colon, value = line.partition(":")
        if not line.startswith("-"):
            inside = bool(colon) and key in {"envs_dirs", "envs_path"}
            if inside and value.strip().startswith("["):
                found += [item.strip(" \"'") for item in value.strip(" []").split(",")]
        elif inside:
            found.append(line[1:].partition(" #")[0].strip(" \"'"))
    return [item for item in found if item]
