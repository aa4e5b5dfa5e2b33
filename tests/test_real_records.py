"""PS513, PS901: records and metadata that are broken or there twice; the ways out lead out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit.findings import Finding
from support.driving import Driver
from support.real_damage import Ways, inside, look, site_of, told
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


def record_of(prefix: Path, name: str) -> Path:
    return next((prefix / "conda-meta").glob(f"{name}-[0-9]*.json"))


def rewrite(file: Path, text: str) -> None:
    """As an editor that keeps no copy, of a file that may be shared."""
    file.unlink()
    file.write_text(text)


@pytest.mark.damage("PS513", by_hand="a conda that is killed between two steps")
def test_the_record_of_a_version_that_is_gone(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix, other = make_env("pip", "alpha=2.0", "beta"), make_env("alpha=1.0", name="other")
    old = prefix / "conda-meta" / record_of(other, "alpha").name
    old.write_text(record_of(other, "alpha").read_text())
    found = look(prefix, hashes=True)
    assert [(item.code, item.severity, item.subject) for item in found] == [("PS513", "error", "alpha")]
    assert found[0].paths == (f"conda-meta/{old.name}", f"conda-meta/{next(prefix.glob('conda-meta/alpha-2*')).name}")
    assert found[0].facts["kept"] == found[0].paths[1]
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS513")
@pytest.mark.twin("PS513")
def test_one_environment_copied_over_another(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    """The records of both; the files of the one that came later."""
    prefix = make_env("pip", "alpha=1.0", "gamma")
    kept = record_of(prefix, "alpha").read_text()
    driver.run("install", "-y", "-p", prefix, "alpha=2.0").ok()
    assert told(prefix, hashes=True) == []
    (prefix / "conda-meta/alpha-1.0-py_0.json").write_text(kept)
    found = look(prefix, hashes=True)
    assert [(item.code, item.subject) for item in found] == [("PS513", "alpha")]
    assert found[0].facts["kept"].startswith("conda-meta/alpha-2.0")
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS901", by_hand="what a full disk leaves")
def test_a_record_that_is_cut_off(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta")
    record = record_of(prefix, "alpha")
    rewrite(record, record.read_text()[:300])
    found = look(prefix, hashes=True)
    # Nothing is said of beta, which needs alpha.
    assert [(item.code, item.paths) for item in found] == [("PS901", (f"conda-meta/{record.name}",))]
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix, hashes=True) == []
    assert json.loads(record.read_text())["version"] == "1.0"


@pytest.mark.damage("PS901", by_hand="a script that edits records")
@pytest.mark.twin("PS901")
def test_a_record_that_conda_does_not_understand(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta")
    record = record_of(prefix, "alpha")
    data = json.loads(record.read_text())
    rewrite(record, json.dumps({**data, "constrains": [], "files": dict.fromkeys(data["files"], 1)}))
    driver.run("list", "-p", prefix).ok()
    rewrite(record, json.dumps({**data, "depends": "python"}))
    assert driver.run("list", "-p", prefix).returncode != 0
    (found,) = look(prefix, hashes=True)
    assert found.message.endswith(": `depends` of it is no list of texts; conda refuses every command here.")
    Ways(wheelhouse, driver).follow(prefix, found.fixes)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS901", by_hand="what a full disk leaves")
def test_metadata_that_is_empty_or_leads_out(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "delta-python", "zeta").ok()
    site = site_of(prefix)
    rewrite(site / "gamma-1.0.dist-info/METADATA", "")
    rewrite(site / "delta_python-1.0.dist-info/METADATA", "")
    record = site / "zeta-2.0.dist-info/RECORD"
    rewrite(record, record.read_text() + "../../../../../../../../etc/hosts,,\n")
    found = [item for item in look(prefix) if item.code == "PS901"]
    assert sorted(path for item in found for path in item.paths) == sorted(
        inside(prefix, "delta_python-1.0.dist-info", "gamma-1.0.dist-info", "zeta-2.0.dist-info/RECORD")
    )
    self_help: list[Finding] = [item for item in look(prefix, hashes=True) if item.code != "PS901"]
    assert {item.code for item in self_help} <= {"PS120", "PS220"}
    Ways(wheelhouse, driver).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS106", by_hand="a record deleted by hand")
def test_a_deleted_record_of_another_name(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    """conda's package and the distribution in it differ in name; the history tells which it was, while it is there."""
    prefix = make_env("pip", "iota-conda", "alpha=1.0")
    assert told(prefix) == []
    record_of(prefix, "iota-conda").unlink()
    found = look(prefix)
    assert [(item.code, item.subject) for item in found] == [("PS106", "iota-conda")]
    assert found[0].message == "conda installed iota-conda 1.0 and has lost its record; its files are still there."
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix) == []

    record_of(prefix, "alpha").unlink()
    (prefix / "conda-meta/history").write_text("")
    found = look(prefix)
    assert [(item.code, item.subject) for item in found] == [("PS106", "alpha")]
    assert found[0].fixes[1].endswith(" alpha=1.0")
    pip(prefix, "uninstall", "-y", "alpha").ok()
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()  # nobody says that it was conda's
    assert told(prefix) == []


@pytest.mark.damage("PS107", by_hand="a conda that is killed between two steps")
@pytest.mark.twin("PS106")
def test_a_dist_info_of_condas_that_stayed_behind(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    site = site_of(prefix)
    shutil.copytree(site / "alpha-1.0.dist-info", prefix.parent / "old")
    driver.run("install", "-y", "-p", prefix, "alpha=2.0").ok()
    shutil.copytree(prefix.parent / "old", site / "alpha-1.0.dist-info")
    found = look(prefix)
    assert [(item.code, item.subject) for item in found] == [("PS201", "alpha")]  # no record of it was lost
    Ways(wheelhouse, driver).follow(prefix, found[0].fixes)
    assert told(prefix) == []
