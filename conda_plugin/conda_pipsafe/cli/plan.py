"""`plan`: what a conda command would do to what pip installed, without doing it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from conda_pipsafe.cli.console import Console
from conda_pipsafe.cli.plan_nothing import changes_nothing, foresee_nothing
from conda_pipsafe.cli.target import add_target_options
from conda_pipsafe.errors import Exit, PipsafeError

EXAMPLES = """\
plan -- install numpy=2
plan -n myenv --json -- update --all
plan -p ./env --download -v -- install --revision 3
plan -p ./env -c conda-forge -- install numpy=2
plan -p ./env --explicit explicit.txt
"""
# conda's commands that change an environment; `env` has its own.
COMMANDS = ("install", "update", "upgrade", "remove", "uninstall", "create", "rename", "env")
ENV_COMMANDS = ("create", "update", "remove")
_ANSWER_VERSION = 1
_INNER = "PIPSAFE_PLAN_INNER"
_FEW = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add our options; the words after `--` are conda's."""
    parser.usage = "%(prog)s [-n ENVIRONMENT | -p PATH] [OPTIONS] -- CONDA-COMMAND …"
    add_target_options(parser)
    group = parser.add_argument_group("plan")
    group.add_argument(
        "--download", action="store_true", help="download the packages first (not into the environment): exact"
    )
    group = parser.add_argument_group("without conda (needs the extra `standalone`)")
    group.add_argument("-c", "--channel", metavar="CHANNEL", action="append", default=[], help="solve with py-rattler")
    group.add_argument("--explicit", metavar="FILE", help="the state that an @EXPLICIT file lists, instead of a solve")
    group.add_argument("--lock", metavar="FILE", help="the state of a pixi.lock or conda-lock.yml, instead of a solve")


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our words, and conda's: those after the first `--`."""
    if "--" not in words:
        return list(words), []
    position = list(words).index("--")
    return list(words[:position]), list(words[position + 1 :])


def run(args: argparse.Namespace, console: Console) -> int:
    """Ask conda, or py-rattler, what would happen; say what of it harms what pip installed.

    Returns:
        0 when nothing is harmed, 3 when something is.

    Raises:
        PipsafeError: When conda refuses the command, or the forecast cannot be made.
    """
    states = [value for value in (args.explicit, args.lock) if value]
    if args.channel or states:
        from conda_pipsafe.cli.plan_states import foresee

        return _show(console, foresee(args), args.rest, solver="py-rattler" if args.channel else None)
    words = args.rest[1:] if args.rest[:1] == ["conda"] else args.rest
    if changes_nothing(words):
        return _show(console, foresee_nothing(args, words), words)
    _check(words)
    if "conda" not in sys.modules:
        return _by_conda(args, console, words)
    _check_hooks()
    return _show(console, _ask(_with_target(args, words), console, download=args.download), words)


def _check(words: Sequence[str]) -> None:
    known = ", ".join(COMMANDS)
    if not words:
        raise PipsafeError(
            "no conda command is given",
            hint="write it after --, as in:  conda pipsafe plan -- install numpy=2",
            exit_code=Exit.USAGE,
        )
    if words[0] not in COMMANDS or (words[0] == "env" and words[1:2] not in [[name] for name in ENV_COMMANDS]):
        raise PipsafeError(
            f"`conda {' '.join(words[:2])}` is no command that changes an environment",
            hint=f"one of: {known} ({', '.join(ENV_COMMANDS)})",
            exit_code=Exit.USAGE,
        )


def _check_hooks() -> None:
    """Never start a command that our hook would not end: `conda env update` knows no dry run."""
    from conda_pipsafe.engines.conda_context import version_and_hooks

    version, registered, _ = version_and_hooks()
    if not registered:
        raise PipsafeError(
            f"conda {version} has not loaded the plugin's hooks, so it cannot be asked",
            hint="`conda -v info` shows why a plugin does not load",
        )


def _with_target(args: argparse.Namespace, words: Sequence[str]) -> list[str]:
    """conda's words with our `-n` or `-p` among them."""
    target = ["-n", args.name] if args.name else ["-p", args.prefix] if args.prefix else []
    start = 2 if words[0] == "env" else 1
    own = [word for word in words[start:] if word.split("=")[0] in {"-n", "--name", "-p", "--prefix"}]
    if target and own:
        raise PipsafeError(
            f"the environment is named twice: {target[0]} {target[1]}, and {own[0]} after --",
            hint="leave one out",
            exit_code=Exit.USAGE,
        )
    return [*words[:start], *target, *words[start:]]


