"""Files that differ from what conda linked only in the prefix that stands in them: the environment was moved.

conda-unpack and the like write an environment's new path where the old one stood, in text and in binaries. With the
path turned back into the package's placeholder such a file is the one in the package, to the byte. conda-pack also has
the first line of a script look for its interpreter on PATH (`conda_pack.prefixes.rewrite_shebang`). How conda puts the
prefix in: `conda.core.portability`; the fields: conda's `paths.json` (`prefix_placeholder`, `file_mode`, `sha256`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.files import UnreadableError, read_bytes

_LIMIT = 256 * 1024 * 1024
_ON_PATH = b"#!/usr/bin/env "


def relocated_files(prefix: str, record: Record, paths: Iterable[str], root: str | None = None) -> frozenset[str]:
    """Those of a record's installed paths whose files are the package's, with an environment's path in them.

    Args:
        prefix: The environment.
        record: Whose paths they are.
        paths: Installed paths.
        root: The path that is to stand in them; None for this environment's.
    """
    if len(record.files) != len(record.paths_data):
        return frozenset()
    wanted = frozenset(paths)
    entries = {path: entry for path, entry in zip(record.files, record.paths_data, strict=True) if path in wanted}
    here = {os.fsencode(each) for each in ((prefix, os.path.realpath(prefix)) if root is None else (root,))}
    return frozenset(
        path
        for path, entry in entries.items()
        if (placeholder := entry.get("prefix_placeholder"))
        and isinstance(placeholder, str)
        and _is_packaged(prefix, path, entry, placeholder.encode(), here)
    )


def _is_packaged(prefix: str, path: str, entry: Mapping[str, Any], placeholder: bytes, here: Iterable[bytes]) -> bool:
    """Whether a file is the package's with the placeholder in the place of the prefix; not when it cannot be read."""
    try:
        content = read_bytes(prefix, path, _LIMIT)
    except UnreadableError:
        return False
    if entry.get("file_mode") == "binary":
        found = [_unpadded(content, one, placeholder) for one in here]
    else:
        found = [content.replace(one, placeholder) for one in here]
        if content.startswith(_ON_PATH):
            found.append(b"".join([b"#!", placeholder, b"/bin/", content.removeprefix(_ON_PATH)]))
    return entry.get("sha256") in {hashlib.sha256(one).hexdigest() for one in found}


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
