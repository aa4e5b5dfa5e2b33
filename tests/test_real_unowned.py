"""PS507, PS502, PS203, PS105, PS202, PS103: files whose owner is gone, hidden, elsewhere, or only a link."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit.remembered import recall
from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageFile, PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.random_world import make_checkout
from support.real_damage import Ways, inside, look, site_of, the, told, uv
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, and what Unix users may read")


class TestForgotten:
    @pytest.mark.damage("PS507")
    def test_dist_info_that_was_deleted(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix = make_env("pip", "alpha=1.0")
        pip(prefix, "install", "--find-links", rival_wheels, "stray", "plain").ok()
        assert told(prefix) == []  # the ledger has seen it now
        shutil.rmtree(site_of(prefix) / "stray-1.0.dist-info")
        found = look(prefix, hashes=True)
        assert [(item.code, item.severity, item.subject) for item in found] == [("PS507", "warning", "stray")]
        assert found[0].paths == inside(prefix, "stray.py")
        assert "pip installed stray 1.0, and its dist-info is gone: stray.py is still there" in found[0].message
        Ways(rival_wheels).follow(prefix, found[0].fixes)
        assert told(prefix, hashes=True) == []

    @pytest.mark.damage("PS507")
    def test_a_package_and_a_module_of_another_name(self, make_env: MakeEnv, tmp_path: Path) -> None:
        prefix = make_env("pip")
        files = {"scikit_thing/__init__.py": "x = 1\n", "skthing/__init__.py": "x = 1\n"}
        wheel = write_wheel(WheelSpec("scikit-thing", "1.0", files), tmp_path)
        pip(prefix, "install", wheel).ok()
        assert told(prefix) == []
        shutil.rmtree(site_of(prefix) / "scikit_thing-1.0.dist-info")
        found = the(look(prefix), "PS507", "scikit-thing")
        assert found.paths == inside(prefix, "scikit_thing"), "whose skthing is, its name does not tell"
        Ways(tmp_path).follow(prefix, found.fixes)
        assert told(prefix, hashes=True) == []

    @pytest.mark.twin("PS507")
    def test_what_was_uninstalled_and_what_is_a_person_s_own(self, make_env: MakeEnv, rival_wheels: Path) -> None:
        prefix = make_env("pip", "alpha=1.0")
        pip(prefix, "install", "--find-links", rival_wheels, "stray", "plain").ok()
        assert told(prefix) == []
        pip(prefix, "uninstall", "-y", "stray", "plain").ok()
        own = site_of(prefix) / "stray.py"
        own.write_text("mine = 1\n")
        os.utime(own, (4_000_000_000, 4_000_000_000))
        old = site_of(prefix) / "older.py"
        old.write_text("mine = 1\n")
        os.utime(old, (1_000_000_000, 1_000_000_000))
        assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS502")
def test_files_whose_metadata_is_gone_keep_an_owner(make_env: MakeEnv, rival_wheels: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", rival_wheels, "stray").ok()
    (site_of(prefix) / "stray-1.0.dist-info/METADATA").unlink()
    found = the(look(prefix), "PS502", "stray")
    Ways(rival_wheels).follow(prefix, found.fixes)
    assert (site_of(prefix) / "stray-1.0.dist-info/METADATA").exists()
    assert told(prefix, hashes=True) == []
    pip(prefix, "uninstall", "-y", "stray").ok()
    assert not (site_of(prefix) / "stray.py").exists()


class TestHiddenCheckout:
    @staticmethod
    def checkout(folder: Path, *modules: str) -> Path:
        made = make_checkout(folder, "mine")
        for module in modules:
            (made / "src" / module).mkdir()
            (made / "src" / module / "__init__.py").write_text("")
        return made

    @pytest.mark.damage("PS203")
    @pytest.mark.parametrize("keep", [0, 1])
    def test_by_a_package_of_another_name(
        self, make_env: MakeEnv, tmp_path: Path, wheelhouse: Path, driver: Driver, keep: int
    ) -> None:
        prefix = make_env("pip", "gamma")
        place = self.checkout(tmp_path / "checkout", "gamma")
        pip(prefix, "install", "--no-build-isolation", "--no-deps", "-e", place).ok()
        found = look(prefix)
        assert [(item.code, item.severity, item.subject) for item in found] == [("PS203", "error", "gamma")]
        assert "hides mine, which is installed in place" in found[0].message
        assert found[0].paths == (*inside(prefix, "gamma/__init__.py"), *inside(prefix, "mine-9.0.dist-info"))
        Ways(wheelhouse, driver).follow(prefix, found[0].fixes[keep : keep + 1])
        assert told(prefix, hashes=True) == []

    @pytest.mark.twin("PS203")
    def test_what_only_lies_in_the_project_s_folder(self, make_env: MakeEnv, tmp_path: Path) -> None:
        """A flat project: its own module counts, what lies beside it does not."""
        prefix = make_env("pip", "gamma")
        place = self.checkout(tmp_path / "checkout", "gamma")
        pip(prefix, "install", "--no-build-isolation", "--no-deps", "-e", place).ok()
        (place / "src/pyproject.toml").write_text("")
        assert told(prefix, hashes=True) == []


class TestLinkedFolder:
    @staticmethod
    def channel(folder: Path) -> Channel:
        made = Channel(folder / "linked")
        made.add_all([
            PackageSpec("linker", "1", files={"alias": PackageFile(link_to="share"), "share/linker": b"x"}),
            PackageSpec("datum", "1", files={"share/datum/x.txt": b"conda\n"}),
        ])  # fmt: skip
        return made

    @pytest.mark.damage("PS105")
    def test_one_file_under_two_names(self, make_env: MakeEnv, channel: Channel, tmp_path: Path) -> None:
        prefix = make_env("pip", "linker", "datum", channels=[self.channel(tmp_path), channel])
        wheel = write_wheel(WheelSpec("writer", "1.0", {"writer.py": ""}, {"alias/datum/x.txt": "pip\n"}), tmp_path)
        assert told(prefix, hashes=True) == []
        pip(prefix, "install", wheel).ok()
        assert (prefix / "share/datum/x.txt").read_text() == "pip\n"
        found = look(prefix, hashes=True)
        assert [(item.code, item.severity, item.subject) for item in found] == [("PS105", "error", "writer")]
        assert found[0].paths == ("alias/datum/x.txt",)
        assert found[0].message == "pip's writer 1.0 wrote over 1 file of conda's datum 1."

    @pytest.mark.twin("PS105")
    def test_other_files_of_a_linked_folder(self, make_env: MakeEnv, channel: Channel, tmp_path: Path) -> None:
        prefix = make_env("pip", "linker", "datum", channels=[self.channel(tmp_path), channel])
        wheel = write_wheel(WheelSpec("writer", "1.0", {"writer.py": ""}, {"alias/datum/y.txt": "pip\n"}), tmp_path)
        pip(prefix, "install", wheel).ok()
        assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS107", "PS202")
def test_what_pip_put_below_site_packages(make_env: MakeEnv, rival_wheels: Path, driver: Driver) -> None:
    prefix = make_env("pip", "alpha=1.0")
    site = site_of(prefix)
    pip(prefix, "install", "--find-links", rival_wheels, "--target", site, "alpha==2.0", "stray").ok()
    found = look(prefix)
    missing = the(found, "PS202", "stray")
    assert missing.message.endswith(f"`pip install --target` put 1 file below {site.relative_to(prefix)} instead.")
    assert "1 file" in missing.message
    assert inside(prefix, "bin/alpha-cli")[0] in the(found, "PS107").paths
    Ways(rival_wheels, driver).follow_all(prefix, found)
    assert told(prefix, hashes=True) == []
    assert [path for path in (site / "bin").rglob("*") if path.suffix != ".pyc"] == []
    assert (prefix / "bin/stray").exists()


@pytest.mark.damage("PS103", "PS202")
def test_the_memory_knows_of_links(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    """uv's `--link-mode symlink`: the files are gone with the cache, and no folder of the environment changes."""
    prefix = make_env("python", "alpha=1.0")
    cache = tmp_path / "cache"
    uv(prefix, "install", "--link-mode", "symlink", "zeta", wheels=wheelhouse, env={"UV_CACHE_DIR": str(cache)}).ok()
    assert main(["audit", "-p", str(prefix)]) == 0
    (real,) = cache.rglob("zeta/__init__.py")
    assert (site_of(prefix) / "zeta/__init__.py").is_symlink()
    real.unlink()
    assert recall(str(prefix)) is None
    found = look(prefix)
    assert [(item.code, item.severity, item.subject) for item in found] == [("PS202", "error", "zeta")]
    assert "1 dead link in its place" in found[0].message


