"""Prefixes written by hand: what a test needs and nothing else, on a real disk."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SITE = "lib/python3.12/site-packages"


class PrefixFactory:
    """Writes records and distributions below one folder, as conda and pip write them.

    Args:
        root: The prefix; made with a conda-meta folder and an empty history.
        python: The version of a python record to write, or None for none.
    """

    def __init__(self, root: Path, python: str | None = "3.12.4") -> None:
        self.root = root
        (root / "conda-meta").mkdir(parents=True)
        (root / "conda-meta/history").write_text("")
        (root / SITE).mkdir(parents=True)
        if python:
            self.record("python", python, {"bin/python": "#!"})

    def write(self, path: str, content: str | bytes = "") -> Path:
        """Write one file of the prefix, with its folders."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        if posixpath.normpath(path).startswith("bin/"):
            target.chmod(0o755)
        return target

    def record(
        self,
        name: str,
        version: str = "1.0",
        files: Mapping[str, str] | None = None,
        *,
        build: str = "h0_0",
        **more: Any,  # noqa: ANN401 - any field of a record
    ) -> Path:
        """Link a conda package: its files, and its record. Content None-like `""` is an empty file."""
        contents = dict(files or {})
        paths = []
        for path, content in contents.items():
            self.write(path, content)
            digest = hashlib.sha256(content.encode()).hexdigest()
            paths.append({"_path": path, "path_type": "hardlink", "sha256": digest, "sha256_in_prefix": digest,
                          "size_in_bytes": len(content)})  # fmt: skip
        data = {
            "name": name, "version": version, "build": build, "build_number": 0, "subdir": "linux-64",
            "channel": "https://conda.anaconda.org/conda-forge/linux-64", "fn": f"{name}-{version}-{build}.conda",
            "depends": [], "constrains": [], "files": list(contents), "paths_data": {"paths": paths}, **more,
        }  # fmt: skip
        return self.write(f"conda-meta/{name}-{version}-{build}.json", json.dumps(data))

    def conda_dist(self, name: str, version: str = "1.0", requires: Sequence[str] = (), **more: Any) -> Path:  # noqa: ANN401
        """Link a conda package that holds one distribution of the same name."""
        info = f"{SITE}/{name}-{version}.dist-info"
        files = {
            f"{SITE}/{name}/__init__.py": f"conda {version}",
            f"{info}/METADATA": metadata(name, version, requires),
            f"{info}/INSTALLER": "conda\n",
            f"{info}/RECORD": f"{name}/__init__.py,,\n",
        }
        return self.record(name, version, files, **more)

    def pip_dist(
        self,
        name: str,
        version: str = "1.0",
        files: Mapping[str, str] | None = None,
        *,
        requires: Sequence[str] = (),
        headers: str = "",
        site: str = SITE,
    ) -> Path:
        """Install a distribution as pip does; `files` are relative to site-packages. Returns its dist-info."""
        contents = {f"{name}/__init__.py": f"pip {version}"} if files is None else dict(files)
        info = f"{name}-{version}.dist-info"
        contents |= {f"{info}/METADATA": metadata(name, version, requires, headers), f"{info}/INSTALLER": "pip\n"}
        rows = []
        for path, content in contents.items():
            self.write(f"{site}/{path}", content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).decode().rstrip("=")
            rows.append(f"{path},sha256={digest},{len(content)}")
        self.write(f"{site}/{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
        return self.root / site / info

    def history(self, *revisions: tuple[str, str, Sequence[str]]) -> None:
        """Write conda's history: time, command, `+dist` and `-dist` lines of each revision."""
        lines = []
        for time, command, changes in revisions:
            lines += [f"==> {time} <==", f"# cmd: {command}", *changes]
        self.write("conda-meta/history", "\n".join([*lines, ""]))


def metadata(name: str, version: str, requires: Sequence[str] = (), headers: str = "") -> str:
    """The text of a METADATA file."""
    lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}{headers}\n\nText.\n"
