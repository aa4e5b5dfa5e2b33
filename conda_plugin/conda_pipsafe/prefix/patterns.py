"""Regular expressions that are compiled when they are first used: most commands need few of them, and wait for none."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Lazy:
    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._pattern: str | bytes = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever `re.Pattern` has
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, value)  # the next time it is found without this
        return value


def lazy(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, made when it is first asked for anything.

    Args:
        pattern: The regular expression.
        flags: As `re.compile` takes them.
    """
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))
