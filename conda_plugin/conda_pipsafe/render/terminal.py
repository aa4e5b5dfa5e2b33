"""Text that a terminal may be given."""

from __future__ import annotations

import re

# Names come from files that may be hostile: no escape sequence, bidirectional override or newline gets through.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Replace what a terminal would obey by its escape (`\x1b`); line ends and tabs stay."""
    return _UNPRINTABLE.sub(lambda match: ascii(match.group())[1:-1], text)
