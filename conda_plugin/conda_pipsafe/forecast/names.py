"""Which Python distributions a conda package brings that is not on this disk yet.

Names only, for packages whose paths nobody can know before they are downloaded: never for a claim about paths. In
order of trust: the `purls` of the repodata (CEP draft "PURLs in repodata", written by conda-forge), what the version
that is installed or lies in a package cache brings, a table of well-known differences, the conda name itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from conda_pipsafe.forecast.package_paths import read_package_paths
from conda_pipsafe.prefix.files import UnreadableError
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.snapshot import Snapshot

PYPI = "pkg:pypi/"
MOST_FOLDERS = 3
_SPEC_NAME = lazy(r"[A-Za-z0-9_.-]+")

# Well-known packages of conda-forge whose name is not that of their distribution. Each pair stands in parselmouth's
# mapping, which is read from the dist-infos in the packages (prefix-dev/parselmouth, files/compressed_mapping.json);
# most also in grayskull's (conda/grayskull, grayskull/strategy/config.yaml).
_DIFFERENT: Mapping[str, str] = {
    "boruta_py": "boruta",
    "brotli-python": "brotli",
    "cockroachdb-python": "cockroachdb",
    "cupy-core": "cupy",
    "dask-core": "dask",
    "delegator": "delegator-py",
    "docker-py": "docker",
    "esprima-python": "esprima",
    "geopandas-base": "geopandas",
    "gnupg-py": "gnupg",
    "h2o-py": "h2o",
    "hjson-py": "hjson",
    "jupyterhub-base": "jupyterhub",
    "libopencv": "opencv-python",
    "matplotlib-base": "matplotlib",
    "mne-base": "mne",
    "msg-extractor": "extract-msg",
    "msgpack-python": "msgpack",
    "neo4j-python-driver": "neo4j",
    "nvidia-ml": "nvidia-ml-py3",
    "ollama-python": "ollama",
    "ortools-python": "ortools",
    "pandera-core": "pandera",
    "pennylane-core": "pennylane",
    "pvlib-python": "pvlib",
    "py-lief": "lief",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyarrow-core": "pyarrow",
    "pyct-core": "pyct",
    "pymc-base": "pymc",
    "pyqt": "pyqt5",
    "pysoundfile": "soundfile",
    "pytables": "tables",
    "python-annoy": "annoy",
    "python-build": "build",
    "python-confluent-kafka": "confluent-kafka",
    "python-duckdb": "duckdb",
    "python-eccodes": "eccodes",
    "python-fastjsonschema": "fastjsonschema",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-installer": "installer",
    "python-kaleido": "kaleido",
    "python-kubernetes": "kubernetes",
    "python-lmdb": "lmdb",
    "python-mss": "mss",
    "python-sounddevice": "sounddevice",
    "python-symengine": "symengine",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "python-zstd": "zstd",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch_geometric": "torch-geometric",
    "ray-core": "ray",
    "redis-py": "redis",
    "seaborn-base": "seaborn",
    "sentencepiece-python": "sentencepiece",
    "tensorflow-base": "tensorflow",
    "trino-python-client": "trino",
}
# Packages that only depend on others, after the same mapping.
_EMPTY = ("opencv", "pytorch-gpu", "ray-default", "typing-extensions", "uvicorn-standard")
KNOWN: Mapping[str, tuple[str, ...]] = {
    **{name: (distribution,) for name, distribution in _DIFFERENT.items()},
    **dict.fromkeys(_EMPTY, ()),
}


# Where a claim comes from: the channel's own word, a version that is on this disk, the table above, the bare name.
Evidence = Literal["purl", "disk", "table", "name"]


@dataclass(frozen=True, slots=True)
class Undownloaded:
    """What a channel says of a package that is not on this disk.

    Attributes:
        purls: Its package URLs (https://github.com/package-url/purl-spec), of any type; None when the channel says
            nothing of them.
        depends: Its dependencies as match specs; None when they are not known (an explicit URL).
        noarch: `python`, `generic` or None.
        inside: The distributions in its archive, canonical name to version; None where that is not on this disk.
    """

    name: str
    version: str
    purls: Sequence[str] | None = None
    depends: Sequence[str] | None = None
    noarch: str | None = None
    inside: Mapping[str, str] | None = None


def distributions_of(
    package: Undownloaded, caches: Sequence[str] = (), snapshot: Snapshot | None = None
) -> dict[str, str]:
    """The distributions that a package likely brings, canonical name to version.

    Args:
        package: What is known of it.
        caches: Package caches, absolute paths of folders with extracted packages.
        snapshot: The environment, which may have another version of it.

    Returns:
        Empty when it likely brings none.
    """
    return evidence_of(package, caches, snapshot)[1]


def evidence_of(
    package: Undownloaded, caches: Sequence[str] = (), snapshot: Snapshot | None = None
) -> tuple[Evidence, dict[str, str]]:
    """As `distributions_of`, and what says so."""
    named = _from_purls(package.purls)
    if named:
        return "purl", dict.fromkeys(named, package.version)
    if package.inside is not None:
        return "disk", dict(package.inside)
    other = (_installed(package, snapshot) if snapshot is not None else None) or _cached(package, caches)
    if other is not None:
        version, found = other
        # What has the package's version follows it; what has one of its own is left as it was seen.
        return "disk", {key: package.version if has == version else has for key, has in found.items()}
    known = KNOWN.get(package.name)
    if known is not None:
        return "table", {canonical_name(name): package.version for name in known}
    return "name", {canonical_name(package.name): package.version} if _may_be_python(package) else {}


def names_to_look_for(key: str) -> tuple[str, ...]:
    """The conda names under which a distribution may be found; what is found there has to prove itself.

    Args:
        key: Its canonical name (PEP 503), which conda packages often spell with `_` or `.`.
    """
    known = [name for name, brings in KNOWN.items() if key in map(canonical_name, brings)]
    spellings = [key, key.replace("-", "_"), key.replace("-", ".")]
    return tuple(dict.fromkeys([*known, *spellings, f"python-{key}", f"{key}-python"]))


def _from_purls(purls: Sequence[str] | None) -> list[str]:
    pypi = [purl for purl in purls or () if purl.startswith(PYPI)]
    names = (purl.removeprefix(PYPI).split("@")[0].split("?")[0].split("#")[0] for purl in pypi)
    return [canonical_name(name) for name in names if name]


def _may_be_python(package: Undownloaded) -> bool:
    """What neither needs Python nor is `noarch: python` has nothing in site-packages: a library, a program."""
    if package.noarch == "python" or package.depends is None:
        return True
    return any(_name(spec) in {"python", "python_abi", "pypy"} for spec in package.depends)


def _name(spec: str) -> str:
    match = _SPEC_NAME.match(spec)
    return match.group().lower() if match else ""


_Found = tuple[str, Mapping[str, str]]  # the conda package's version, its distributions


def _installed(package: Undownloaded, snapshot: Snapshot) -> _Found | None:
    record = snapshot.record_named(package.name)
    if record is None:
        return None
    found = {dist.key: dist.version for dist in snapshot.distributions if snapshot.record_of(dist) is record}
    # None of them may also mean that pip replaced what the record brought.
    return (record.version, found) if found else None


def _cached(package: Undownloaded, caches: Sequence[str]) -> _Found | None:
    """The nearest extracted package of that name: of the same version, else of the newest folder."""
    folders = [(version, folder) for cache in caches for version, folder in _folders(cache).get(package.name, ())]
    folders.sort(key=lambda item: (item[0] == package.version, _modified(item[1])), reverse=True)
    for version, folder in folders[:MOST_FOLDERS]:
        try:
            return version, read_package_paths(folder, noarch=None, python=None, site=None).distributions
        except (UnreadableError, OSError):
            continue
    return None


def _folders(cache: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    try:
        return _listing(cache, os.stat(cache).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=16)
def _listing(cache: str, _changed: int) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The folders of a cache by conda name, with the version: `NAME-VERSION-BUILD`, as conda and rattler name them."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    with os.scandir(cache) as entries:
        for entry in entries:
            # Archives lie beside the folders under the same names.
            if entry.name.endswith((".conda", ".bz2", ".json", ".lock")):
                continue
            name, version, _ = ("", "", *entry.name.rsplit("-", 2))[-3:]
            if name and version and entry.is_dir():
                found[name] = (*found.get(name, ()), (version, entry.path))
    return found


def _modified(folder: str) -> float:
    try:
        return os.stat(folder).st_mtime
    except OSError:
        return 0.0
