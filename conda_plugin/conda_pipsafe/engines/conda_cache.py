"""What conda has on disk of its channels, read where conda keeps it: for a hint, which may cost nothing.

Imports of conda only what its command line has loaded anyway: no session, no network. Where a conda keeps these files
differently, nothing is found.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

from conda_pipsafe.engines.repodata import records_named

_SHARDS_INDEX, _SHARDS = "repodata_shards.msgpack.zst", "repodata_shards.db"
_MOST = 1 << 27  # bytes of an unpacked index: conda's own limit


def in_cache(url: str, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The records of a channel's subdir that are on disk, and the names that it has beyond them.

    Args:
        url: The subdir's, with credentials, as conda has it.
        names: conda names.
    """
    if url.startswith("file://"):
        from conda.common.path import url_to_path

        return records_named(os.path.join(url_to_path(url), "repodata.json"), names, thorough=False), []
    stem = hashlib.md5(f"{url.rstrip('/')}/".encode(), usedforsecurity=False).hexdigest()[:8]
    for folder in _folders():
        index = os.path.join(folder, f"{stem}.msgpack.zst")
        if os.path.isfile(index):
            return _from_shards(url, index, os.path.join(folder, _SHARDS), names)
        path = os.path.join(folder, f"{stem}.json")
        if os.path.isfile(path):
            return records_named(path, names, thorough=False), []
    return [], []


def _folders() -> list[str]:
    from conda.base.context import context

    return [os.path.join(str(folder), "cache") for folder in context.pkgs_dirs]


def _from_shards(url: str, index: str, database: str, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """From the index of the shards (CEP 16) and the shards that conda has fetched once."""
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    try:
        import msgpack
        from conda._private.zstd import capped_decompress  # 26.7; which zstd there is is conda's to know
    except ImportError:
        return [], []
    with open(index, "rb") as file:
        told = msgpack.loads(capped_decompress(file.read(), _MOST))
    base = urljoin(f"{url.rstrip('/')}/{_SHARDS_INDEX}", told["info"].get("shards_base_url") or "")
    base = base if base.endswith("/") else f"{base.rpartition('/')[0]}/"
    has = {f"{base}{bytes(told['shards'][name]).hex()}.msgpack.zst": name for name in names if name in told["shards"]}
    rows = []
    if has and os.path.isfile(database):
        with closing(sqlite3.connect(f"{Path(database).as_uri()}?mode=ro", uri=True, timeout=0.2)) as kept:
            places = ",".join("?" * len(has))
            rows = kept.execute(f"SELECT url, shard FROM shards WHERE url IN ({places})", list(has)).fetchall()  # noqa: S608 - only question marks
    records = []
    for address, packed in rows:
        has.pop(address)
        shard = msgpack.loads(capped_decompress(packed, _MOST))
        records += [dict(record) for group in ("packages", "packages.conda") for record in shard[group].values()]
    return records, list(has.values())
