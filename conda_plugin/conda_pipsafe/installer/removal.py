"""What an uninstall would take along: refused where it is conda's, or shared with conda's; nothing is changed here."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from conda_pipsafe.audit import fixes
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
                f"To have these files stay: conda pipsafe uninstall -p {prefix} --keep-shared {item.key}",
                f"To have conda's package go: conda remove -p {prefix} {item.shared[0].record.name}",
            ),
        )
    return None


def _conda_owned(snapshot: Snapshot, item: Removed, dist: Distribution, record: Record) -> NotRemoved:
    if len(item.dists) > 1:
        others = " and ".join(f"{other.name} {other.version}" for other in item.dists if other is not dist)
        message = f"{dist.name} {dist.version} is conda's, and {others} was installed over it: pip would take both"
        # pip refuses to uninstall these, and which of two it takes is chance.
        stubborn = [it.path for it in item.dists if not it.has_record and it.kind in {"dist-info", "egg-info-file"}]
        times = len(item.dists) - len(stubborn)
        steps = [fixes.delete(snapshot.prefix, stubborn)] if stubborn else []
        steps += [fixes.uninstall_all(snapshot.prefix, item.key, times)] if times else []
        steps.append(fixes.conda_reinstall(snapshot.prefix, record))
        return NotRemoved("conda-owned", dist.name, message, tuple(it.path for it in item.dists), tuple(steps))
    message = f"{dist.name} {dist.version} is conda's ({record.dist_str}): pip would leave conda believing it is there"
    remove = fixes.conda(snapshot.prefix, "remove", record.name)
    ways: tuple[str, ...] = (remove,)
    if snapshot.owner_of(dist) == "both":
        message = f"{dist.name} {dist.version} was written over conda's {record.dist_str}, which still counts on it"
        back = fixes.conda_reinstall(snapshot.prefix, record)
        ways = (f"To have it go: {remove}", f"To have conda's files back: {back}")
    return NotRemoved("conda-owned", dist.name, message, (dist.path,), ways)


def _no_record(snapshot: Snapshot, dist: Distribution) -> NotRemoved:
    prefix = snapshot.prefix
    away = fixes.delete(prefix, [dist.path])
    if not dist.has_metadata:
        message = (
            f"of {dist.name} {dist.version} there is only {dist.path} without metadata: a leftover that pip takes for "
            "an installed distribution and cannot remove"
        )
        return NotRemoved("no-record", dist.name, message, (dist.path,), (away,))
    message = f"{dist.path} has no list of its files, so pip cannot tell what to remove"
    ways = [f"To take away only what makes pip list it (its modules stay): {away}"]
    again = fixes.pip_again(prefix, dist, "--ignore-installed", "--no-deps")
    if again is not None:
        # Beside an egg-info pip would write a second distribution of the name.
        first = "" if dist.kind == "dist-info" else f"{away} && "
        then = f"conda pipsafe uninstall -p {fixes.quote(prefix)} {dist.key}"
        ways.insert(0, f"To have pip write the list, and all of it go then: {first}{again} && {then}")
    return NotRemoved("no-record", dist.name, message, (dist.path,), tuple(ways))


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
