"""Safe copies of conda-meta records that something is about to erase.

Once pip has replaced a conda package, `conda list`, `export` and `compare` delete its record: conda's
`plugins/prefix_data_loaders/pypi` does so for each package whose anchor file (`*.dist-info/RECORD`,
`*.egg-info/PKG-INFO`, `*.egg-info`) has no counterpart in site-packages. The copies are byte for byte, below
`conda-meta/pipsafe/vault/records/`, each with a small file beside it that says when and why (`docs/ledger.md`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from conda_pipsafe.ledger import FOLDER, seen
from conda_pipsafe.ledger.events import Event
from conda_pipsafe.ledger.folder import LedgerError, write_atomically
from conda_pipsafe.ledger.store import open_ledger, utc_now
from conda_pipsafe.prefix.anchors import without_anchor
from conda_pipsafe.prefix.conda_meta import Record, parse_record, read_records
from conda_pipsafe.prefix.files import MIB, RECORD_LIMIT, UnreadableError, read_bytes, read_json
from conda_pipsafe.prefix.patterns import lazy

VAULT = f"{FOLDER}/vault/records"
ENDANGERED = "its package's Python metadata is gone from the disk: `conda list` erases the record"
MAX_COPIES = 500
MAX_BYTES = 64 * MIB
_WHY = ".why.json"
_META_PATH = lazy(r"^conda-meta/[^/\\]+\.json$")


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A copy of a conda-meta record.

    Attributes:
        name: The conda package's name.
        dist_str: Its `name-version-build`.
        meta_path: Where the record was, prefix-relative.
        copy: Where the copy is, prefix-relative; its bytes are the record's own.
        sha256: Of these bytes.
        when: UTC, ISO 8601, when it was kept; None when what says so is lost.
        why: Why it was kept, as a sentence; None likewise.
    """

    name: str
    version: str
    build: str
    dist_str: str
    meta_path: str
    copy: str
    sha256: str
    when: str | None
    why: str | None

    def read(self, prefix: str) -> bytes:
        """The record, byte for byte.

        Raises:
            UnreadableError: When the copy is gone.
        """
        return read_bytes(prefix, self.copy, RECORD_LIMIT)

    def record(self, prefix: str) -> Record | None:
        """The record, parsed; None when the copy is gone or damaged."""
        try:
            return parse_record(read_json(prefix, self.copy, RECORD_LIMIT), self.meta_path, [])
        except UnreadableError:
            return None


def keep_endangered(prefix: str) -> list[str]:
    """Copy every record that a reading conda command would erase, and record it.

    Costs a handful of stats when nothing changed since the last look. Where nothing can be written nothing is kept.

    Returns:
        `name-version-build` of every endangered record of which a copy is there now, kept by this call or before.
    """
    remembered = seen.recall(prefix)
    if remembered is not None:
        names = remembered.get("endangered")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    kept, events = keep_records(prefix, without_anchor(prefix, read_records(prefix)[0]))
    with contextlib.suppress(LedgerError):  # the copies are there, and that is what counts
        open_ledger(prefix).append(events)
    return kept


def keep_records(prefix: str, records: Iterable[Record], why: str = ENDANGERED) -> tuple[list[str], list[Event]]:
    """Copy records into the vault.

    Returns:
        `name-version-build` of those of which a copy is there now, and a `record-kept` event for each new copy, which
        the caller appends. A record that cannot be copied is left out.
    """
    kept: list[str] = []
    events: list[Event] = []
    for record in records:
        try:
            event = _keep(prefix, record, why)
        except (LedgerError, UnreadableError):
            continue
        kept.append(record.dist_str)
        if event is not None:
            events.append(event)
    if events:
        _make_room(prefix)
    return kept, events


def keep_record(prefix: str, record: Record, why: str = ENDANGERED) -> None:
    """Copy one record into the vault, and record it; nothing happens when that very record is there already.

    Raises:
        LedgerError: When it cannot be written.
        UnreadableError: When the record cannot be read.
    """
    event = _keep(prefix, record, why)
    if event is not None:
        open_ledger(prefix).append([event])


