"""The `purls` of a package, from the repodata that conda has cached: its own models leave them out (26.7).

conda's cache is searched for the package's file name, not parsed: parsing takes seconds where this takes milliseconds.
Channels without `purls` (conda-forge's own repodata has none) are told by their beginning, and not searched.
"""

from __future__ import annotations

import json
import mmap
import os
from functools import lru_cache
from typing import Any

_BEGINNING = 4 * 1024 * 1024  # bytes in which one of the packages will have them, if the channel gives any
_LARGEST = 128 * 1024 * 1024  # bytes; to search more would be noticed
_ENTRY = 256 * 1024  # bytes that one package's entry may have


def purls_of(prec: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - a conda PackageRecord
    """The package URLs that the channel gives for a package; None when it says nothing of them."""
    given = getattr(prec, "purls", None)
    if given is not None:
        return tuple(map(str, given))
    path = _cached_repodata(str(prec.url or "").rpartition("/")[0])
    entry = _entry(path, str(prec.fn)) if path else None
    found = entry.get("purls") if entry else None
    return tuple(map(str, found)) if isinstance(found, list) else None


@lru_cache(maxsize=32)
def _cached_repodata(url: str) -> str | None:
    """conda's copy of the repodata of a channel's subdir, where that is worth a search."""
    from conda.core.subdir_data import SubdirData
    from conda.models.channel import Channel

    if not url:
        return None
    path = str(SubdirData(Channel(url)).cache_path_json)
    try:
        with open(path, "rb") as file:
            large = os.fstat(file.fileno()).st_size > _LARGEST
            return None if large or b'"purls"' not in file.read(_BEGINNING) else path
    except OSError:
        return None


def _entry(path: str, name: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            start = text.find(json.dumps(name).encode() + b":")
            if start < 0:
                return None
            begin = text.find(b"{", start)
            entry = json.JSONDecoder().raw_decode(text[begin : begin + _ENTRY].decode("utf-8", "replace"))[0]
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None
