"""Where output goes: one value on stdout with `--json`, everything else for people, nothing that a terminal obeys."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from conda_pipsafe.render.terminal import printable

SCHEMA_VERSION = 1


class Console:
    """What a command may say, and how loud.

    Attributes:
        as_json: `--json`: `emit` writes the one value, `say` and `detail` are mute.
        quiet: `-q`: `say` is mute.
        verbose: How many times `-v` was given.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: int = 0) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose

    def say(self, text: str = "") -> None:
        """Print a result for people on stdout."""
        if not self.as_json and not self.quiet:
            print(printable(text), file=sys.stdout)

    def result(self, text: str) -> None:
        """Print what was asked for on stdout, also with `-q`; mute only with `--json`."""
        if not self.as_json:
            print(printable(text), file=sys.stdout)

    def note(self, text: str) -> None:
        """Say something beside the result, on stderr; mute with `-q`."""
        if not self.quiet:
            print(printable(text), file=sys.stderr)

    def error(self, text: str) -> None:
        """Say what went wrong, on stderr, always."""
        print(printable(text), file=sys.stderr)

    def emit(self, command: str, value: Mapping[str, Any]) -> None:
        """With `--json`, write the command's one value on stdout: `schema_version` and `command` lead it."""
        if self.as_json:
            import json

            document = {"schema_version": SCHEMA_VERSION, "command": command, **value}
            print(json.dumps(document, indent=2, ensure_ascii=True, default=str), file=sys.stdout)
