"""RECORD: what an installer says it wrote for one distribution.

The format is PyPA's "Recording installed projects" (PEP 376, PEP 627): CSV rows of path, hash and size.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from conda_pipsafe.prefix.files import Problem
from conda_pipsafe.prefix.paths import from_site

_COLUMNS = 3
csv.field_size_limit(1024 * 1024)


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One row of a RECORD.

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
        if self.hash is None or not self.hash.startswith("sha256="):
            return None
        digest = self.hash.removeprefix("sha256=")
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
    for row in _rows(text):
        if row is None:
            broken += 1
            continue
        path = from_site(prefix, site, row[0])
        if path is None:
            outside += 1
            continue
        size = int(row[2]) if len(row) > 2 and row[2].isdecimal() and len(row[2]) < 19 else None  # noqa: PLR2004
        rows.append(RecordedFile(path, (row[1] or None) if len(row) > 1 else None, size))
    problems = []
    if outside:
        problems.append(Problem("invalid-path", source, f"{outside} rows lead out of the environment"))
    if broken:
        problems.append(Problem("invalid-metadata", source, f"{broken} rows are not path, hash and size"))
    return rows, problems


def _rows(text: str) -> Iterator[list[str] | None]:
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
