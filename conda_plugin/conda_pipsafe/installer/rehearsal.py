"""A rehearsal: uv installs into a shadow of the environment first, and what it writes there is what it would write.

The shadow has the metadata of every distribution of the environment, as copies, and none of its files. To uv it is an
environment (`--prefix`) in which all of that is installed: it keeps, replaces and adds what it would in the real one,
from the same cache, as links to it. Nothing is written to the environment itself.
"""

from __future__ import annotations

import filecmp
import json
import os
import posixpath
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.prefix.dist_info import Distribution, read_installed_files
from conda_pipsafe.prefix.files import METADATA_LIMIT
from conda_pipsafe.prefix.metadata import Metadata, canonical_name, parse_metadata
from conda_pipsafe.prefix.paths import site_packages_of
from conda_pipsafe.prefix.record_csv import RecordedFile, parse_record_csv
from conda_pipsafe.prefix.snapshot import Snapshot

if TYPE_CHECKING:
    from conda_pipsafe.forecast.wheel_paths import WheelPaths
    from conda_pipsafe.installer.verify import Difference

_MARK = "of-the-environment,,\n"
# What uv looks at to see whether an installed distribution is the one that is asked for.
_COPIED = ("direct_url.json", "uv_cache.json", "uv_build.json")
# uv gives headers another folder below a `--prefix` than in an environment of its own layout.
_HEADERS = "include/site/python{python}/"


@dataclass(frozen=True, slots=True)
class Staged:
    """One distribution that uv wrote in its rehearsal.

    Attributes:
        metadata: Its METADATA.
        direct_url: Its direct_url.json, parsed; None for one from an index.
        built: uv built it from sources.
        tags: The `Tag` lines of its WHEEL.
        paths: What it becomes in the environment; each member is its path below the shadow.
        hashes: The hash of each path as its RECORD has it, where it has one.
        record: The RECORD itself.
    """

    metadata: Metadata
    direct_url: Mapping[str, object] | None
    built: bool
    tags: frozenset[str]
    paths: WheelPaths
    hashes: Mapping[str, str]
    record: str

    @property
    def is_hashed(self) -> bool:
        """Whether its RECORD tells another content of any file; a local project's often has no hashes."""
        return len(self.hashes) + 1 >= len(self.paths.members)

    @property
    def key(self) -> str:
        """The canonical name."""
        return canonical_name(self.metadata.name)


def make_shadow(snapshot: Snapshot, folder: str) -> str:
    """Make the shadow of an environment in an empty folder.

    Returns:
        The site-packages folder that uv is to find in it, relative to it.

    Raises:
        PipsafeError: When it is not known which Python the environment has.
    """
    declared = site_packages_of(snapshot.python)
    sites = [site.path for site in snapshot.sites if site.current] or ([declared] if declared else [])
    if not sites:
        raise PipsafeError(
            f"it is not known which Python {snapshot.prefix} has: conda has no record of one",
            hint=f"conda install -p {shlex.quote(snapshot.prefix)} python",
        )
    for site in sites:
        os.makedirs(os.path.join(folder, site), exist_ok=True)
    for dist in snapshot.distributions:
        if dist.site.current:
            _copy(snapshot.prefix, dist, folder)
    return sites[0]


def _copy(prefix: str, dist: Distribution, folder: str) -> None:
    if dist.kind == "egg-link":
        shutil.copyfile(os.path.join(prefix, dist.path), os.path.join(folder, dist.path))
        return
    name = posixpath.basename(dist.path)
    if dist.kind != "dist-info":
        # uv refuses to replace distutils' form; here the policy decides about all that stands.
        name = f"{dist.name.replace('-', '_')}-{dist.version}.dist-info"
    target = os.path.join(folder, dist.site.path, name)
    os.makedirs(target, exist_ok=True)
    files = [("METADATA", dist.metadata_path)] if dist.has_metadata else []
    if dist.direct_url is not None or dist.installer == "uv":
        files += [(extra, f"{dist.path}/{extra}") for extra in _COPIED]
    there = []
    for copy, original in files:
        with suppress(FileNotFoundError, NotADirectoryError):
            shutil.copyfile(os.path.join(prefix, original), os.path.join(target, copy))
            there.append(copy)
    with open(os.path.join(target, "RECORD"), "w", encoding="utf-8") as file:
        file.write(_MARK + "".join(f"{name}/{copy},,\n" for copy in (*there, "RECORD")))


