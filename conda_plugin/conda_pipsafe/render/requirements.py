"""What of pip's can be installed again, as words of a command."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from conda_pipsafe.forecast.outcome import Watched
from conda_pipsafe.prefix.dist_info import Distribution


def requirements(dists: Iterable[Distribution | Watched]) -> str:
    """For a shell: `"NAME==VERSION"`, or a checkout, or an address; nothing of those that nobody knows it of."""
    words = [quote(word) for dist in dists for word in dist.again]
    return " ".join(f'"{word}"' if "==" in word and not word.startswith("'") else word for word in words)
