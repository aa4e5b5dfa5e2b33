"""A conda package as a value, and the archive made from it.

Formats: ``info/index.json``, ``info/paths.json``, ``info/link.json`` and ``info/has_prefix`` as
conda-build writes them (https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html);
the archives are those of conda-package-handling (``.conda`` and ``.tar.bz2``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

Noarch = Literal["python", "generic"]

#: Stands for the prefix in built files. As long as conda-build's, so that binaries have room.
PREFIX_PLACEHOLDER = ("/home/conda/feedstock_root/build_artifacts/pipsafe_1700000000000/" + "_h_env_placehold" * 11)[
    :240
]

#: All packages say that they were built then: the same input gives the same archive.
BUILD_TIMESTAMP_MS = 1_700_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of a package.

    Attributes:
        source: the content, or the path to copy it from (with its mtime); unused for links.
        executable: whether the file gets the executable bit; copied files keep their own as well.
        link_to: target of a symbolic link, relative to the link's folder.
        placeholder: what stands in the content for the prefix; conda replaces it when it links.
        file_mode: how the placeholder is replaced.
    """

    source: bytes | Path = b""
    executable: bool = False
    link_to: str | None = None
    placeholder: str | None = None
    file_mode: Literal["text", "binary"] = "text"

    @classmethod
    def of(cls, content: PackageFile | bytes | str | Path) -> PackageFile:
        """Make a file of plain content; a placeholder in bytes or text is found by itself."""
        if isinstance(content, PackageFile):
            return content
        if isinstance(content, Path):
            return cls(source=content)
        data = content.encode() if isinstance(content, str) else content
        placeholder = PREFIX_PLACEHOLDER if PREFIX_PLACEHOLDER.encode() in data else None
        return cls(source=data, placeholder=placeholder, file_mode="binary" if b"\0" in data else "text")


@dataclasses.dataclass(frozen=True, slots=True)
class PackageSpec:
    """A conda package: what ``info/index.json`` says, and its files.

    Attributes:
        name: conda's name, lower case.
        version: conda version.
        build: build string.
        build_number: build number.
        noarch: ``"python"``, ``"generic"``, or None for a package of this platform.
        depends: match specs.
        constrains: match specs.
        files: path relative to the prefix, with ``/``, to content. ``noarch="python"`` uses
            ``site-packages/…`` and ``python-scripts/…``.
        entry_points: ``"name = module:function"``, for ``noarch="python"`` only.
        python_site_packages_path: for a ``python`` package, where its site-packages is (CEP 17).
        license: SPDX expression.
        extra_index: further fields of ``info/index.json``, such as ``purls``.
    """

    name: str
    version: str
    build: str = "0"
    build_number: int = 0
    noarch: Noarch | None = None
    depends: Sequence[str] = ()
    constrains: Sequence[str] = ()
    files: Mapping[str, PackageFile | bytes | str | Path] = dataclasses.field(default_factory=dict)
    entry_points: Sequence[str] = ()
    python_site_packages_path: str | None = None
    license: str | None = None
    extra_index: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The archive's name without extension."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def subdir(self) -> str:
        """The channel's folder for this package."""
        return "noarch" if self.noarch else platform_subdir()

    def index(self) -> dict[str, Any]:
        """Return the content of ``info/index.json``."""
        platform, _, arch = self.subdir.partition("-")
        index: dict[str, Any] = {
            "arch": None if self.noarch else {"64": "x86_64"}.get(arch, arch),
            "build": self.build,
            "build_number": self.build_number,
            "constrains": list(self.constrains),
            "depends": list(self.depends),
            "name": self.name,
            "platform": None if self.noarch else platform,
            "subdir": self.subdir,
            "timestamp": BUILD_TIMESTAMP_MS,
            "version": self.version,
        }
        if self.noarch:
            index["noarch"] = self.noarch
        if self.license:
            index["license"] = self.license
        if self.python_site_packages_path:
            index["python_site_packages_path"] = self.python_site_packages_path
        return {**index, **self.extra_index}


