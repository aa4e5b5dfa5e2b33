"""What conda's channels have under given names: in conda's process from its cache, or as a program, fetched anew.

The program is run by `channel_look`: it can be left alone when a channel is slow. conda's own functions fetch; sharded
repodata (CEP 16) package by package.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from conda_pipsafe.engines.local_archives import tell_inside
from conda_pipsafe.engines.repodata import records_named

_NAMES = ("name", "version", "build", "build_number", "depends", "purls", "noarch", "inside")
_InChannel = Callable[[str, Sequence[str]], tuple[list[dict[str, Any]], list[str]]]


def main() -> None:
    """Read `{"names": […], "channels": […]}` on stdin; write what `look` finds on stdout, as one JSON value."""
    # Loaded while the one who asks still finds out the names.
    import conda.core.subdir_data  # noqa: F401
    from conda.base.context import context

    context.__init__()  # as every conda command does: reads .condarc
    asked = json.loads(sys.stdin.readline() or "null")
    if asked is not None:
        print(json.dumps(look(asked["names"], asked["channels"], fetched)), flush=True)


def look(names: Sequence[str], channels: Sequence[str], in_channel: _InChannel) -> dict[str, Any]:
    """Look for packages in the given channels, then in those of the settings.

    Args:
        names: conda names.
        channels: URLs, paths or names.
        in_channel: Gives the records that a subdir's URL has of some names, and the names that it has beyond them.

    Returns:
        `packages`: records, each with `channel` and `order`; `unread`: names of which a channel has packages that were
        not looked into, with the channel; `caches`: package caches; `failed`: channels that cannot be read, and why.
    """
    from conda.base.context import context
    from conda.models.channel import Channel, all_channel_urls

    urls = list(all_channel_urls([*channels, *context.channels], subdirs=context.subdirs))
    known = list(dict.fromkeys(str(Channel(url).canonical_name) for url in urls))
    found: dict[str, Any] = {"packages": [], "unread": {}, "failed": {}, "caches": list(map(str, context.pkgs_dirs))}
    for url in urls:
        name = str(Channel(url).canonical_name)
        try:
            records, unread = in_channel(url, names)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one channel, the others are looked at
            found["failed"][name] = _first_line(error)
            continue
        tell_inside(url, records)
        found["unread"].update(dict.fromkeys(unread, name))
        for record in records:
            kept = {key: record.get(key) for key in _NAMES}
            found["packages"].append({**kept, "channel": name, "order": known.index(name)})
    return found


def fetched(url: str, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The records of a channel's subdir, as conda fetches them or has them in its cache while they are fresh."""
    from conda.core.subdir_data import SubdirData
    from conda.models.channel import Channel

    data = SubdirData(Channel(url))
    records = _from_shards(data, names)
    if records is None:
        path = os.fspath(data.repo_fetch.fetch_latest_path()[0])
        records = records_named(path, names)
    return records, []


def _from_shards(data: Any, names: Sequence[str]) -> list[dict[str, Any]] | None:  # noqa: ANN401 - conda's SubdirData
    """The records, where the channel has sharded repodata and this conda knows that."""
    from pathlib import Path

    from conda.base.context import context
    from conda.gateways.repodata import create_cache_dir

    try:
        from conda._private.shards import cache, shards  # 26.7; conda has no public name for single shards
    except ImportError:
        return None
    if not context.repodata_use_shards or data.url_w_subdir.startswith("file://"):
        return None
    index = shards.fetch_shards_index(data)
    if index is None:
        return None
    has = [name for name in names if name in index.package_names]
    with cache.ShardCache(Path(create_cache_dir())) as kept:
        missing = shards.batch_retrieve_from_cache([index], has, kept)
        if missing:
            shards.batch_retrieve_from_network(missing)
    return [dict(record) for _, record in index.iter_records()]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    main()
