"""Files that differ from what conda linked only in the prefix that stands in them: the environment was moved.

conda-unpack and the like write an environment's new path where the old one stood, in text and in binaries. With the
path turned back into the package's placeholder such a file is the one in the package, to the byte. How conda puts the
prefix in: `conda.core.portability`; the fields: conda's `paths.json` (`prefix_placeholder`, `file_mode`, `sha256`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.files import UnreadableError, read_bytes

_LIMIT = 256 * 1024 * 1024


def relocated_files(prefix: str, record: Record, paths: Iterable[str]) -> frozenset[str]:
    """Those of a record's installed paths whose files are the package's, with this environment's path in them."""
    if len(record.files) != len(record.paths_data):
        return frozenset()
    wanted = frozenset(paths)
    entries = {path: entry for path, entry in zip(record.files, record.paths_data, strict=True) if path in wanted}
    here = {os.fsencode(prefix), os.fsencode(os.path.realpath(prefix))}
    return frozenset(
        path
        for path, entry in entries.items()
        if (placeholder := entry.get("prefix_placeholder"))
        and isinstance(placeholder, str)
        and any(
            entry.get("sha256")
            == _in_package(prefix, path, one, placeholder.encode(), binary=entry.get("file_mode") == "binary")
            is not None
            for one in here
        )
    )


def _in_package(prefix: str, path: str, here: bytes, placeholder: bytes, *, binary: bool) -> str | None:
    """The sha256 (hex) of a file with the placeholder in the place of the prefix; None when it cannot be read."""
    try:
        content = read_bytes(prefix, path, _LIMIT)
    except UnreadableError:
        return None
    content = _unpadded(content, here, placeholder) if binary else content.replace(here, placeholder)
    return hashlib.sha256(content).hexdigest()


def _unpadded(content: bytes, here: bytes, placeholder: bytes) -> bytes:
    """Binaries keep their length: a string with the shorter prefix has as many zeros behind it as it lost."""
    room = len(placeholder) - len(here)
    if room < 0:
        return content

    def restore(match: re.Match[bytes]) -> bytes:
        text, zeros = match.group(1), match.group(2)
        lost = room * text.count(here)
        return text.replace(here, placeholder) + zeros[lost:] if len(zeros) > lost else match.group()

    return re.sub(re.escape(here).join([b"(", rb"[^\0]*)(\0+)"]), restore, content)