def platform_subdir() -> str:
    """Return conda's name for this machine's platform, such as ``linux-64`` or ``osx-arm64``."""
    import platform

    machine = platform.machine().lower()
    wide = machine in {"x86_64", "amd64"}
    if sys.platform == "win32":
        return "win-64" if wide else "win-arm64"
    if sys.platform == "darwin":
        return "osx-64" if wide else "osx-arm64"
    return "linux-64" if wide else f"linux-{machine}"


def write_package(spec: PackageSpec, folder: Path, extension: Literal[".conda", ".tar.bz2"] = ".conda") -> Path:
    """Write the archive of a package, compressed for speed, and return its path.

    Args:
        spec: the package.
        folder: an existing folder; an archive of that name is replaced.
        extension: the archive's format.

    Raises:
        RuntimeError: conda-package-handling is not installed.
    """
    try:
        import conda_package_handling.api as handling
    except ImportError as error:
        raise RuntimeError(
            "conda-package-handling is not installed, and writes the packages: pip install 'conda-pipsafe[standalone]'"
        ) from error

    target = folder / f"{spec.stem}{extension}"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="pipsafe-package-") as temporary:
        stage = Path(temporary)
        paths = [_stage(stage, path, spec.files[path]) for path in sorted(spec.files)]
        _write_info(stage, spec, paths)
        names = [str(entry["_path"]) for entry in paths]
        info = sorted(f"info/{child.name}" for child in (stage / "info").iterdir())
        # Level 1 takes a fifth of the time of the default; these archives live for minutes.
        handling.create(
            str(stage),
            info + names,
            target.name,
            str(folder),
            compression_tuple=(".tar.zst", "zstd", "zstd:compression-level=1"),
        )
    return target


def _stage(stage: Path, path: str, content: PackageFile | bytes | str | Path) -> dict[str, str | int]:
    """Write one file below the stage; return its entry of ``info/paths.json``."""
    file = PackageFile.of(content)
    target = stage / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.link_to is not None:
        target.symlink_to(file.link_to)
    elif isinstance(file.source, Path):
        shutil.copy2(file.source, target)
        target.chmod(target.stat().st_mode | 0o644)
    else:
        target.write_bytes(file.source)
        target.chmod(0o644)
        seconds = BUILD_TIMESTAMP_MS // 1000
        os.utime(target, (seconds, seconds))
    if file.executable:
        target.chmod(0o755)
    entry: dict[str, str | int] = {"_path": path, "path_type": "hardlink"}
    if file.link_to is not None:
        entry["path_type"] = "softlink"
    elif file.placeholder is not None:
        entry["prefix_placeholder"] = file.placeholder
        entry["file_mode"] = file.file_mode
    # conda-build gives a link the hash and size of what it points at, if that is a file.
    data = target.read_bytes() if target.is_file() else b""
    entry["sha256"] = hashlib.sha256(data).hexdigest()
    entry["size_in_bytes"] = len(data)
    return entry


def _write_info(stage: Path, spec: PackageSpec, paths: Sequence[Mapping[str, str | int]]) -> None:
    """Write the ``info/`` folder."""
    info = stage / "info"
    info.mkdir(exist_ok=True)
    _write_json(info / "index.json", spec.index())
    _write_json(info / "paths.json", {"paths": list(paths), "paths_version": 1})
    about = {"license": spec.license, "summary": f"{spec.name} {spec.version}, made on the spot"}
    _write_json(info / "about.json", about)
    lines = [str(entry["_path"]) for entry in paths]
    (info / "files").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    prefixed = [
        f"{entry['prefix_placeholder']} {entry['file_mode']} {entry['_path']}\n"
        for entry in paths
        if "prefix_placeholder" in entry
    ]
    if prefixed:
        (info / "has_prefix").write_text("".join(prefixed), encoding="utf-8")
    if spec.noarch:
        noarch: dict[str, Any] = {"type": spec.noarch}
        if spec.noarch == "python":
            noarch["entry_points"] = list(spec.entry_points)
        _write_json(info / "link.json", {"noarch": noarch, "package_metadata_version": 1})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True), encoding="utf-8")