def _ask(words: Sequence[str], console: Console, *, download: bool) -> dict[str, Any]:
    """Run conda up to the point where it knows its transaction; our own hook there answers."""
    with tempfile.TemporaryDirectory(prefix="pipsafe-") as folder:
        answer = os.path.join(folder, "answer.json")
        variables = {
            **os.environ,
            "PIPSAFE_PLAN": answer,
            "PIPSAFE_PLAN_DOWNLOAD": "1" if download else "0",
            # Wherever our hook were not asked, conda would do nothing either.
            "CONDA_DRY_RUN": "true",
            "CONDA_REPORT_ERRORS": "false",
            "CONDA_QUIET": "true",
        }
        console.note("Asking conda what it would do …")
        done = subprocess.run(
            [sys.executable, "-m", "conda", *words],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return _read(answer, words, done)


def _read(path: str, words: Sequence[str], done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            answer = json.load(file)
    except (OSError, ValueError):
        answer = {}
    if answer.get("state") == "done" and answer.get("version") == _ANSWER_VERSION:
        return dict(answer)
    # What goes to stdout on the way is no part of the error; conda's help goes there.
    said = done.stderr.strip() or done.stdout.strip()
    line = f"`conda {' '.join(words)}`"
    if done.returncode:
        usage = Exit.USAGE if done.returncode == Exit.USAGE else Exit.ERROR
        raise PipsafeError(f"{line} fails:\n{said}", exit_code=usage)
    raise PipsafeError(
        f"{line} ended before it knew what to do, so there is no forecast:\n{said}",
        hint="is the plugin loaded?  `conda pipsafe status` tells",
    )


def _by_conda(args: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    """Let the user's conda run this very command: only inside of it are our hooks."""
    executable = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if not executable or os.environ.get(_INNER):
        raise PipsafeError(
            "there is no conda to ask",
            hint="name channels to solve with py-rattler:  pipsafe plan -p PATH -c conda-forge -- install numpy=2",
        )
    ours = [*(["-n", args.name] if args.name else ["-p", args.prefix] if args.prefix else [])]
    ours += ["--download"] if args.download else []
    ours += ["--json"] if console.as_json else []
    ours += ["-q"] if console.quiet else []
    ours += ["-v"] * console.verbose
    variables = {**os.environ, _INNER: "1"}
    done = subprocess.run([executable, "pipsafe", "plan", *ours, "--", *words], env=variables, check=False)
    return done.returncode


def _show(console: Console, answer: dict[str, Any], words: Sequence[str], solver: str | None = None) -> int:
    value = answer["value"]
    lines = answer["every_path" if console.verbose else "lines"]
    if console.verbose:
        console.say(_packages(value))
    for line in lines:
        console.result(line)
    command = f"`conda {' '.join(words)}`" if words else "this"
    if solver:
        command = f"{solver}'s solution of `{' '.join(words)}` (conda's may be another)"
    passed = sorted({item["name"] for item in (*value["harms"], *value["replaced"]) if item["ignored"]})
    if passed:
        console.say(f"passed over (plugins.pipsafe_ignore): {', '.join(passed)}")
    if not value["harmed"]:
        console.say(f"nothing that pip installed in {value['prefix']} is harmed by {command}{_doubt(value)}")
    elif not value["exact"]:
        console.say(_not_exact(value))
    for note in value["notes"]:
        console.note(f"note: {note}")
    console.emit("plan", {**value, "conda_command": list(words)})
    return int(Exit.FINDINGS if value["harmed"] else Exit.OK)


def _doubt(value: dict[str, Any]) -> str:
    return "" if value["exact"] else ", as far as names tell\n" + _not_exact(value)


def _not_exact(value: dict[str, Any]) -> str:
    missing = [package["name"] for package in value["link"] if not package["exact"]]
    shown = ", ".join(missing[:_FEW]) + (", …" if len(missing) > _FEW else "")
    which = "1 package that is" if len(missing) == 1 else f"{len(missing)} packages that are"
    return f"names only for {which} not downloaded ({shown}); with --download it is exact"


def _packages(value: dict[str, Any]) -> str:
    signs = [("-", item) for item in value["unlink"]] + [("+", item) for item in value["link"]]
    return "\n".join(f"  {sign} {item['name']} {item['version']} {item['build']}" for sign, item in signs)
