"""RECORD: what an installer says it wrote for one distribution.

The format is PyPA's "Recording installed projects" (PEP 376, PEP 627): CSV rows of path, hash and size.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from conda_pipsafe.prefix.files import Problem
from conda_pipsafe.prefix.paths import from_site

_COLUMNS = 3
_NEEDS_CSV = re.compile(r'["\0\r]')
csv.field_size_limit(1024 * 1024)


class RecordedFile(NamedTuple):
    """One row of a RECORD; a tuple, since a prefix has a hundred thousand of them.

    Attributes:
        path: Prefix-relative.
        hash: `ALGORITHM=DIGEST` as written (urlsafe base64 without padding), or None.
        size: Bytes, or None.
    """

    path: str
    hash: str | None
    size: int | None

    def sha256(self) -> str | None:
        """The hex sha256, or None when the row has none or one of another algorithm."""
        return sha256_hex(self.hash or "")


def sha256_hex(written: str) -> str | None:
    """The hex sha256 of a RECORD's hash (`ALGORITHM=DIGEST`); None for another algorithm, or where it is none."""
    if not written.startswith("sha256="):
        return None
    digest = written.removeprefix("sha256=")
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
    except (binascii.Error, ValueError):
        return None


def parse_record_csv(text: str, prefix: str, site: str, source: str) -> tuple[list[RecordedFile], list[Problem]]:
    """Parse a RECORD.

    Args:
        text: Its content.
        prefix: Absolute path of the environment.
        site: The site-packages folder that its rows are relative to, prefix-relative.
        source: The RECORD's own prefix-relative path, for problems.

    Returns:
        The rows that stay in the prefix, and a problem for the first of each kind of bad row.
    """
    rows: list[RecordedFile] = []
    outside = broken = 0
    # A plain name below site-packages, as nearly all are, is spared the call that makes it safe.
    careful = os.name == "nt" or "//" in text or "/." in text or "\0" in text
    for row in _rows(text):
        if row is None:
            broken += 1
            continue
        name = row[0]
        path = from_site(prefix, site, name) if careful or name[0] in "./" else f"{site}/{name}"
        if path is None:
            outside += 1
            continue
        digest = row[1] if len(row) > 1 else ""
        written = row[2] if len(row) > 2 else ""  # noqa: PLR2004
        size = int(written) if written.isdecimal() and len(written) < 19 else None  # noqa: PLR2004
        rows.append(RecordedFile(path, digest or None, size))
    problems = []
    if outside:
        rows_lead = "1 row leads" if outside == 1 else f"{outside} rows lead"
        problems.append(Problem("invalid-path", source, f"{rows_lead} out of the environment"))
    if broken:
        rows_are = "1 row is" if broken == 1 else f"{broken} rows are"
        problems.append(Problem("invalid-metadata", source, f"{rows_are} not path, hash and size"))
    return rows, problems


def plain_paths(text: str, prefix: str, site: str) -> list[str] | None:
    """The prefix-relative paths of a RECORD, without their hashes, where no row needs care: a tenth of the time.

    Returns:
        None when a row is quoted, absolute, leads out, or not path, hash and size: then `parse_record_csv` it.
    """
    lines = _plain_lines(text)
    return None if lines is None else _plain_names([line.partition(",")[0] for line in lines], prefix, site)


def plain_hashes(text: str, prefix: str, site: str) -> list[tuple[str, str]] | None:
    """As `plain_paths`, each with its hash as written (`ALGORITHM=DIGEST`, or nothing)."""
    lines = _plain_lines(text)
    if lines is None:
        return None
    rows = [line.split(",") for line in lines]
    paths = _plain_names([row[0] for row in rows], prefix, site)
    return None if paths is None else [(path, row[1]) for path, row in zip(paths, rows, strict=True)]


def _plain_lines(text: str) -> list[str] | None:
    text = text.replace("\r\n", "\n")
    if os.name == "nt" or _NEEDS_CSV.search(text) or "//" in text or "\n/" in text or text[:1] in "/,\n":
        return None
    lines = text.rstrip("\n").split("\n")
    if "\n," in text or any(line.count(",") != _COLUMNS - 1 for line in lines):
        return None
    return lines


def _plain_names(names: list[str], prefix: str, site: str) -> list[str] | None:
    paths = [from_site(prefix, site, name) if "./" in name else f"{site}/{name}" for name in names]
    return [path for path in paths if path is not None] if None not in paths else None


def _rows(text: str) -> Iterator[list[str] | None]:
    text = text.replace("\r\n", "\n")
    if not _NEEDS_CSV.search(text):  # nearly every RECORD, in half the time
        for line in text.split("\n"):
            if line:
                row = line.split(",")
                yield row if len(row) <= _COLUMNS and row[0] else None
        return
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        if row:
            yield row if len(row) <= _COLUMNS and row[0] else None
