"""The headers of METADATA and PKG-INFO that matter here (PyPA core metadata, PEP 566).

`email.parser` reads them too, in ten times the time; an audit reads hundreds and needs seven fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conda_pipsafe.prefix.direct_url import without_credentials

# How the path of a file with a distribution's metadata ends: dist-info, egg-info, and distutils' single file.
METADATA_ENDS = (".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info")

_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Core metadata of one distribution, its addresses without credentials; empty where a field is missing."""

    name: str
    version: str
    requires_dist: tuple[str, ...]
    requires_python: str | None
    extras: tuple[str, ...]


def canonical_name(name: str) -> str:
    """The name under which two spellings are one distribution (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def distribution_at(path: str) -> tuple[str, str, str] | None:
    """The distribution that a path is the metadata file of, by its folder's name (PyPA: `NAME-VERSION.dist-info`).

    Returns:
        The folder that it lies in, its canonical name, and its version, empty when the name says none; None for any
        other path. Only in a site-packages folder itself is it one: packages vendor others' dist-infos deeper down.
    """
    if not path.endswith(METADATA_ENDS):
        return None  # nearly all of them
    folder, _, entry = path.removesuffix("/METADATA").removesuffix("/PKG-INFO").rpartition("/")
    name, _, rest = entry.rpartition(".")[0].partition("-")
    return folder, canonical_name(name), rest.split("-", 1)[0]


def is_valid_name(name: str) -> bool:
    """Whether a distribution may be called so (PEP 508)."""
    return _NAME.match(name) is not None


def parse_metadata(text: str) -> Metadata:
    """Parse the headers of METADATA or PKG-INFO; the description below them is not read."""
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            break
        if line[0] in " \t":
            if current:
                current[-1] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        current = fields.setdefault(key.strip().lower(), []) if colon else None
        if current is not None:
            current.append(value.strip())
    return Metadata(
        name=_first(fields, "name") or "",
        version=_first(fields, "version") or "",
        requires_dist=tuple(map(without_credentials, fields.get("requires-dist", ()))),
        requires_python=_first(fields, "requires-python"),
        extras=tuple(fields.get("provides-extra", ())),
    )


def _first(fields: dict[str, list[str]], key: str) -> str | None:
    values = fields.get(key)
    return values[0] if values else None


def parse_requires_txt(text: str) -> tuple[str, ...]:
    """Turn an egg-info's `requires.txt` (setuptools) into Requires-Dist lines with markers."""
    requirements: list[str] = []
    extra = marker = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = (part.strip() for part in line[1:-1].partition(":"))
            continue
        conditions = [f"({marker})"] if marker else []
        if extra:
            conditions.append(f'extra == "{extra}"')
        line = without_credentials(line)
        requirements.append(f"{line}; {' and '.join(conditions)}" if conditions else line)
    return tuple(requirements)
