"""A local folder that conda and py-rattler accept as a channel.

``repodata.json`` is written from what the packages say of themselves: its format is small
(https://docs.conda.io/projects/conda-build/en/stable/concepts/generating-index.html), and so
neither conda-index nor py-rattler is needed to make a channel.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from conda_pipsafe.demo.package import PackageSpec, platform_subdir, write_package

Extension = Literal[".conda", ".tar.bz2"]


class Channel:
    """A channel below one folder. Adding a package writes it; `index` publishes what was added.

    A folder that holds a channel already is continued, so that a channel can be kept on disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._subdirs: dict[str, dict[str, Any]] = {}
        for subdir in ("noarch", platform_subdir()):
            (self.root / subdir).mkdir(parents=True, exist_ok=True)
            self._subdirs[subdir] = self._read(subdir)

    @property
    def url(self) -> str:
        """The channel's ``file://`` URL, without a slash at the end."""
        return self.root.as_uri()

    def add(self, spec: PackageSpec, *, extension: Extension = ".conda") -> Path:
        """Write a package into the channel and return its archive's path; then call `index`."""
        archive = write_package(spec, self.root / spec.subdir, extension)
        data = archive.read_bytes()
        record = {
            **spec.index(),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        section = "packages.conda" if extension == ".conda" else "packages"
        self._subdirs[spec.subdir][section][archive.name] = record
        return archive

    def add_all(self, specs: Iterable[PackageSpec]) -> None:
        """Add several packages as ``.conda`` and index the channel."""
        for spec in specs:
            self.add(spec)
        self.index()

    def remove(self, archive: Path) -> None:
        """Withdraw a package, by the path that `add` returned; then call `index`."""
        for section in ("packages", "packages.conda"):
            self._subdirs[archive.parent.name][section].pop(archive.name, None)
        archive.unlink()

    def index(self) -> None:
        """Write ``repodata.json`` of every platform, each replaced as a whole."""
        for subdir, repodata in self._subdirs.items():
            target = self.root / subdir / "repodata.json"
            temporary = target.with_suffix(".json.new")
            temporary.write_text(json.dumps(repodata, sort_keys=True), encoding="utf-8")
            temporary.replace(target)

    def records(self) -> list[dict[str, Any]]:
        """Return the ``repodata.json`` records of all packages, by name and file name."""
        found = [
            {**record, "fn": name}
            for repodata in self._subdirs.values()
            for section in ("packages", "packages.conda")
            for name, record in repodata[section].items()
        ]
        return sorted(found, key=lambda record: (record["name"], record["fn"]))

    def _read(self, subdir: str) -> dict[str, Any]:
        """Return the repodata on disk, or that of an empty channel."""
        try:
            text = (self.root / subdir / "repodata.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {
                "info": {"subdir": subdir},
                "packages": {},
                "packages.conda": {},
                "removed": [],
                "repodata_version": 1,
            }
        loaded: dict[str, Any] = json.loads(text)
        return loaded
