"""The records of a few names in a `repodata.json`, without parsing the rest.

conda-forge's has 250 MB and takes several seconds and gigabytes to parse. Its keys are file names, and indexers write
them in order, so that a name is found by halving. A small file, and one that is in no order, is parsed.
https://docs.conda.io/projects/conda-build/en/stable/concepts/generating-index.html
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

_KEY = re.compile(rb'"([^"\\\s]+\.(?:conda|tar\.bz2))"\s*:\s*(?=\{)')
_SECTIONS = (rb'"packages"', rb'"packages\.conda"')
_USUAL_RECORD, _LONGEST_RECORD = 1 << 12, 1 << 18
_NEAR = 1 << 13
_PROBES = 64
_SMALL = 1 << 22
_decoder = json.JSONDecoder()


def records_named(path: str, names: Sequence[str], *, thorough: bool = True) -> list[dict[str, Any]]:
    """The records that a file has under some names.

    Args:
        path: The file.
        names: conda names.
        thorough: Parse a large file that is in no order; else nothing is found in it.

    Raises:
        OSError: When it cannot be read.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > _SMALL:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                bounds = _bounds(content)
                if bounds and all(_is_ordered(content, low, high) for low, high in bounds):
                    return [record for name in names for bound in bounds for record in _halving(content, name, *bound)]
            if not thorough:
                return []
        return _parsed(file.read(), frozenset(names))


def _parsed(content: bytes, names: frozenset[str]) -> list[dict[str, Any]]:
    try:
        value = json.loads(content)
        sections = [value.get(name) or {} for name in ("packages", "packages.conda")]
        return [record for section in sections for record in section.values() if record.get("name") in names]
    except (ValueError, AttributeError):
        return []


def _bounds(content: mmap.mmap) -> list[tuple[int, int]]:
    """Where each section with packages begins, behind its name, and ends."""
    starts = [match.end() for name in _SECTIONS if (match := re.search(name + rb"\s*:", content)) is not None]
    starts.sort()
    return list(zip(starts, [*starts[1:], len(content)], strict=True))


def _key_after(content: mmap.mmap, position: int, high: int) -> tuple[bytes, int, int] | None:
    """The first key at or after a position: itself, where it begins, where its record begins."""
    match = _KEY.search(content, position, high)
    return (match.group(1), match.start(), match.end()) if match else None


def _is_ordered(content: mmap.mmap, low: int, high: int) -> bool:
    step = max((high - low) // _PROBES, 1)
    probes = [probe[0] for place in range(low, high, step) if (probe := _key_after(content, place, high))]
    return probes == sorted(probes)


def _halving(content: mmap.mmap, name: str, low: int, high: int) -> Iterator[dict[str, Any]]:
    first = f"{name}-".encode()
    start, end = low, high
    while end - start > _NEAR:
        middle = (start + end) // 2
        probe = _key_after(content, middle, high)
        if probe is not None and probe[0] < first:
            start = probe[1]
        else:
            end = middle
    found = _key_after(content, start, high)
    while found is not None and (found[0] < first or found[0].startswith(first)):
        if found[0].startswith(first) and (record := _decoded(content, found[2])).get("name") == name:
            yield record
        found = _key_after(content, found[2], high)


def _decoded(content: mmap.mmap, position: int) -> dict[str, Any]:
    for length in (_USUAL_RECORD, _LONGEST_RECORD):
        try:
            value, _ = _decoder.raw_decode(content[position : position + length].decode("utf-8", "replace"))
        except ValueError:
            continue
        return value if isinstance(value, dict) else {}
    return {}
