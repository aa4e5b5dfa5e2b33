"""Keep passwords out of what pip says: it hides those of an index, and shows those of a requirement's own address."""

from __future__ import annotations

import os
import re
import threading
from typing import IO

from conda_pipsafe.installer.arguments import PipArguments, stripped
from conda_pipsafe.prefix.patterns import lazy

_INCLUDED = lazy(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", re.MULTILINE)
_LIMIT = 1024 * 1024


def carries_secrets(arguments: PipArguments) -> bool:
    """Whether an address with a password or a token is among what pip is given, or in a file of requirements."""
    if any(stripped(word) != word for word in arguments.words):
        return True
    left, seen = list(arguments.files), set[str]()
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        text = _text(path)
        if stripped(text) != text:
            return True
        left += [os.path.join(os.path.dirname(path), found) for found in _INCLUDED.findall(text)]
    return False


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            # Reading a pipe would take what pip is to read.
            return file.read(_LIMIT) if os.path.isfile(path) else ""
    except OSError:
        return ""


class Relay:
    """A pipe, the lines of which reach a stream without passwords.

    Args:
        stream: Where they go.

    Attributes:
        end: The descriptor to write to; whoever passed it on closes it.
    """

    def __init__(self, stream: IO[str]) -> None:
        read, self.end = os.pipe()
        self._lines = os.fdopen(read, encoding="utf-8", errors="backslashreplace")
        self._stream = stream
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until all that was written is passed on."""
        self._thread.join()

    def _pass_on(self) -> None:
        with self._lines:
            for line in self._lines:
                self._stream.write(stripped(line))
                self._stream.flush()