def read_shadow(folder: str, site: str, snapshot: Snapshot) -> list[Staged]:
    """What uv wrote: every distribution that is not of the environment.

    Raises:
        PipsafeError: When it wrote elsewhere than below `site`, or something that cannot be read.
    """
    found = []
    here = os.path.join(folder, site)
    for name in sorted(os.listdir(here)):
        if not name.endswith(".dist-info"):
            continue
        path = f"{site}/{name}"
        try:
            record = _text(folder, f"{path}/RECORD")
            if not record.startswith(_MARK):
                found.append(_read(folder, site, path, record, snapshot))
        except (OSError, ValueError) as error:
            raise PipsafeError(
                f"{name} cannot be looked into: {error}",
                hint="`uv cache clean` drops a damaged copy; nothing was installed",
            ) from error
    return found


def _read(folder: str, site: str, path: str, record: str, snapshot: Snapshot) -> Staged:
    from conda_pipsafe.forecast.wheel_paths import WheelPaths

    rows, problems = parse_record_csv(record, folder, site, f"{path}/RECORD")
    if problems:
        raise ValueError(problems[0].detail)
    present = os.listdir(os.path.join(folder, path))
    direct = json.loads(_text(folder, f"{path}/direct_url.json")) if "direct_url.json" in present else None
    wheel = _text(folder, f"{path}/WHEEL")
    tags = frozenset(line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:"))
    below = {row.path: row for row in rows if not row.path.endswith(".pyc")}
    if "include/" in record:
        below = {_in_environment(row_path, snapshot): row for row_path, row in below.items()}
    size = sum(row.size if row.size is not None else _size(folder, row) for row in below.values())
    return Staged(
        parse_metadata(_text(folder, f"{path}/METADATA")),
        direct if isinstance(direct, dict) else None,
        "uv_build.json" in present,
        tags,
        WheelPaths({final: row.path for final, row in below.items()}, path, size),
        {final: row.hash for final, row in below.items() if row.hash},
        record,
    )


def _size(folder: str, row: RecordedFile) -> int:
    return os.path.getsize(os.path.join(folder, row.path))


def _text(folder: str, path: str) -> str:
    # It may be a link into uv's cache.
    with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as file:
        return file.read(METADATA_LIMIT)


def _in_environment(path: str, snapshot: Snapshot) -> str:
    headers = _HEADERS.format(python=snapshot.python)
    if not path.startswith(headers):
        return path
    return f"{_include(snapshot)}/{path.removeprefix(headers)}"


def _include(snapshot: Snapshot) -> str:
    """The environment's own folder of headers, as its sysconfig has it: with the flags of a free-threaded build."""
    versioned = f"include/python{snapshot.python}"
    return f"{versioned}t" if not snapshot.exists(versioned) and snapshot.exists(f"{versioned}t") else versioned


def not_as_rehearsed(rehearsed: Sequence[Staged], folder: str, after: Snapshot) -> Iterator[Difference]:
    """What is in the environment after an install and is not what was looked into.

    Args:
        rehearsed: As rehearsed.
        folder: The shadow.
        after: The environment after.
    """
    from conda_pipsafe.installer.verify import Difference

    for one in rehearsed:
        for dist in after.distributions_named(one.key):
            if not dist.site.current or dist.version != one.metadata.version:
                continue
            unlike = tuple(unlike_rehearsed(one, dist, folder, after.prefix))
            if unlike:
                yield Difference(
                    "not-as-planned",
                    dist.name,
                    f"{dist.name} {dist.version} is not what was looked into: {len(unlike)} of its files differ",
                    unlike,
                )


def unlike_rehearsed(staged: Staged, dist: Distribution, folder: str, prefix: str) -> Iterator[str]:
    """The paths of one distribution that are not what was looked into: others, or with another content.

    Args:
        staged: As rehearsed.
        dist: As it is in the environment now.
        folder: The shadow.
        prefix: Absolute path of the environment.
    """
    with suppress(OSError):
        if staged.is_hashed and _text(prefix, f"{dist.path}/RECORD") == staged.record:
            return
    rows = {row.path: row for row in read_installed_files(prefix, dist)[0]}
    members = staged.paths.members
    notes = f"{staged.paths.dist_info}/"
    yield from sorted(path for path in rows if path not in members and not path.endswith(".pyc"))
    for path, member in members.items():
        row = rows.get(path)
        if row is None:
            yield path
        elif path.startswith(notes) and not path.endswith(("/METADATA", "/entry_points.txt")):
            continue  # uv's own notes: when, and from where
        elif (planned := staged.hashes.get(path)) is None or row.hash is None:
            if member is None or not _same(folder, member, prefix, path):
                yield path
        elif planned != row.hash:
            yield path


def _same(folder: str, member: str, prefix: str, path: str) -> bool:
    try:
        return filecmp.cmp(os.path.join(folder, member), os.path.join(prefix, path), shallow=False)
    except OSError:
        return False
