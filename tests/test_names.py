"""Which distributions a conda package that is not downloaded likely brings."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from conda_pipsafe.forecast.known_names import KNOWN
from conda_pipsafe.forecast.names import Undownloaded, distributions_of, evidence_of
from conda_pipsafe.prefix.metadata import canonical_name
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv


def extracted(cache: Path, folder: str, *paths: str) -> Path:
    """A package in a cache, with a list of its paths."""
    info = cache / folder / "info"
    info.mkdir(parents=True)
    entries = [{"_path": path, "path_type": "hardlink"} for path in paths]
    (info / "paths.json").write_text(json.dumps({"paths": entries, "paths_version": 1}), encoding="utf-8")
    return cache / folder


def test_purls_come_first(tmp_path: Path) -> None:
    extracted(tmp_path, "pytorch-2.0-py_0", "site-packages/cached-2.0.dist-info/METADATA")
    purls = (
        "pkg:conda/pytorch@2.1", "pkg:pypi/Torch@2.1.0.84?source=x", "pkg:PyPI/torch%5Fextra#sub@1", "pkg:pypi/",
    )  # fmt: skip
    package = Undownloaded("pytorch", "2.1", purls=purls)
    assert evidence_of(package, [str(tmp_path)]) == ("purl", {"torch": "2.1.0.84", "torch-extra": "2.1"})


def test_a_channel_that_says_that_there_is_none(tmp_path: Path) -> None:
    """pixi writes `purls: []` for what has no Python in it; one of another kind says nothing of Python."""
    assert evidence_of(Undownloaded("tool", "1.0", purls=())) == ("purl", {})
    assert distributions_of(Undownloaded("tool", "1.0", purls=("pkg:github/me/tool",))) == {"tool": "1.0"}
    # What is on this disk is not guessed.
    extracted(tmp_path, "tool-0.9-0", "site-packages/tool-0.9.dist-info/METADATA")
    assert distributions_of(Undownloaded("tool", "1.0", purls=()), [str(tmp_path)]) == {"tool": "1.0"}


def test_what_is_in_the_archive_comes_before_a_cached_version(tmp_path: Path) -> None:
    extracted(tmp_path, "thing-1.0-0", "site-packages/then-1.0.dist-info/METADATA")
    assert evidence_of(Undownloaded("thing", "2.0", inside={"now": "2.0"}), [str(tmp_path)]) == ("disk", {"now": "2.0"})
    assert distributions_of(Undownloaded("thing", "2.0", inside={}), [str(tmp_path)]) == {}


def test_a_cached_version_tells(tmp_path: Path) -> None:
    extracted(
        tmp_path,
        "odd-name-1.0-py_0",
        "site-packages/Real.Name-1.0.dist-info/METADATA",
        "site-packages/bundled-7.3.dist-info/METADATA",
        "site-packages/vendors/_vendor/other-1.0.dist-info/METADATA",
    )
    # What has a version of its own has one that nobody knows in another version of the package.
    assert distributions_of(Undownloaded("odd-name", "2.0"), [str(tmp_path)]) == {"real-name": "2.0", "bundled": ""}
    assert distributions_of(Undownloaded("odd-name", "1.0"), [str(tmp_path)]) == {"real-name": "1.0", "bundled": "7.3"}


@pytest.mark.parametrize(
    ("package", "has", "then"),
    [
        ("1.0", "1.0", "2.0"),
        ("2024.02.02", "2024.2.2", "2.0"),
        ("1.0.0", "1", "2.0"),
        ("1.0", "1.0.84", ""),
        ("1", "?", ""),
    ],
)
def test_a_version_that_follows_its_package(tmp_path: Path, package: str, has: str, then: str) -> None:
    """However each spells it."""
    extracted(tmp_path, f"thing-{package}-0", f"site-packages/thing-{has}.dist-info/METADATA")
    assert distributions_of(Undownloaded("thing", "2.0"), [str(tmp_path)]) == {"thing": then}


def test_the_same_version_in_the_cache_is_preferred(tmp_path: Path) -> None:
    extracted(tmp_path, "thing-1.0-0", "site-packages/then-1.0.dist-info/METADATA")
    extracted(tmp_path, "thing-2.0-0", "site-packages/now-2.0.dist-info/METADATA")
    assert distributions_of(Undownloaded("thing", "1.0"), [str(tmp_path)]) == {"then": "1.0"}


def test_only_packages_of_that_very_name_count(tmp_path: Path) -> None:
    extracted(tmp_path, "thing-extra-1.0-0", "site-packages/other-1.0.dist-info/METADATA")
    (tmp_path / "thing-1.0-0.conda").write_bytes(b"")
    (tmp_path / "thing-3.0-0").mkdir()  # a download that was broken off: no info
    (tmp_path / "cache.lock").write_bytes(b"")
    (tmp_path / "cache").mkdir()  # conda's, for what channels have
    (tmp_path / "thing-1.0-1").write_bytes(b"")
    assert distributions_of(Undownloaded("thing", "1.0"), [str(tmp_path)]) == {"thing": "1.0"}


def test_a_package_that_goes_while_its_cache_is_known(tmp_path: Path) -> None:
    """Another conda cleans its cache; the list of folders that is kept is of the moment before."""
    gone = extracted(tmp_path, "thing-1.0-0", "site-packages/then-1.0.dist-info/METADATA")
    extracted(tmp_path, "thing-0.9-0", "site-packages/before-0.9.dist-info/METADATA")
    assert distributions_of(Undownloaded("thing", "1.0"), [str(tmp_path)]) == {"then": "1.0"}
    known = tmp_path.stat()
    shutil.rmtree(gone)
    os.utime(tmp_path, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert distributions_of(Undownloaded("thing", "1.0"), [str(tmp_path)]) == {"before": "1.0"}


def test_a_cached_package_without_distributions_brings_none(tmp_path: Path) -> None:
    extracted(tmp_path, "py-delta-1.0-py_0", "site-packages/delta/__init__.py")
    assert distributions_of(Undownloaded("py-delta", "1.0"), [str(tmp_path)]) == {}


def test_what_is_installed_tells(make_env: MakeEnv) -> None:
    snapshot = read_snapshot(str(make_env("python", "iota-conda")))
    assert distributions_of(Undownloaded("iota-conda", "9.0"), (), snapshot) == {"iota-dist": "9.0"}


def test_what_was_installed_tells_though_pip_has_replaced_it(make_env: MakeEnv) -> None:
    prefix = make_env("python", "iota-conda")
    (info,) = prefix.glob("lib/python*/site-packages/iota_dist-*.dist-info")
    shutil.rmtree(info)
    snapshot = read_snapshot(str(prefix))
    assert distributions_of(Undownloaded("iota-conda", "9.0"), (), snapshot) == {"iota-dist": "9.0"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pytorch", {"torch"}),
        ("python-build", {"build"}),
        ("py-opencv", {"opencv-python", "opencv-python-headless"}),
        ("tensorflow-base", {"tensorflow"}),
        ("msgpack-python", {"msgpack"}),
        ("pyqt", {"pyqt5"}),
        ("libopencv", {"opencv-python", "opencv-python-headless"}),
        ("pyside6", {"pyside6", "shiboken6"}),
        ("filesystem-spec", {"fsspec"}),
        ("quaternion", {"numpy-quaternion"}),
        ("opencv", set()),
        ("Some_Name", {"some-name"}),
    ],
)
def test_known_differences(name: str, expected: set[str]) -> None:
    assert set(distributions_of(Undownloaded(name, "1.0"))) == expected


@pytest.mark.parametrize(
    ("depends", "noarch", "expected"),
    [
        (("libgcc >=13", "openssl"), None, set()),
        ((), None, set()),
        (("python >=3.9",), None, {"redis"}),
        (("python_abi 3.12.* *_cp312",), None, {"redis"}),
        (("python>=3.9",), None, {"redis"}),
        (("pythonnet",), None, set()),
        ((), "python", {"redis"}),
        (None, None, {"redis"}),
    ],
)
def test_what_needs_no_python_has_no_distribution(
    depends: tuple[str, ...] | None, noarch: str | None, expected: set[str]
) -> None:
    assert set(distributions_of(Undownloaded("redis", "7.2", depends=depends, noarch=noarch))) == expected


def test_the_table_holds_only_real_differences() -> None:
    assert all(names != (canonical_name(conda),) for conda, names in KNOWN.items())
    assert all(name == canonical_name(name) for names in KNOWN.values() for name in names)


def test_caches_that_are_not_there(tmp_path: Path) -> None:
    assert distributions_of(Undownloaded("alpha", "1.0"), [str(tmp_path / "none")]) == {"alpha": "1.0"}
