"""What the packages of a channel on this disk hold: their own word, where their repodata has no purls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conda_pipsafe.forecast.package_paths import distributions_among

_INSIDE = "info/paths.json"
_TRIED = 3  # archives of one name: the first that can be read tells for all


def tell_inside(url: str, records: Sequence[dict[str, Any]]) -> None:
    """Add `inside` to records without purls of a `file://` channel: canonical names of distributions, with version.

    Args:
        url: The subdir's.
        records: From its repodata; changed in place.
    """
    if not url.startswith("file://"):
        return
    from conda.common.path import url_to_path

    folder = url_to_path(url)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.get("purls") is None:
            by_name.setdefault(str(record.get("name")), []).append(record)
    for several in by_name.values():
        found = _first(folder, several)
        if found is None:
            continue
        version, dists = found
        for record in several:
            # What has the package's version follows it; what has one of its own is left as it was seen.
            record["inside"] = {key: record["version"] if has == version else has for key, has in dists.items()}


def _first(folder: str, records: Iterable[Mapping[str, Any]]) -> tuple[str, dict[str, str]] | None:
    for record in list(records)[-_TRIED:]:
        stem = os.path.join(folder, f"{record.get('name')}-{record.get('version')}-{record.get('build')}")
        path = next((stem + ending for ending in (".conda", ".tar.bz2") if os.path.isfile(stem + ending)), None)
        if path is None:
            continue
        try:
            return str(record["version"]), _distributions(path)
        except Exception:  # noqa: BLE001, S112 - an archive that cannot be read says nothing
            continue
    return None


def _distributions(archive: str) -> dict[str, str]:
    from conda_package_streaming.package_streaming import stream_conda_component

    for tar, member in stream_conda_component(archive, component="info"):
        if member.name == _INSIDE:
            file = tar.extractfile(member)
            paths = [str(item["_path"]) for item in json.load(file)["paths"]] if file else []
            return distributions_among(paths)
    raise ValueError(f"{archive} has no {_INSIDE}")
