"""uv's plan as a report in pip's form, from its rehearsal and from the lock that it writes of it.

uv says names and versions only. Where each artifact lies and its hash stand in the `pylock.toml` (PEP 751) of
`uv pip compile`, of which uv's own lines are read: Python 3.10 has no TOML parser.
Form of the report: https://pip.pypa.io/en/stable/reference/installation-report/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import unquote, urlsplit

from conda_pipsafe.installer.rehearsal import Staged
from conda_pipsafe.prefix.direct_url import strip_credentials
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy

_PACKAGE = lazy(r'^name = "([^"]+)"$', re.MULTILINE)
_ARTIFACT = lazy(r"\{([^{}]*)(?:\{([^{}]*)\}[^{}]*)?\}")
_SHA256 = re.compile(r'\bsha256 = "([0-9a-f]{64})"')
_PLACE = lazy(r'\b(?:url|path) = "([^"]+)"')
_SIZE = lazy(r"\bsize = (\d+)")
_YANKED = lazy(r"^warning: `?([A-Za-z0-9._-]+)==\S+ is yanked", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a release.

    Attributes:
        url: Where it lies, credentials and all; a path for one of a folder.
        sha256: Hex; None where the index does not say.
        size: Bytes, or None.
    """

    url: str
    sha256: str | None
    size: int | None

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])


def read_lock(text: str) -> dict[str, list[Artifact]]:
    """The artifacts of each package of uv's `pylock.toml`, by canonical name; what is not understood is left out."""
    found: dict[str, list[Artifact]] = {}
    for part in text.split("[[packages]]")[1:]:
        name = _PACKAGE.search(part)
        for facts, hashes in _ARTIFACT.findall(part) if name else ():
            place, size, digest = _PLACE.search(facts), _SIZE.search(facts), _SHA256.search(hashes)
            if name and place:
                artifact = Artifact(
                    place.group(1), digest.group(1) if digest else None, int(size.group(1)) if size else None
                )
                found.setdefault(canonical_name(name.group(1)), []).append(artifact)
    return found


def chosen(staged: Staged, artifacts: Sequence[Artifact]) -> Artifact | None:
    """Which of a release's artifacts a rehearsed distribution is; None where that is not sure."""
    wheels = [artifact for artifact in artifacts if artifact.name.endswith(".whl")]
    matching = [wheel for wheel in wheels if _tags(wheel.name) == staged.tags]
    if staged.built:
        matching = [artifact for artifact in artifacts if artifact not in wheels]
    elif not matching and len(artifacts) == 1:
        matching = wheels
    return matching[0] if len(matching) == 1 else None


def _tags(name: str) -> frozenset[str]:
    """The tags in a wheel's name, each set of them spread (PEP 425)."""
    parts = [part.split(".") for part in name.removesuffix(".whl").split("-")[-3:]]
    return frozenset("-".join(tag) for tag in product(*parts))


def make_report(
    uv: str,
    rehearsed: Iterable[Staged],
    artifacts: Mapping[str, Artifact],
    asked: Mapping[str, Collection[str]],
    said: str,
) -> bytes:
    """A report in pip's form, without credentials.

    Args:
        uv: Its name and version.
        rehearsed: What it wrote.
        artifacts: Where each was taken from, by canonical name, as far as that is known.
        asked: What was asked for by name, with its extras.
        said: What uv said: it tells there what was yanked.
    """
    staged = list(rehearsed)
    yanked = {canonical_name(name) for name in _YANKED.findall(said)}
    needed = {canonical_name(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
              for one in staged for line in one.metadata.requires_dist}  # fmt: skip
    items = []
    for one in staged:
        metadata = one.metadata
        items.append({
            "metadata": {
                "metadata_version": "2.1", "name": metadata.name, "version": metadata.version,
                "requires_dist": list(metadata.requires_dist), "provides_extra": list(metadata.extras),
                **({"requires_python": metadata.requires_python} if metadata.requires_python else {}),
            },
            "download_info": _download_info(one, artifacts.get(one.key)),
            "is_direct": one.direct_url is not None,
            "is_yanked": one.key in yanked,
            "requested": one.key in asked or one.key not in needed,
            **({"requested_extras": sorted(asked[one.key])} if asked.get(one.key) else {}),
        })  # fmt: skip
    return json.dumps({"version": "1", "pip_version": uv, "install": items}, indent=2).encode()


def _download_info(staged: Staged, artifact: Artifact | None) -> dict[str, Any]:
    if staged.direct_url is not None:
        return {**staged.direct_url, "url": strip_credentials(str(staged.direct_url.get("url")))}
    if artifact is None:
        return {}
    hashes = {"hashes": {"sha256": artifact.sha256}} if artifact.sha256 else {}
    return {"url": strip_credentials(artifact.url), "archive_info": hashes}
