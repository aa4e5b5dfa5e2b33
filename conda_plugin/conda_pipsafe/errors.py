"""What every part of the project raises for a person to read, and the exit codes of the commands."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes: 0 done or clean, 1 error, 2 usage, 3 findings, 4 refused by policy."""

    OK = 0
    ERROR = 1
    USAGE = 2
    FINDINGS = 3
    REFUSED = 4


class PipsafeError(Exception):
    """An error that a person can act on.

    Args:
        message: What is wrong, and where.
        hint: What to do next; None where the message says it.
        exit_code: What the command ends with.
    """

    def __init__(self, message: str, *, hint: str | None = None, exit_code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
