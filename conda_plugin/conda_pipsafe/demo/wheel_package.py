"""Conda packages made from wheels, with what conda-forge's packages have in common.

INSTALLER says ``conda``, there is no REQUESTED, ``direct_url.json`` points into the build machine,
and RECORD lists scripts with the hash that they had at build time (conda writes others when it
installs). The oddities that occur among real packages can be asked for: see `Recipe`.

Formats: PEP 376 and PEP 427 for the metadata, PEP 610 for ``direct_url.json``, conda's
``noarch: python`` layout (https://docs.conda.io/projects/conda-build/en/stable/resources/define-metadata.html).
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from conda_pipsafe.demo.package import PREFIX_PLACEHOLDER, PackageFile, PackageSpec
from conda_pipsafe.demo.wheels import record_text

if TYPE_CHECKING:
    from email.message import Message

MetadataStyle = Literal["dist-info", "none", "no-record", "egg-info-file", "egg-info-dir"]


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a conda package of a wheel.

    Attributes:
        wheel: the wheel's path.
        name: conda name, if not the distribution's normalised name.
        build: build string, if not ``py_N`` or ``pyXY_N``.
        build_number: build number.
        depends: match specs; None derives them from Requires-Dist (same names) and
            Requires-Python.
        python: ``"3.11"`` makes a package of this platform, for that Python; None a
            ``noarch: python`` package.
        metadata: which Python metadata the package carries: whole, none at all, a dist-info
            without RECORD, or an egg-info file or folder.
        pyc: ship compiled modules, as packages of a platform do. They are for the Python that
            runs this.
        also: further wheels unpacked into the same package, each with its own dist-info.
        extra_index: further fields of ``info/index.json``.
    """

    wheel: Path
    name: str | None = None
    build: str | None = None
    build_number: int = 0
    depends: Sequence[str] | None = None
    python: str | None = None
    metadata: MetadataStyle = "dist-info"
    pyc: bool = False
    also: Sequence[Path] = ()
    extra_index: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class _Unpacked:
    """A wheel's files by where they go: below site-packages, below the prefix, scripts."""

    info: str
    site: dict[str, bytes] = dataclasses.field(default_factory=dict)
    data: dict[str, bytes] = dataclasses.field(default_factory=dict)
    scripts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    entry_points: list[str] = dataclasses.field(default_factory=list)
    pyc: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the text of a metadata file, empty if there is none."""
        return self.site.get(f"{self.info}/{name}", b"").decode("utf-8")

    def metadata(self) -> Message:
        """Return METADATA, parsed."""
        from email.parser import Parser

        return Parser().parsestr(self.text("METADATA"), headersonly=True)


def package_from_wheel(recipe: Recipe) -> PackageSpec:
    """Make a conda package of a wheel, and of the wheels that it is to hold besides.

    Raises:
        ValueError: the wheel has no dist-info, or is for one platform and `Recipe.python` is unset.
    """
    files: dict[str, PackageFile | bytes | str | Path] = {}
    entry_points: list[str] = []
    first: Message | None = None
    for wheel in (recipe.wheel, *recipe.also):
        unpacked = _unpack(wheel, recipe.python)
        first = first or unpacked.metadata()
        _dress(unpacked, recipe)
        files |= _placed(unpacked, recipe.python)
        entry_points += unpacked.entry_points
    if first is None:  # pragma: no cover - the loop runs at least once
        raise ValueError(f"{recipe.wheel} holds nothing")
    label = f"py{recipe.python.replace('.', '')}" if recipe.python else "py"
    return PackageSpec(
        name=recipe.name or _normalised(first["Name"]),
        version=first["Version"],
        build=recipe.build or f"{label}_{recipe.build_number}",
        build_number=recipe.build_number,
        noarch=None if recipe.python else "python",
        depends=_depends(first, recipe) if recipe.depends is None else recipe.depends,
        files=files,
        entry_points=() if recipe.python else entry_points,
        license=first["License-Expression"] or "BSD-3-Clause",
        extra_index=recipe.extra_index,
    )


def _unpack(wheel: Path, python: str | None) -> _Unpacked:
    """Read a wheel into memory, ``.data`` folders resolved."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    infos = [name for name in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
    if len(infos) != 1:
        raise ValueError(f"{wheel} is no wheel: it has {len(infos)} dist-info folders, not one")
    unpacked = _Unpacked(info=posixpath.dirname(infos[0]))
    if python is None and not wheel.stem.endswith("-none-any"):
        raise ValueError(f"{wheel.name} is for one platform: say for which Python (Recipe.python)")
    data = unpacked.info.removesuffix(".dist-info") + ".data/"
    for name, content in members.items():
        if not name.startswith(data):
            unpacked.site[name] = content
            continue
        key, _, rest = name.removeprefix(data).partition("/")
        if key in {"purelib", "platlib"}:
            unpacked.site[rest] = content
        elif key == "scripts":
            shebang = f"#!{PREFIX_PLACEHOLDER}/bin/python".encode()
            unpacked.scripts[rest] = re.sub(rb"\A#!python(?=\r?\n)", shebang, content)
        elif key == "headers":
            unpacked.data[f"include/{unpacked.info.partition('-')[0]}/{rest}"] = content
        else:
            unpacked.data[rest] = content
    unpacked.entry_points = _entry_points(unpacked.text("entry_points.txt"))
    return unpacked


