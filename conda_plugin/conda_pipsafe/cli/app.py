"""The command line: the same below `conda pipsafe` and, without conda, as `pipsafe`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast

from conda_pipsafe import __version__
from conda_pipsafe.cli.console import Console
from conda_pipsafe.errors import Exit, PipsafeError

# Only the chosen command's module is imported.
COMMANDS: dict[str, str] = {
    "install": "Install Python packages with the environment's own pip, without harming conda's.",
    "upgrade": "Upgrade what pip owns, without touching conda's.",
    "uninstall": "Remove what pip installed, without taking conda's files along.",
    "guard": "Have pip itself refuse to replace what conda owns: opt-in, per environment.",
    "list": "Every Python distribution: owner, version, source, requested, when, by whom.",
    "audit": "Find what conda and pip did to each other in an environment.",
    "plan": "What a conda command would do to what pip installed, without doing it.",
    "status": "What is recorded, which mode is on, whether the hooks are there.",
    "history": "What happened to pip's packages in an environment, in order.",
    "explain": "Explain a finding's code: what it means, how it comes about, how to get out.",
    "demo": "Build a throw-away environment, let conda and pip harm each other, show what is seen.",
}


class Command(Protocol):
    """What each module `conda_pipsafe.cli.NAME` offers.

    One that passes words on to another program also has `split(words) -> (ours, theirs)`; it finds theirs in
    `args.rest`.
    """

    EXAMPLES: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options."""

    def run(self, args: argparse.Namespace, console: Console) -> int:
        """Do it; return the exit code.

        Raises:
            PipsafeError: For anything that a person can mend.
        """


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, found without `shutil`: argparse makes one also where nothing is shown."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PipsafeError(message, hint=f"see `{self.prog} --help`", exit_code=Exit.USAGE)


def main(argv: Sequence[str] | None = None, *, program: str = "pipsafe") -> int:
    """Run one command line.

    Args:
        argv: The words after the program's name; `sys.argv[1:]` when None.
        program: How the user called it: `pipsafe` or `conda pipsafe`.

    Returns:
        The exit code (`Exit`).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Known before parsing, so that an error in the options is JSON too.
    console = Console(as_json="--json" in (words[: words.index("--")] if "--" in words else words))
    try:
        return _dispatch(words, program, console)
    except PipsafeError as error:
        console.error(f"pipsafe: error: {error.message}")
        if error.hint:
            console.error(f"  {error.hint}")
        console.emit("error", {"error": error.message, "hint": error.hint, "exit_code": int(error.exit_code)})
        return int(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.OK)
    except KeyboardInterrupt:
        console.error("pipsafe: interrupted")
        console.emit("error", {"error": "interrupted", "hint": None, "exit_code": 130})
        return 130


def _columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` tells it."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _dispatch(words: list[str], program: str, console: Console) -> int:
    top = _top_parser(program)
    position = _command_position(words)
    if position is None:
        if not words:
            top.print_help()
            return int(Exit.USAGE)
        top.parse_args(words)
        return int(Exit.OK)
    name = words[position]
    if name not in COMMANDS:
        raise PipsafeError(f"unknown command {name!r}", hint=f"one of: {', '.join(COMMANDS)}", exit_code=Exit.USAGE)
    command = cast("Command", import_module(f"conda_pipsafe.cli.{name}"))
    parser = _command_parser(program, name, command)
    rest_words = words[:position] + words[position + 1 :]
    split = getattr(command, "split", None)
    ours, theirs = split(rest_words) if split else (rest_words, [])
    args = parser.parse_args(ours)
    args.rest = theirs
    console.quiet, console.verbose = args.quiet, args.verbose
    return command.run(args, console)


def _command_position(words: list[str]) -> int | None:
    """Where the command is: the first word that is neither an option nor the value of `-n` or `-p`."""
    is_value = False
    for index, word in enumerate(words):
        if is_value:
            is_value = False
        elif word in {"-n", "--name", "-p", "--prefix"}:
            is_value = True
        elif not word.startswith("-"):
            return index
    return None


def _top_parser(program: str) -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())
    parser = _Parser(
        prog=program,
        usage=f"{program} COMMAND [OPTIONS]",
        description="Keep conda and pip from harming each other in one environment.",
        epilog=f"commands:\n{lines}\n\n`{program} COMMAND --help` shows a command's options and examples.",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"conda-pipsafe {__version__}")
    return parser


def _command_parser(program: str, name: str, command: Command) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"{program} {name}",
        description=COMMANDS[name],
        epilog="examples:\n" + "\n".join(f"  {program} {line}" for line in command.EXAMPLES.strip().splitlines()),
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="one JSON value on stdout, all else on stderr")
    output.add_argument("-q", "--quiet", action="store_true", help="say only what was asked for")
    output.add_argument("-v", "--verbose", action="count", default=0, help="say more; show every path")
    return parser
