"""PS515: `.pth` files at which Python stops, or complains; what they import may come from many places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.packages import simple
from support.random_world import make_checkout
from support.real_damage import Ways, look, site_of, told
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv

STARTER = WheelSpec("starter", "1.0", {"starter.py": "", "starter.pth": "import os, helper; helper.NAME\n"})


def said(prefix: Path) -> tuple[bool, str]:
    done = run(prefix / "bin/python", "-c", "print('runs')")
    return done.stdout == "runs\n", done.stderr


@pytest.mark.damage("PS515")
@pytest.mark.twin("PS515")
def test_a_module_that_was_uninstalled(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", write_wheel(STARTER, tmp_path), write_wheel(simple("helper"), tmp_path)).ok()
    assert (said(prefix), told(prefix)) == ((True, ""), [])
    pip(prefix, "uninstall", "-y", "helper").ok()
    runs, complaint = said(prefix)
    assert runs
    assert "No module named 'helper'" in complaint
    (found,) = look(prefix)
    assert (found.code, found.severity, found.facts["missing"]) == ("PS515", "warning", ["helper"])
    assert found.fixes[1] == "To keep it, install what brings helper."
    Ways(tmp_path).follow(prefix, found.fixes[:1])
    assert (said(prefix), told(prefix)) == ((True, ""), [])


@pytest.mark.damage("PS515", by_hand="a path in another encoding than UTF-8")
@pytest.mark.twin("PS515")
def test_a_file_that_is_no_text_stops_python(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    file = site_of(prefix) / "mine.pth"
    for harmless in ("/home/jérôme/work\n".encode(), b"\xef\xbb\xbf# with a mark\n", b"# import nothing\n\nos.path\n"):
        file.write_bytes(harmless)
        assert (said(prefix), [item.code for item in look(prefix)]) == ((True, ""), ["PS101"])
    file.write_bytes("/home/jérôme/work\n".encode("latin-1"))
    assert not said(prefix)[0]
    found = look(prefix)
    assert [(item.code, item.severity) for item in found] == [("PS515", "error"), ("PS101", "error")]  # pip runs again
    Ways(wheelhouse, driver).follow(prefix, [line for item in found for line in item.fixes])
    assert (said(prefix), told(prefix)) == ((True, ""), [])


@pytest.mark.damage("PS515", by_hand="a torn file")
def test_the_package_that_owns_the_file_is_installed_again(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("pip")
    pip(prefix, "install", write_wheel(STARTER, tmp_path), write_wheel(simple("helper"), tmp_path)).ok()
    (site_of(prefix) / "starter.pth").write_bytes(b"\xff\xfe\x00")
    (found,) = look(prefix)
    assert (found.code, len(found.fixes)) == ("PS515", 2)
    Ways(tmp_path).follow(prefix, found.fixes)
    assert (said(prefix), told(prefix, hashes=True)) == ((True, ""), [])


@pytest.mark.twin("PS515")
@pytest.mark.parametrize(
    "place", ["the library", "a folder", "a checkout", "a zipped egg", "a hidden file", "missing files"]
)
def test_what_a_file_imports_may_come_from_elsewhere(make_env: MakeEnv, tmp_path: Path, place: str) -> None:
    prefix = make_env("pip")
    site = site_of(prefix)
    name = ".early.pth" if place == "a hidden file" else "early.pth"
    (site / name).write_text("import mine; mine\n")
    if place == "the library":
        (site.parent / "mine.py").write_text("")  # as `imp` of an older Python than ours
    elif place == "a folder":
        (tmp_path / "more").mkdir()
        (tmp_path / "more/mine.py").write_text("")
        (site / "aaa.pth").write_text(f"{tmp_path / 'more'}\n")
    elif place == "a checkout":
        checkout = make_checkout(tmp_path / "checkout", "mine")
        pip(prefix, "install", "--no-build-isolation", "--no-deps", "-e", checkout).ok()
    elif place == "a zipped egg":
        (site / "old.egg").write_bytes(b"PK")
        (site / "aaa.pth").write_text("./old.egg\n")
    elif place == "missing files":  # told as that, with the way out
        (site / name).unlink()
        pip(prefix, "install", write_wheel(WheelSpec("mine", "1.0", {"mine.py": "", name: "import mine\n"}), tmp_path))
        (site / "mine.py").unlink()
    assert told(prefix) == ([("PS202", "error", "mine")] if place == "missing files" else [])


@pytest.mark.damage("PS103", "PS515", "PS901", by_hand="a disk that failed")
def test_what_everything_else_needs_comes_first(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> None:
    """In the order of the report each way out can be gone: conda, by it Python, by that pip."""
    prefix = make_env("pip", "alpha=1.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "beta2", "ns-b").ok()
    site = site_of(prefix)
    (site / "ns_b-1.0.dist-info/METADATA").write_bytes(b"Name: ns-b\nVersion: 1.0\nAuthor: J\xe9\n")
    (site / "mine.pth").write_bytes(b"\xe9\n")
    (prefix / f"bin/{(prefix / 'bin/python').readlink()}").unlink()
    (record,) = (prefix / "conda-meta").glob("gamma-*.json")
    text = record.read_text()
    record.unlink()
    record.write_text(text[:300])
    found = look(prefix)
    assert [item.code for item in found] == ["PS901", "PS103", "PS515", "PS901", "PS101"]
    Ways(wheelhouse, driver).follow(prefix, [line for item in found for line in item.fixes])
    assert told(prefix, hashes=True) == []