def _dress(unpacked: _Unpacked, recipe: Recipe) -> None:
    """Replace the wheel's installer metadata by what a conda build leaves."""
    info, site = unpacked.info, unpacked.site
    for name in ("RECORD", "RECORD.jws", "RECORD.p7s", "REQUESTED"):
        site.pop(f"{info}/{name}", None)
    if recipe.pyc:
        unpacked.pyc = _compiled(site)
    if recipe.metadata in {"dist-info", "no-record"}:
        name = _normalised(unpacked.metadata()["Name"])
        work = f"file:///home/conda/feedstock_root/build_artifacts/{name}_1700000000000/work"
        site[f"{info}/INSTALLER"] = b"conda"
        site[f"{info}/direct_url.json"] = json.dumps({"dir_info": {}, "url": work}).encode()
        if recipe.metadata == "dist-info":
            site[f"{info}/RECORD"] = _record(unpacked, recipe.python).encode()
        return
    metadata = unpacked.text("METADATA")
    others = {name: unpacked.text(name) for name in ("top_level.txt", "entry_points.txt")}
    for path in [path for path in site if path.startswith(f"{info}/")]:
        del site[path]
    egg = info.removesuffix(".dist-info") + (f"-py{recipe.python}" if recipe.python else "")
    if recipe.metadata == "egg-info-file":
        site[f"{egg}.egg-info"] = metadata.encode()
    elif recipe.metadata == "egg-info-dir":
        others |= {"PKG-INFO": metadata, "SOURCES.txt": "setup.py\n", "dependency_links.txt": "\n"}
        site |= {f"{egg}.egg-info/{name}": text.encode() for name, text in others.items() if text}


def _record(unpacked: _Unpacked, python: str | None) -> str:
    """Return RECORD as the build's pip wrote it: with its own scripts and compiled modules."""
    up = "../../../"
    scripts = dict(unpacked.scripts)
    for entry_point in unpacked.entry_points:
        scripts[entry_point.partition("=")[0].strip()] = _script(entry_point)
    members = dict(unpacked.site)
    members |= {f"{up}{path}": content for path, content in unpacked.data.items()}
    members |= {f"{up}bin/{name}": content for name, content in scripts.items()}
    tag = f"cpython-{(python or '3.12').replace('.', '')}"
    compiled = [_pyc_path(path, tag) for path in unpacked.site if path.endswith(".py")]
    return record_text(members, f"{unpacked.info}/RECORD", bare=compiled)


def _placed(unpacked: _Unpacked, python: str | None) -> dict[str, PackageFile | bytes | str | Path]:
    """Return the package's files by their path in it."""
    site = f"lib/python{python}/site-packages" if python else "site-packages"
    scripts = "bin" if python else "python-scripts"
    files: dict[str, PackageFile | bytes | str | Path] = dict(unpacked.data)
    # Source and compiled modules are never written in place of the prefix: no placeholder there.
    for path, content in {**unpacked.site, **unpacked.pyc}.items():
        files[f"{site}/{path}"] = PackageFile(source=content)
    programs = dict(unpacked.scripts)
    if python:
        for entry_point in unpacked.entry_points:
            programs[entry_point.partition("=")[0].strip()] = _script(entry_point)
    for name, content in programs.items():
        files[f"{scripts}/{name}"] = dataclasses.replace(PackageFile.of(content), executable=True)
    return files


def _script(entry_point: str) -> bytes:
    """Return a console script as a build's pip would have written it."""
    module, _, function = entry_point.partition("=")[2].strip().partition(":")
    head = function.partition(".")[0]
    return (
        f"#!{PREFIX_PLACEHOLDER}/bin/python\n# -*- coding: utf-8 -*-\nimport sys\n"
        f"from {module} import {head}\nif __name__ == '__main__':\n    sys.exit({function}())\n"
    ).encode()


def _entry_points(text: str) -> list[str]:
    """Return ``name = module:function`` of every console and GUI script."""
    import configparser

    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    return [
        f"{name} = {target.partition('[')[0].strip()}"
        for section in ("console_scripts", "gui_scripts")
        if parser.has_section(section)
        for name, target in parser.items(section)
    ]


def _depends(metadata: Message, recipe: Recipe) -> list[str]:
    """Return match specs for what the wheel requires on this machine, without extras."""
    from packaging.requirements import Requirement

    if recipe.python:
        major, minor = recipe.python.split(".")[:2]
        depends = [f"python >={major}.{minor},<{major}.{int(minor) + 1}.0a0"]
    else:
        required = (metadata["Requires-Python"] or ">=3.9").replace(" ", "")
        depends = [f"python {required}"]
    for text in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            depends.append(f"{_normalised(requirement.name)} {requirement.specifier}".strip())
    return depends


def _compiled(site: Mapping[str, bytes]) -> dict[str, bytes]:
    """Compile the modules; the files carry the source's hash, which no link or copy changes."""
    import py_compile
    import sys
    import tempfile

    compiled = {}
    with tempfile.TemporaryDirectory(prefix="pipsafe-compile-") as temporary:
        source, target = Path(temporary, "source.py"), Path(temporary, "target.pyc")
        for path in [path for path in site if path.endswith(".py")]:
            source.write_bytes(site[path])
            mode = py_compile.PycInvalidationMode.CHECKED_HASH
            py_compile.compile(str(source), str(target), path, doraise=True, invalidation_mode=mode)
            compiled[_pyc_path(path, sys.implementation.cache_tag)] = target.read_bytes()
    return compiled


def _pyc_path(path: str, tag: str) -> str:
    folder, name = posixpath.split(path)
    return posixpath.join(folder, "__pycache__", f"{name.removesuffix('.py')}.{tag}.pyc")


def _normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
