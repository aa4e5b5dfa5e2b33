"""Environments that were moved or copied, and marks whose time tells what came after them."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.real_damage import Ways, look, the, told
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


@pytest.mark.damage("PS112")
def test_pip_at_once_after_the_mark(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    time.sleep(0.05)  # times are coarse
    (prefix / "conda-meta/frozen").write_text("{}")
    assert told(prefix) == []
    time.sleep(0.05)
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    (found,) = look(prefix)
    assert (found.code, found.facts["distributions"]) == ("PS112", ["piponly 1.0"])
    Ways(wheelhouse).follow(prefix, found.fixes)
    assert told(prefix) == []


@pytest.mark.twin("PS112")
def test_a_copy_gives_each_file_a_time_of_its_own(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    prefix = make_env("pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    (prefix / "conda-meta/frozen").write_text("{}")
    copy = tmp_path / "copy"
    (copy / "conda-meta").mkdir(parents=True)
    shutil.copyfile(prefix / "conda-meta/frozen", copy / "conda-meta/frozen")
    time.sleep(0.05)
    shutil.copytree(prefix, copy, symlinks=True, copy_function=shutil.copyfile, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("frozen"))  # fmt: skip
    assert "PS112" not in {item.code for item in look(copy)}


@pytest.mark.damage("PS109")
def test_a_moved_environment_has_dead_commands_in_packages_files_too(
    make_env: MakeEnv, wheelhouse: Path, driver: Driver
) -> None:
    prefix = make_env("pip", "epsilon", name="before")
    assert told(prefix) == []
    moved = prefix.rename(prefix.parent / "after")
    found = look(moved)
    assert {(item.code, item.severity) for item in found} == {("PS109", "error")}
    # Both are files of the package: one that somebody wrote, one that the build's pip did.
    assert {"bin/epsilon-cli", "bin/epsilon-script", "bin/pip"} <= {path for item in found for path in item.paths}
    Ways(wheelhouse, driver).follow_all(moved, found)
    assert told(moved, hashes=True) == []


@pytest.mark.twin("PS109")
def test_a_package_whose_script_names_a_python_of_its_own_choice(make_env: MakeEnv) -> None:
    prefix = make_env("python", "epsilon")
    (record,) = (prefix / "conda-meta").glob("epsilon-*.json")
    script = prefix / "bin/epsilon-script"
    text = f"#!/opt/nowhere/bin/python\n# {prefix}\n"
    script.unlink()
    script.write_text(text)
    data = json.loads(record.read_text())
    for path, entry in zip(data["files"], data["paths_data"]["paths"], strict=True):
        if path == "bin/epsilon-script":
            built = text.replace(str(prefix), entry["prefix_placeholder"])
            entry["sha256"] = hashlib.sha256(built.encode()).hexdigest()
            entry["sha256_in_prefix"] = hashlib.sha256(text.encode()).hexdigest()
    record.unlink()
    record.write_text(json.dumps(data))
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS514")
@pytest.mark.twin("PS514")
def test_an_environment_whose_history_is_gone(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    (prefix / "conda-meta/history").unlink()
    assert "not a conda environment" in driver.run("list", "-p", prefix).stderr
    found = look(prefix)
    assert [item.code for item in found] == ["PS514", "PS101"]  # without the first's way out no other can be gone
    Ways(wheelhouse, driver).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix) == []


@pytest.mark.damage("PS514")
@pytest.mark.parametrize("kind", ["a folder", "a dead link"])
def test_what_stands_in_the_place_of_a_history_is_none(make_env: MakeEnv, driver: Driver, kind: str) -> None:
    prefix = make_env("pip", "alpha=1.0")
    history = prefix / "conda-meta/history"
    history.unlink()
    if kind == "a folder":
        history.mkdir()
    else:
        history.symlink_to(prefix.parent / "nothing")
    assert "not a conda environment" in driver.run("list", "-p", prefix).stderr
    (found,) = look(prefix)
    assert (found.code, found.severity) == ("PS514", "error")
    run("sh", "-c", "\n".join(found.fixes)).ok()
    assert told(prefix) == []
    driver.run("list", "-p", prefix).ok()


@pytest.mark.damage("PS901")
@pytest.mark.twin("PS901")
@pytest.mark.parametrize(("tail", "stops"), [("jérôme".encode("latin-1"), True), (b"\0" * 300, False)])
def test_a_history_that_is_no_text(make_env: MakeEnv, driver: Driver, tail: bytes, stops: bool) -> None:
    """Written under another encoding, or torn by a crash: conda dies of the first, and shows no revisions of either."""
    prefix = make_env("pip", "alpha=1.0")
    history = prefix / "conda-meta/history"
    whole = history.read_bytes()
    revision = b"==> 2026-01-01 00:00:00 <==\n# cmd: /home/%s/bin/conda install x\n"
    history.write_bytes(whole + revision % "jérôme".encode())
    assert told(prefix) == []
    driver.run("list", "--revisions", "-p", prefix).ok()
    history.write_bytes(whole + (revision % tail if stops else tail))
    assert driver.run("list", "--revisions", "-p", prefix).returncode != 0
    assert (driver.run("install", "-p", prefix, "zeta", "--dry-run").returncode != 0) is stops
    (found,) = look(prefix)
    assert (found.code, found.severity, bool(found.facts.get("stops_solves"))) == (
        "PS901", "error" if stops else "warning", stops,
    )  # fmt: skip
    run("sh", "-c", "\n".join(found.fixes)).ok()
    assert told(prefix) == []
    driver.run("list", "--revisions", "-p", prefix).ok()
    driver.run("install", "-p", prefix, "zeta", "--dry-run").ok()


@pytest.mark.damage("PS901", by_hand="a damaged disk")
@pytest.mark.parametrize("content", [b"\xff\x80\n1\n" * 40, b"\0" * 4096, b"garbage\n"])
def test_a_history_of_which_nothing_is_left(make_env: MakeEnv, driver: Driver, content: bytes) -> None:
    prefix = make_env("pip", "alpha=1.0")
    (prefix / "conda-meta/history").write_bytes(content)
    (found,) = look(prefix)
    assert found.code == "PS901"
    run("sh", "-c", "\n".join(found.fixes)).ok()
    assert told(prefix) == []
    driver.run("install", "-p", prefix, "zeta", "--dry-run").ok()


@pytest.mark.damage("PS514", by_hand="pixi is not there; it marks its environments by a file")
@pytest.mark.twin("PS514")
def test_without_history_beside_pixis_mark_and_without_records(make_env: MakeEnv) -> None:
    prefix = make_env("alpha=1.0")
    (prefix / "conda-meta/history").unlink()
    assert told(prefix) == [("PS514", "error", "conda-meta/history")]
    (prefix / "conda-meta/pixi").write_text("{}")
    assert told(prefix) == []
    (prefix / "conda-meta/pixi").unlink()
    for record in (prefix / "conda-meta").glob("*.json"):
        record.unlink()
    assert "PS514" not in {code for code, *_ in told(prefix)}


@pytest.mark.damage("PS901")
def test_a_record_that_conda_stops_at_is_to_be_mended_first(
    make_env: MakeEnv, wheelhouse: Path, driver: Driver
) -> None:
    prefix = make_env("pip", "alpha=1.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    (record,) = (prefix / "conda-meta").glob("gamma-*.json")
    text = record.read_text()
    record.unlink()
    record.write_text(text[:400])
    assert driver.run("install", "-p", prefix, "zeta", "-y").returncode != 0
    found = look(prefix)
    assert [(item.code, item.severity) for item in found] == [("PS901", "error"), ("PS101", "error")]
    Ways(wheelhouse, driver).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix) == []


@pytest.mark.damage("PS114")
@pytest.mark.twin("PS114")
@pytest.mark.skipif("os.name == 'nt'", reason="no such permissions")
def test_an_archive_that_keeps_no_permissions(make_env: MakeEnv, rival_wheels: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "epsilon")
    pip(prefix, "install", "--find-links", rival_wheels, "stray").ok()
    archive = shutil.make_archive(str(prefix.parent / "packed"), "zip", prefix)
    assert told(prefix) == []
    shutil.rmtree(prefix)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(prefix)  # as unzip does it where no permissions are known
    found = the(look(prefix), "PS114")
    assert found.severity == "error"
    assert {"bin/stray", "bin/alpha-cli", "bin/pip"} < set(found.paths)
    assert any(path.startswith("bin/python3") for path in found.paths)
    run("sh", "-c", "\n".join(found.fixes)).ok()
    assert "PS114" not in {item.code for item in look(prefix)}
    run(prefix / "bin/stray").ok()


@pytest.mark.damage("PS114", by_hand="chmod")
@pytest.mark.twin("PS114")
@pytest.mark.skipif("os.name == 'nt'", reason="no such permissions")
def test_one_command_that_nobody_may_run(make_env: MakeEnv, rival_wheels: Path, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "epsilon")
    text = WheelSpec("text", "1.0", {"text.py": ""}, data={"bin/text": "#!/usr/bin/python3\n"})
    pip(prefix, "install", "--find-links", rival_wheels, "stray", write_wheel(text, tmp_path)).ok()
    (prefix / "bin/epsilon-script").chmod(0o644)  # a package's own text: to be read, perhaps
    (prefix / "bin/stray").chmod(0o700)
    assert told(prefix) == []
    (prefix / "bin/stray").chmod(0o600)
    assert told(prefix) == [("PS114", "error", "bin/stray")]
