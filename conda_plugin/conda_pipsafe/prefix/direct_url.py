"""Where a distribution came from: `direct_url.json` (PEP 610), and addresses without their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from conda_pipsafe.prefix.patterns import lazy

_AUTHORITY = lazy(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
# A password with a raw slash in it: what stands before the colon is no host, since what follows it is no port.
_BROKEN_AUTHORITY = lazy(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#@:]*:(?!\d*(?:[/?#]|$))[^@]*@")
# PEP 610 keeps what holds no secret: the user `git` of an ssh address, and ${VARIABLES}.
_HARMLESS = lazy(r"^(?:git|hg|svn|\$\{[A-Za-z0-9_-]+\}(?::\$\{[A-Za-z0-9_-]+\})?)$")
_SECRET = lazy(
    r"([?&;#](?:[\w.-]*(?:token|secret|passw|signature|credential|auth|api[_-]?key|access[_-]?key)[\w.-]*|sig|key|pwd|pat)=)[^&;#]*",
    re.IGNORECASE,
)
_ADDRESS = lazy(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_CONDA_TOKEN = lazy(r"(?<=/t/)[A-Za-z0-9-]+(?=/)")


@dataclass(frozen=True, slots=True)
class DirectUrl:
    """A direct URL reference, its credentials already removed.

    Attributes:
        url: Where it was taken from.
        editable: Whether it is a checkout that is imported in place (`pip install -e`).
        vcs: `git`, `hg`, `bzr`, `svn`, or None.
        revision: The exact commit, for a VCS.
        requested_revision: The branch or tag that was asked for.
        hash: `sha256=…` of an archive.
        subdirectory: Where in it the project lies.
    """

    url: str
    editable: bool = False
    vcs: str | None = None
    revision: str | None = None
    requested_revision: str | None = None
    hash: str | None = None
    subdirectory: str | None = None


def strip_credentials(url: str) -> str:
    """Remove user, password, conda's `/t/TOKEN` and secret-looking query values; keep what PEP 610 lets stand."""
    match = _AUTHORITY.match(url)
    if match and not _HARMLESS.match(match.group(2)):
        url = match.group(1) + url[match.end() :]
    elif match is None:
        url = _BROKEN_AUTHORITY.sub(r"\1", url)
    if not url.lower().startswith("file:"):  # there /t/ is a folder
        url = _CONDA_TOKEN.sub("****", url)
    return _SECRET.sub(r"\1****", url)


def without_credentials(text: str) -> str:
    """Remove the credentials of every address in a text."""
    return _ADDRESS.sub(lambda match: strip_credentials(match.group()), text) if "://" in text else text


def parse_direct_url(data: object) -> DirectUrl | None:
    """Make a direct URL from parsed `direct_url.json`; None when it is not one."""
    if not isinstance(data, dict) or not isinstance(data.get("url"), str):
        return None
    directory, vcs, archive = (_section(data, key) for key in ("dir_info", "vcs_info", "archive_info"))
    hashes = archive.get("hashes")
    digest = hashes.get("sha256") if isinstance(hashes, dict) else None
    return DirectUrl(
        url=strip_credentials(data["url"]),
        editable=directory.get("editable") is True,
        vcs=_text(vcs.get("vcs")),
        revision=_text(vcs.get("commit_id")),
        requested_revision=_text(vcs.get("requested_revision")),
        hash=f"sha256={digest}" if isinstance(digest, str) else _text(archive.get("hash")),
        subdirectory=_text(data.get("subdirectory")),
    )


def _section(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
