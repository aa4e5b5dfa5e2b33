"""What an uninstall would take along: refused where it is conda's, or shared with conda's; nothing is changed here."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from conda_pipsafe.errors import Exit, PipsafeError
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution, read_installed_files
from conda_pipsafe.prefix.metadata import canonical_name, is_valid_name
from conda_pipsafe.prefix.paths import path_key
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

_NAME = lazy(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Shared:
    """Paths that go with a distribution and that a conda package has too."""

    record: Record
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """One name to uninstall.

    Attributes:
        key: Canonical name.
        dists: What is installed under it; more than one where an installer wrote over another.
        files: How many files go.
        shared: What conda's packages have of these.
    """

    key: str
    dists: tuple[Distribution, ...]
    files: int
    shared: tuple[Shared, ...]


@dataclass(frozen=True, slots=True)
class NotRemoved:
    """Why a name is not uninstalled.

    Attributes:
        reason: `conda-owned`, `shared-paths`, `no-record` or `frozen`.
        subject: The distribution, as a person names it.
        message: One sentence.
        paths: The evidence, prefix-relative.
        fixes: The ways out, in order.
    """

    reason: str
    subject: str
    message: str
    paths: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """What would be uninstalled.

    Attributes:
        missing: Names that are not installed.
        missed_by: Who would no longer have what it needs, and what (`alpha>=1`).
    """

    before: Snapshot
    items: tuple[Removed, ...]
    missing: tuple[str, ...]
    refused: tuple[NotRemoved, ...]
    missed_by: tuple[tuple[Distribution, str], ...]


def names_in_file(path: str, including: tuple[str, ...] = ()) -> list[str]:
    """The names in a requirements file, files that it includes too; options and versions do not matter here.

    Args:
        path: The file.
        including: The files that include it.

    Raises:
        PipsafeError: When it cannot be read.
    """
    if os.path.normpath(path) in including:
        raise PipsafeError(f"-r {path}: includes itself", exit_code=Exit.USAGE)
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().replace("\\\n", " ").splitlines()
    except (OSError, ValueError) as error:
        raise PipsafeError(f"-r {path}: cannot be read: {error}", exit_code=Exit.USAGE) from error
    found: list[str] = []
    for line in lines:
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        included = re.match(r"(?:-r\s*|--requirement[\s=]\s*)(\S+)", text)
        if included:
            nested = os.path.normpath(os.path.join(os.path.dirname(path), included.group(1)))
            found += names_in_file(nested, (*including, os.path.normpath(path)))
        elif text.startswith(("-e", "--editable")) or "://" in text.partition("@")[0]:
            egg = re.search(r"#egg=([A-Za-z0-9._-]+)", line)
            found += [egg.group(1)] if egg else []
        elif text and not text.startswith("-"):
            found.append(text)
    return found


def plan_removal(snapshot: Snapshot, words: Sequence[str], *, keep_shared: bool, override_frozen: bool) -> Removal:
    """What uninstalling would do; nothing is changed.

    Args:
        snapshot: The environment.
        words: Names, with or without versions and extras.
        keep_shared: Let through what shares files with conda's packages; these files stay.
        override_frozen: Work on a frozen environment (CEP 22) too.

    Raises:
        PipsafeError: When a word is no name.
    """
    items, missing, refused = [], [], []
    if snapshot.exists("conda-meta/frozen") and not override_frozen:
        message = f"the environment {snapshot.prefix} is frozen (conda-meta/frozen)"
        refused.append(NotRemoved("frozen", snapshot.prefix, message, (), ("--override-frozen, if it is yours",)))
    for key in dict.fromkeys(map(_key, words)):
        dists = tuple(dist for dist in snapshot.distributions_named(key) if dist.site.current)
        if not dists:
            missing.append(key)
            continue
        item = _removed(snapshot, key, dists)
        why = _why_not(snapshot, item, keep_shared=keep_shared)
        if why is not None:
            refused.append(why)
        items.append(item)
    return Removal(snapshot, tuple(items), tuple(missing), tuple(refused), _missed_by(snapshot, items))


def _key(word: str) -> str:
    match = _NAME.match(word.strip())
    name = match.group(1).rstrip("._-") if match else ""
    if not is_valid_name(name):
        raise PipsafeError(
            f"{word!r} is not the name of a distribution",
            hint="`conda pipsafe list` shows the names",
            exit_code=Exit.USAGE,
        )
    return canonical_name(name)


def _removed(snapshot: Snapshot, key: str, dists: tuple[Distribution, ...]) -> Removed:
    paths = [row.path for dist in dists for row in read_installed_files(snapshot.prefix, dist)[0]]
    by_record: dict[str, tuple[Record, list[str]]] = {}
    for path in dict.fromkeys(paths):
        if snapshot.exists(path):
            for record in snapshot.record_paths.get(path_key(path), ()):
                by_record.setdefault(record.meta_path, (record, []))[1].append(path)
    shared = tuple(Shared(record, tuple(found)) for record, found in by_record.values())
    return Removed(key, dists, len(paths), shared)


def _why_not(snapshot: Snapshot, item: Removed, *, keep_shared: bool) -> NotRemoved | None:
    prefix, name = shlex.quote(snapshot.prefix), item.dists[0].name
    owned = next(((dist, record) for dist in item.dists if (record := snapshot.record_of(dist))), None)
    if owned is not None:
        return _conda_owned(snapshot, item, *owned)
    broken = next((dist for dist in item.dists if not (dist.has_record or dist.kind == "egg-link")), None)
    if broken is not None:
        return _no_record(snapshot, broken)
    if item.shared and not keep_shared:
        whose = " and ".join(f"conda's {shared.record.name} {shared.record.version}" for shared in item.shared)
        paths = tuple(path for shared in item.shared for path in shared.paths)
        return NotRemoved(
            "shared-paths",
            name,
            f"pip would delete {len(paths)} of the files of {whose} together with {name} {item.dists[0].version}",
            paths,
            (
                f"conda pipsafe uninstall -p {prefix} --keep-shared {item.key}   (these files stay)",
                f"conda remove -p {prefix} {item.shared[0].record.name}, if it is conda's package that shall go",
            ),
        )
    return None


def _conda_owned(snapshot: Snapshot, item: Removed, dist: Distribution, record: Record) -> NotRemoved:
    prefix = shlex.quote(snapshot.prefix)
    spec = f"{record.name}={record.version}={record.build}"
    if len(item.dists) > 1:
        others = " and ".join(f"{other.name} {other.version}" for other in item.dists if other is not dist)
        message = f"{dist.name} {dist.version} is conda's, and {others} was installed over it: pip would take both"
        python = shlex.quote(os.path.join(snapshot.prefix, "python.exe" if os.name == "nt" else "bin/python"))
        fixes = (
            f"{python} -m pip uninstall -y {item.key}   (again until it is not installed)",
            f"conda install -p {prefix} --force-reinstall {spec}",
        )
        return NotRemoved("conda-owned", dist.name, message, tuple(other.path for other in item.dists), fixes)
    message = f"{dist.name} {dist.version} is conda's ({record.dist_str}): pip would leave conda believing it is there"
    ways = [f"conda remove -p {prefix} {record.name}"]
    if snapshot.owner_of(dist) == "both":
        message = f"{dist.name} {dist.version} was written over conda's {record.dist_str}, which still counts on it"
        ways.append(f"conda install -p {prefix} --force-reinstall {spec}   (conda's files back)")
    return NotRemoved("conda-owned", dist.name, message, (dist.path,), tuple(ways))


def _no_record(snapshot: Snapshot, dist: Distribution) -> NotRemoved:
    folder = shlex.quote(os.path.join(snapshot.prefix, *dist.path.split("/")))
    python = shlex.quote(os.path.join(snapshot.prefix, "python.exe" if os.name == "nt" else "bin/python"))
    if not dist.has_metadata:
        message = (
            f"of {dist.name} {dist.version} there is only {dist.path} without metadata: a leftover that pip takes for "
            "an installed distribution and cannot remove"
        )
        return NotRemoved("no-record", dist.name, message, (dist.path,), (f"rm -r {folder}",))
    message = f"{dist.path} has no list of its files, so pip cannot tell what to remove"
    again = f"{python} -m pip install --ignore-installed --no-deps {dist.key}=={dist.version}"
    return NotRemoved(
        "no-record",
        dist.name,
        message,
        (dist.path,),
        (f"{again}   (writes the list), then uninstall again", f"rm -r {folder}, and its modules by hand"),
    )


def _missed_by(snapshot: Snapshot, items: Sequence[Removed]) -> tuple[tuple[Distribution, str], ...]:
    from conda_pipsafe.prefix.requirements import Installed, evaluate, marker_environment

    going = {item.key for item in items}
    current = [dist for dist in snapshot.distributions if dist.site.current and dist.has_metadata]
    staying = [dist for dist in current if dist.key not in going]
    site = next((site.python for site in snapshot.sites if site.current and site.python), None)
    environment = marker_environment(snapshot.record_named("python"), site)
    conda = {canonical_name(record.name): record.version for record in snapshot.records}
    now = {(lack.dist.path, lack.text) for lack in evaluate(Installed(current, conda, environment)).unmet}
    then = evaluate(Installed(staying, conda, environment)).unmet
    return tuple((lack.dist, lack.text) for lack in then if (lack.dist.path, lack.text) not in now)
