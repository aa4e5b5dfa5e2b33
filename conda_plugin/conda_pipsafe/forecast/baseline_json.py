"""A baseline as JSON values, and back: it is kept on disk for the case that nobody sees the end of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conda_pipsafe.forecast.outcome import Baseline, Watched


def baseline_to_json(baseline: Baseline) -> dict[str, Any]:
    """The baseline as JSON values, for `baseline_from_json`."""
    return {
        "prefix": baseline.prefix,
        "python": baseline.python,
        "site": baseline.site,
        "watched": [
            [dist.name, dist.version, dist.installer, dist.path, dict(dist.files), list(dist.again)]
            for dist in baseline.watched
        ],
        "stamps": {path: list(stamp) for path, stamp in baseline.stamps.items()},
        "shared": sorted(baseline.shared),
        "replaced": sorted(baseline.replaced),
        "doubled": sorted(baseline.doubled),
        "foreseen": None if baseline.foreseen is None else sorted(baseline.foreseen),
    }


def baseline_from_json(value: Mapping[str, Any]) -> Baseline:
    """The baseline that `baseline_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: When the value is not one.
    """
    return Baseline(
        prefix=value["prefix"],
        python=value["python"],
        site=value["site"],
        watched=tuple(
            Watched(name, version, installer, path, dict(files), tuple(*again))
            for name, version, installer, path, files, *again in value["watched"]
        ),
        stamps={path: (int(ino), int(size), int(mtime)) for path, (ino, size, mtime) in dict(value["stamps"]).items()},
        shared=frozenset(value["shared"]),
        replaced=frozenset(value["replaced"]),
        doubled=frozenset(value["doubled"]),
        foreseen=None if value["foreseen"] is None else frozenset(value["foreseen"]),
    )
