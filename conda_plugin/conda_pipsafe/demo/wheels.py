"""Tiny wheels, made on the spot.

Format: the binary distribution format of PyPA
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/), with core
metadata 2.1 and a RECORD that hashes every file.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

#: The first line of a namespace package's ``__init__.py`` in the style of pkgutil.
PKGUTIL_NAMESPACE = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'


@dataclasses.dataclass(frozen=True, slots=True)
class WheelSpec:
    """A wheel: its metadata and files.

    Attributes:
        name: distribution name as METADATA says it.
        version: PEP 440 version.
        modules: path below site-packages to content.
        data: path below the prefix to content, shipped as ``NAME-VERSION.data/data/…``.
        scripts: script name to content, shipped as ``NAME-VERSION.data/scripts/…``.
        console_scripts: ``"name = module:function"``.
        requires_dist: PEP 508 requirements.
        extras: extra name to PEP 508 requirements.
        requires_python: version specifier.
        tag: compatibility tag; one other than ``-none-any`` makes a platform wheel.
    """

    name: str
    version: str
    modules: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict)
    data: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict)
    scripts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    console_scripts: Sequence[str] = ()
    requires_dist: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    requires_python: str | None = None
    tag: str = "py3-none-any"

    @property
    def stem(self) -> str:
        """``NAME-VERSION`` as file names have it: runs of ``-_.`` become one ``_``."""
        return re.sub(r"[-_.]+", "_", self.name).lower() + f"-{self.version}"

    def metadata(self) -> str:
        """Return the text of METADATA."""
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires_dist]
        for extra, requirements in self.extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {item}; extra == "{extra}"' for item in requirements]
        return "\n".join([*lines, "", f"{self.name}, made on the spot.", ""])


def write_wheel(spec: WheelSpec, folder: Path) -> Path:
    """Write the wheel into an existing folder and return its path."""
    import zipfile

    members = _members(spec)
    record = f"{spec.stem}.dist-info/RECORD"
    members[record] = record_text(members, record).encode()
    target = folder / f"{spec.stem}-{spec.tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            mode = 0o755 if ".data/scripts/" in name else 0o644
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return target


def record_row(path: str, content: bytes) -> tuple[str, str, str]:
    """Return the RECORD row of a file: path, urlsafe sha256 without padding, size."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return path, f"sha256={digest}", str(len(content))


def record_text(members: Mapping[str, bytes], record: str, bare: Iterable[str] = ()) -> str:
    """Return the text of a RECORD.

    Args:
        members: path as RECORD writes it, to content.
        record: RECORD's own path, which gets neither hash nor size.
        bare: further paths without hash, such as compiled modules.
    """
    rows = [record_row(path, content) for path, content in members.items() if path != record]
    rows += [(path, "", "") for path in (*bare, record)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue()


def _members(spec: WheelSpec) -> dict[str, bytes]:
    """Return path in the archive to content, without RECORD."""
    members = {path: _bytes(content) for path, content in spec.modules.items()}
    data = f"{spec.stem}.data"
    members |= {f"{data}/data/{path}": _bytes(content) for path, content in spec.data.items()}
    members |= {f"{data}/scripts/{name}": text.encode() for name, text in spec.scripts.items()}
    info = f"{spec.stem}.dist-info"
    members[f"{info}/METADATA"] = spec.metadata().encode()
    purelib = "true" if spec.tag.endswith("-none-any") else "false"
    wheel = f"Wheel-Version: 1.0\nGenerator: pipsafe\nRoot-Is-Purelib: {purelib}\nTag: {spec.tag}\n"
    members[f"{info}/WHEEL"] = wheel.encode()
    if spec.console_scripts:
        lines = ["[console_scripts]", *spec.console_scripts, ""]
        members[f"{info}/entry_points.txt"] = "\n".join(lines).encode()
    top = sorted({path.split("/")[0].removesuffix(".py") for path in spec.modules})
    members[f"{info}/top_level.txt"] = "".join(f"{name}\n" for name in top).encode()
    return members


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