def _keep(prefix: str, record: Record, why: str) -> Event | None:
    import hashlib

    data = read_bytes(prefix, record.meta_path, RECORD_LIMIT)
    digest = hashlib.sha256(data).hexdigest()
    # Named by its content, so that a record that is there already costs no write, and another form of it is no loss.
    stem = os.path.basename(record.meta_path).removesuffix(".json")[:180]
    relative = f"{VAULT}/{stem}.{digest[:16]}"
    if os.path.isfile(os.path.join(prefix, relative + ".json")):
        return None
    note = {
        "v": 1, "name": record.name, "version": record.version, "build": record.build,
        "meta_path": record.meta_path, "sha256": digest, "kept": utc_now(), "why": why,
    }  # fmt: skip
    with open_ledger(prefix).locked():
        write_atomically(prefix, relative + _WHY, json.dumps(note).encode("ascii"))
        write_atomically(prefix, relative + ".json", data)
    data_of_event = {"record": record.dist_str, "copy": relative + ".json", "sha256": digest, "why": why}
    return Event(utc_now(), "record-kept", "recorded", "certain", data=data_of_event)


def kept_records(prefix: str) -> list[KeptRecord]:
    """Every copy in the vault, the oldest first; what is damaged is left out."""
    found = [_read(prefix, name) for name in _names(prefix)]
    return sorted((kept for kept in found if kept is not None), key=lambda kept: (kept.when or "", kept.copy))


def _names(prefix: str) -> list[str]:
    try:
        names = os.listdir(os.path.join(prefix, VAULT))
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(".json") and not name.endswith(_WHY))


def _read(prefix: str, name: str) -> KeptRecord | None:
    copy = f"{VAULT}/{name}"
    stem = name.removesuffix(".json")
    note = _note(prefix, f"{VAULT}/{stem}{_WHY}")
    if note is None:
        note = _note_of_copy(prefix, copy, stem.rsplit(".", 1)[0])
    if note is None:
        return None
    version, build = note["version"], note["build"]
    return KeptRecord(
        name=note["name"],
        version=version,
        build=build,
        dist_str=f"{note['name']}-{version}-{build}",
        meta_path=note["meta_path"],
        copy=copy,
        sha256=note["sha256"],
        when=note.get("kept"),
        why=note.get("why"),
    )


def _note(prefix: str, path: str) -> dict[str, str] | None:
    try:
        data = read_json(prefix, path)
    except UnreadableError:
        return None
    needed = ("name", "version", "build", "meta_path", "sha256")
    if not isinstance(data, dict) or not all(isinstance(data.get(name), str) for name in needed):
        return None
    if not _META_PATH.match(data["meta_path"]):
        return None
    return {name: value for name, value in data.items() if isinstance(value, str)}


def _note_of_copy(prefix: str, copy: str, stem: str) -> dict[str, str] | None:
    """What the copy itself says, where the file beside it is lost."""
    import hashlib

    try:
        record = parse_record(read_json(prefix, copy, RECORD_LIMIT), f"conda-meta/{stem}.json", [])
        digest = hashlib.sha256(read_bytes(prefix, copy, RECORD_LIMIT)).hexdigest()
    except UnreadableError:
        return None
    if record is None:
        return None
    return {
        "name": record.name,
        "version": record.version,
        "build": record.build,
        "meta_path": record.meta_path,
        "sha256": digest,
    }


def _make_room(prefix: str) -> None:
    """Drop copies past the limits: first those whose record conda still has unaltered, then the oldest."""
    kept = kept_records(prefix)
    total = sum(_size(prefix, copy) for copy in kept)
    if len(kept) <= MAX_COPIES and total <= MAX_BYTES:
        return
    kept.sort(key=lambda copy: not _in_place(prefix, copy))
    while len(kept) > MAX_COPIES or total > MAX_BYTES:
        copy = kept.pop(0)
        total -= _size(prefix, copy)
        for path in (copy.copy, copy.copy.removesuffix(".json") + _WHY):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(prefix, path))


def _size(prefix: str, kept: KeptRecord) -> int:
    try:
        return os.stat(os.path.join(prefix, kept.copy)).st_size
    except OSError:
        return 0


def _in_place(prefix: str, kept: KeptRecord) -> bool:
    import hashlib

    try:
        return hashlib.sha256(read_bytes(prefix, kept.meta_path, RECORD_LIMIT)).hexdigest() == kept.sha256
    except UnreadableError:
        return False