@pytest.mark.damage("PS901")
@pytest.mark.skipif(sys.platform == "win32", reason="there a file's mode shuts nobody out")
def test_files_that_may_not_be_read(make_env: MakeEnv) -> None:
    """The check as a person of no rights runs it, also where root, who may read everything, starts it."""
    root = os.geteuid() == 0
    prefix = make_env("pip", "alpha=1.0")
    file = site_of(prefix) / "alpha/__init__.py"
    content = file.read_text()
    file.unlink()
    file.write_text(content)
    for record in (prefix / "conda-meta").glob("*.json"):
        record.chmod(0o644)  # py-rattler writes them for their owner alone
    # Looked once as root: all modules are loaded then, wherever Python and the checkout lie.
    script = (
        "import json, os, sys\nfrom conda_pipsafe.audit import engine, deep, gather\n"
        "def look():\n"
        "    context = gather.gather(sys.argv[1]).context\n"
        "    found = [*engine.audit(context).findings, *deep.deep(context).findings]\n"
        "    return [[item.code, item.subject, list(item.paths)] for item in found]\n"
        "look()\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(json.dumps(look()))"
    )

    def seen() -> list[list[object]]:
        done = subprocess.run([sys.executable, "-c", script, str(prefix)], capture_output=True, text=True, check=True)
        answer: list[list[object]] = json.loads(done.stdout)
        return answer

    folders = [each for each in prefix.parents if root and not each.stat().st_mode & 0o001]
    modes = {folder: folder.stat().st_mode for folder in folders}
    try:
        for folder in folders:
            folder.chmod(modes[folder] | 0o011)
        assert seen() == []
        file.chmod(0)
        assert seen() == [["PS901", "alpha", list(inside(prefix, "alpha/__init__.py"))]]
    finally:
        for folder in folders:
            folder.chmod(modes[folder])
