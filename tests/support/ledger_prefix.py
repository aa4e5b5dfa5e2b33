"""A prefix written by hand, for what no installer does: any file, any time, any damage."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

SITE = "lib/python3.12/site-packages"
LONG_AGO = 1_700_000_000  # 2023-11-14T22:13:20Z


class HandMade:
    """An environment as conda leaves it, with Python 3.12."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = str(root)
        (root / "conda-meta").mkdir(parents=True)
        (root / SITE).mkdir(parents=True)
        self.record("python", "3.12.1", ["bin/python3.12"])
        self.history("conda create", ["python-3.12.1-0"])

    @property
    def ledger(self) -> Path:
        return self.root / "conda-meta/pipsafe/ledger.jsonl"

    def record(self, name: str, version: str, files: list[str]) -> Path:
        value = {
            "name": name, "version": version, "build": "0", "build_number": 0, "depends": [], "files": files,
            "paths_data": {"paths": [{"_path": path, "path_type": "hardlink"} for path in files]},
        }  # fmt: skip
        path = self.root / "conda-meta" / f"{name}-{version}-0.json"
        path.write_text(json.dumps(value))
        return path

    def history(self, command: str, linked: list[str], unlinked: tuple[str, ...] = ()) -> None:
        lines = [f"==> 2026-01-01 00:00:00 <==\n# cmd: {command}\n"]
        lines += [f"-local/noarch::{dist}\n" for dist in unlinked] + [f"+local/noarch::{dist}\n" for dist in linked]
        with (self.root / "conda-meta/history").open("a") as file:
            file.writelines(lines)

    def conda_package(self, name: str, version: str) -> Path:
        """A conda package with a dist-info, linked and in the history."""
        self.dist(name, version, installer="conda", requested=False)
        files = [f"{SITE}/{name}-{version}.dist-info/{entry}" for entry in ("INSTALLER", "METADATA", "RECORD")]
        self.history(f"conda install {name}", [f"{name}-{version}-0"])
        return self.record(name, version, files)

    def dist(
        self,
        name: str,
        version: str,
        *,
        installer: str | None = "pip",
        requested: bool = True,
        direct_url: object = None,
        written: int = LONG_AGO,
        site: str = SITE,
    ) -> Path:
        folder = self.root / site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (folder / "RECORD").write_text("")
        if installer is not None:
            (folder / "INSTALLER").write_text(f"{installer}\n")
        if requested:
            (folder / "REQUESTED").touch()
        if direct_url is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct_url))
        os.utime(folder / "RECORD", (written, written))
        return folder

    def remove(self, name: str, version: str) -> None:
        shutil.rmtree(self.root / SITE / f"{name}-{version}.dist-info")
