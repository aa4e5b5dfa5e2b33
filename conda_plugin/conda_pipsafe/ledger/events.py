"""The events of a ledger: typed here, one JSON line each on disk (`docs/ledger.md` is the format's contract)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

LEDGER_VERSION = 1

EventKind = Literal[
    "created",  # the ledger's first line: which prefix; again when the ledger came along with a copied environment
    "installed", "upgraded", "removed",  # a distribution that pip, uv or another installer owns
    "changed",  # the same version, written anew (reinstall, taken over from conda, source changed)
    "conda",  # a conda transaction: what it did to pip's distributions
    "record-kept",  # a conda-meta record was copied into the vault before something erased it
    "record-lost",  # a conda-meta record vanished though nobody removed the package
    "failed",  # an install that did not end well
    "mended",  # the ledger itself was damaged and continued
    "compacted",  # older events were folded into a state
]  # fmt: skip

How = Literal["recorded", "observed"]
Certainty = Literal["certain", "likely", "unknown"]
Owner = Literal["pip", "both"]
SourceKind = Literal["index", "direct-url", "editable", "unknown"]

EVENT_KINDS: frozenset[str] = frozenset(get_args(EventKind))
HOWS: frozenset[str] = frozenset(get_args(How))
CERTAINTIES: frozenset[str] = frozenset(get_args(Certainty))
OWNERS: frozenset[str] = frozenset(get_args(Owner))
SOURCE_KINDS: frozenset[str] = frozenset(get_args(SourceKind))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a distribution came from; credentials are never in it.

    Attributes:
        kind: `index`, `direct-url`, `editable`, or `unknown` (an index install that nobody watched).
        url: The artifact or the direct URL, where known.
        index: The index it was found on, where known.
        hash: `sha256=HEX` of the artifact, where known.
        revision: The commit of a VCS install.
    """

    kind: SourceKind
    url: str | None = None
    index: str | None = None
    hash: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class DistState:
    """What the ledger knows of one distribution at one moment.

    Attributes:
        key: The canonical name (PEP 503).
        path: Its dist-info, prefix-relative: two distributions of one name are two states.
        owner: `pip` (conda did not bring it) or `both` (written over conda's own).
        requested: Asked for by name, a dependency, or unknown (None).
        recorded_by: `pipsafe` when we installed it, else None.
        written: When its metadata was written (mtime of RECORD), UTC, ISO 8601; tells a reinstall of one version.
    """

    key: str
    name: str
    version: str
    path: str
    installer: str | None
    requested: bool | None
    owner: Owner
    source: Source
    extras: tuple[str, ...] = ()
    recorded_by: str | None = None
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the ledger.

    Attributes:
        time: UTC, ISO 8601 with seconds and `Z`; when it was written.
        kind: What happened.
        how: `recorded` when we did or watched it, `observed` when reconciling found it afterwards.
        certainty: How sure the facts are.
        happened: For an observed event the best known time (the dist-info's mtime), same form; else None.
        revision: conda's revision number at that moment; None without a history.
        dist: The distribution as it is now, for a removal as it last was; None for events about none.
        before: For upgraded and changed, the state before.
        command: What was run, credentials removed; None when nobody knows.
        user: The login name of who ran it; None for observed events.
        data: What only this kind has, as JSON values.
    """

    time: str
    kind: EventKind
    how: How
    certainty: Certainty
    happened: str | None = None
    revision: int | None = None
    dist: DistState | None = None
    before: DistState | None = None
    command: str | None = None
    user: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def current_user() -> str | None:
    """Whom an event of this process names; None where the system does not tell."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
