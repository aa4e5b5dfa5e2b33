"""Ask conda's channels: what conda has cached, or in a process of its own, which is left when it takes too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from conda_pipsafe.forecast.names import Undownloaded
from conda_pipsafe.installer.offers import ChannelPackage, Looked

_PROGRAM = "conda_pipsafe.engines.conda_channels"


def look_at_cache(names: Sequence[str], channels: Sequence[str]) -> Looked:
    """What the channels of the conda that runs us have, as far as it has that on disk: a few milliseconds."""
    from conda_pipsafe.engines.conda_cache import in_cache
    from conda_pipsafe.engines.conda_channels import look

    return _looked(look(names, channels, in_cache))


class ChannelLook:
    """A look at the channels of the conda that runs us; it starts at once, so that conda loads while pip works.

    Args:
        folder: An empty folder to run in: what stands in the user's is not to be imported.
    """

    def __init__(self, folder: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM],
            cwd=folder,
            env={**os.environ, "CONDA_REPORT_ERRORS": "false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, names: Sequence[str], channels: Sequence[str], *, seconds: float) -> Looked | None:
        """What the channels have under these names; None when that is not known within `seconds`, or at all."""
        timer = threading.Timer(seconds, self._child.kill)
        timer.start()
        try:
            told, _ = self._child.communicate(json.dumps({"names": list(names), "channels": list(channels)}) + "\n")
        except OSError:
            return None
        finally:
            timer.cancel()
        try:
            return _looked(json.loads(told))
        except (ValueError, KeyError, TypeError):
            return None

    def __enter__(self) -> ChannelLook:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.poll() is None:
            self._child.kill()
        with self._child:
            pass


def _looked(value: Mapping[str, Any]) -> Looked:
    return Looked(
        tuple(_package(record) for record in value["packages"]),
        value["unread"],
        tuple(value["caches"]),
        tuple(f"{name} cannot be looked at: {why}" for name, why in value["failed"].items()),
    )


def _package(record: Mapping[str, Any]) -> ChannelPackage:
    purls = record["purls"]
    return ChannelPackage(
        Undownloaded(
            record["name"],
            str(record["version"]),
            tuple(map(str, purls)) if purls is not None else None,
            tuple(map(str, record["depends"] or ())),
            str(record["noarch"]) if record["noarch"] else None,
            record["inside"],
        ),
        str(record["build"]),
        int(record["build_number"] or 0),
        record["channel"],
        int(record["order"]),
    )
