"""Records: what conda says it linked, one `conda-meta/*.json` per package.

The format is conda's PrefixRecord (https://docs.conda.io, "conda-meta"); py-rattler and micromamba write the same
with two differences that matter: `paths_data.paths[]._path` is the installed path there, while conda keeps the
package's own path (`site-packages/…` for `noarch: python`) and has the installed one in `files[]` alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conda_pipsafe.prefix.files import RECORD_LIMIT, Problem, UnreadableError, read_json
from conda_pipsafe.prefix.paths import are_clean, clean_relative

CONDA_META = "conda-meta"


@dataclass(frozen=True, slots=True)
class PathFact:
    """What a record says of one installed path.

    Attributes:
        path: Prefix-relative, as installed.
        sha256: Hex digest of the file as installed, or None where conda keeps none (entry points, .pyc).
        size: Bytes in the package, before prefix replacement; None when not recorded.
        path_type: conda's name for what it is (`hardlink`, `softlink`, `unix_python_entry_point`, …).
        rewritten: Whether conda replaced a prefix placeholder in it, so that `size` is not the installed one.
    """

    path: str
    sha256: str | None
    size: int | None
    path_type: str | None
    rewritten: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One conda package of the prefix, as its conda-meta record has it.

    Attributes:
        files: Installed paths, prefix-relative; never leading out of the prefix.
        meta_path: The record's own file, prefix-relative.
        requested_spec: What the user asked for; None for a dependency.
        paths_data: The record's raw `paths_data.paths`, in the order of conda's `files`.
        md5: Of the package's archive, hex; empty when not recorded.
        sha256: The same.
    """

    name: str
    version: str
    build: str
    build_number: int
    channel: str
    subdir: str
    url: str | None
    file_name: str
    noarch: str | None
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    files: tuple[str, ...]
    meta_path: str
    requested_spec: str | None
    python_site_packages_path: str | None
    extracted_package_dir: str | None
    paths_data: Sequence[Mapping[str, Any]] = field(repr=False, compare=False)
    md5: str = ""
    sha256: str = ""

    @property
    def dist_str(self) -> str:
        """The `name-version-build` by which history and explicit files name a package."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def channel_name(self) -> str:
        """The channel as people call it, `conda-forge`: the last part of its URL, without the subdir."""
        parts = [part for part in self.channel.split("/") if part]
        if len(parts) > 1 and parts[-1] in {self.subdir, "noarch"}:
            parts.pop()
        return parts[-1] if parts else ""

    def path_facts(self) -> Iterator[PathFact]:
        """What is recorded of each installed path, in the order of `files`.

        conda writes `files` and `paths_data` in one order; where the lengths differ (a record written by another
        tool, or edited) only paths named the same in both are matched.
        """
        if len(self.files) == len(self.paths_data):
            matched: Iterator[tuple[str, Mapping[str, Any]]] = zip(self.files, self.paths_data, strict=True)
        else:
            by_path = {str(entry.get("_path")): entry for entry in self.paths_data}
            matched = ((path, by_path.get(path, {})) for path in self.files)
        for path, entry in matched:
            digest = entry.get("sha256_in_prefix") or entry.get("sha256")
            size = entry.get("size_in_bytes")
            kind = entry.get("path_type")
            yield PathFact(
                path,
                digest if isinstance(digest, str) else None,
                size if isinstance(size, int) else None,
                kind if isinstance(kind, str) else None,
                bool(entry.get("prefix_placeholder")),
            )


def read_records(prefix: str) -> tuple[tuple[Record, ...], tuple[Problem, ...]]:
    """Read every record of a prefix.

    Returns:
        The records in order of name, and what could not be read. A prefix without conda-meta has none of either.
    """
    records, _, problems = read_all_records(prefix)
    return records, problems


def read_all_records(prefix: str) -> tuple[tuple[Record, ...], tuple[str, ...], tuple[Problem, ...]]:
    """Read every record of a prefix, and name those that cannot be read.

    Returns:
        The records in order of name; the `name-version-build` of records whose file is there but unreadable or not a
        record, so that their packages are not taken for somebody else's; and what is wrong.
    """
    records: list[Record] = []
    unreadable: list[str] = []
    problems: list[Problem] = []
    try:
        names = sorted(os.listdir(os.path.join(prefix, CONDA_META)))
    except FileNotFoundError:
        return (), (), ()
    except OSError as error:
        return (), (), (Problem("unreadable", CONDA_META, f"cannot be listed: {error.strerror}"),)
    for name in names:
        # As conda does: other files here (history, state, pinned) are not records.
        if not name.endswith(".json") or name.startswith("."):
            continue
        relative = f"{CONDA_META}/{name}"
        try:
            record = parse_record(read_json(prefix, relative, RECORD_LIMIT), relative, problems)
        except UnreadableError as error:
            problems.append(error.problem)
            record = None
        if record is not None:
            records.append(record)
        else:
            unreadable.append(name.removesuffix(".json"))
    return tuple(sorted(records, key=lambda record: record.name)), tuple(unreadable), tuple(problems)


def parse_record(data: object, meta_path: str, problems: list[Problem]) -> Record | None:
    """Make a record from parsed JSON; None, with a problem added, when it is not one.

    A problem is also added to one of which we understand more than conda does, which stops at it.
    """
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("name", "version")):
        problems.append(Problem("invalid-record", meta_path, "not a conda record: it has no name and version"))
        return None
    wrong = [f"`{key}`" for key in ("depends", "constrains", "files") if not _is_texts(data.get(key) or [])]
    if wrong:  # what else it says still counts
        problems.append(Problem("invalid-record", meta_path, f"{' and '.join(wrong)} of it is no list of texts"))
    paths_data = _paths_data(data)
    files, facts = _installed(data, paths_data, meta_path, problems)
    return Record(
        name=data["name"],
        version=data["version"],
        build=_text(data, "build") or _text(data, "build_string") or "",
        build_number=number if isinstance(number := data.get("build_number"), int) else 0,
        channel=_text(data, "channel") or "",
        subdir=_text(data, "subdir") or "",
        url=_text(data, "url"),
        file_name=_text(data, "fn") or "",
        noarch=_text(data, "noarch"),
        depends=_texts(data.get("depends")),
        constrains=_texts(data.get("constrains")),
        files=files,
        meta_path=meta_path,
        requested_spec=_requested(data),
        python_site_packages_path=_text(data, "python_site_packages_path"),
        extracted_package_dir=_text(data, "extracted_package_dir"),
        paths_data=facts,
        md5=_text(data, "md5") or "",
        sha256=_text(data, "sha256") or "",
    )


def _requested(data: dict[str, Any]) -> str | None:
    # rattler writes a list, `requested_specs`; older versions and conda one string, "None" for a dependency.
    specs = _texts(data.get("requested_specs"))
    spec = specs[0] if specs else _text(data, "requested_spec")
    return None if spec in {None, "", "None"} else spec


def _paths_data(data: dict[str, Any]) -> list[Mapping[str, Any]]:
    holder = data.get("paths_data")
    paths = holder.get("paths") if isinstance(holder, dict) else None
    return [entry for entry in paths if isinstance(entry, dict)] if isinstance(paths, list) else []


def _installed(
    data: dict[str, Any], paths_data: list[Mapping[str, Any]], meta_path: str, problems: list[Problem]
) -> tuple[tuple[str, ...], list[Mapping[str, Any]]]:
    files = data.get("files")
    if not isinstance(files, list):
        files = [entry.get("_path") for entry in paths_data]
    paired = len(files) == len(paths_data)
    if are_clean(files):
        return tuple(files), paths_data
    kept: list[str] = []
    facts: list[Mapping[str, Any]] = [] if paired else paths_data
    for index, path in enumerate(files):
        clean = clean_relative(path) if isinstance(path, str) else None
        if clean is None:
            problems.append(Problem("invalid-path", meta_path, f"names a path out of the environment (files[{index}])"))
            continue
        kept.append(clean)
        if paired:
            facts.append(paths_data[index])
    return tuple(kept), facts


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) else None


def _is_texts(value: object) -> bool:
    """Whether conda takes a value for a list of texts."""
    try:
        "".join(value)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        return False
    return not isinstance(value, str)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
