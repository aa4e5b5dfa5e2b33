"""PS205: what `pip install -e` left is told when the checkout is gone, and only then."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit import remembered
from conda_pipsafe.audit.many import Depth, audit_one
from conda_pipsafe.ledger import seen
from support.prefixes import metadata
from support.random_world import make_checkout
from support.real_damage import Ways, look, site_of, the, told, uv
from support.running import pip

if TYPE_CHECKING:
    from conftest import MakeEnv


def install_in_place(prefix: Path, checkout: Path) -> Path:
    pip(prefix, "install", "--no-build-isolation", "--no-deps", "-e", make_checkout(checkout, "mine")).ok()
    return checkout


@pytest.mark.damage("PS205")
@pytest.mark.twin("PS205")
def test_a_moved_checkout(make_env: MakeEnv, tmp_path: Path, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    checkout = install_in_place(prefix, tmp_path / "checkout")
    assert told(prefix, hashes=True) == []
    checkout.rename(tmp_path / "elsewhere")
    found = look(prefix, hashes=True)
    assert [(item.code, item.severity, item.subject) for item in found] == [("PS205", "error", "mine")]
    assert found[0].facts["gone"] == [str(checkout), str(checkout / "src")]
    (tmp_path / "elsewhere").rename(checkout)
    assert told(prefix) == []
    # A folder of it that has another name now breaks the import as well.
    (checkout / "src").rename(checkout / "lib")
    assert the(look(prefix), "PS205").facts["gone"] == [str(checkout / "src")]
    Ways(wheelhouse).follow(prefix, the(look(prefix), "PS205").fixes[:1])
    assert told(prefix, hashes=True) == []


@pytest.mark.damage("PS205")
def test_a_deleted_checkout_of_uv(make_env: MakeEnv, tmp_path: Path, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    checkout = make_checkout(tmp_path / "check out", "mine")
    uv(prefix, "install", "--no-build-isolation", "--no-deps", "-e", checkout, wheels=wheelhouse).ok()
    assert told(prefix, hashes=True) == []
    shutil.rmtree(checkout)
    assert told(prefix, hashes=True) == [("PS205", "error", "mine")]


@pytest.mark.twin("PS205")
def test_finder_and_egg_link(make_env: MakeEnv, tmp_path: Path) -> None:
    """As setuptools leaves them: a table of packages and modules, a link of old."""
    prefix, checkout = make_env("pip"), tmp_path / "work"
    (checkout / "pkg").mkdir(parents=True)
    (checkout / "single.py").write_text("")
    site = site_of(prefix)
    info = site / "found-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata("found", "1.0"))
    (info / "INSTALLER").write_text("pip\n")
    (info / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}, "url": checkout.as_uri()}))
    (site / "__editable___found_1_0_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'pkg': {str(checkout / 'pkg')!r}, 'single': {str(checkout / 'single')!r}}}\n"
    )
    (site / "__editable__.found-1.0.pth").write_text("import __editable___found_1_0_finder\n")
    rows = ["__editable___found_1_0_finder.py", "__editable__.found-1.0.pth", "found-1.0.dist-info/METADATA"]
    rows += [f"found-1.0.dist-info/{name}" for name in ("INSTALLER", "RECORD", "direct_url.json")]
    (info / "RECORD").write_text("".join(f"{row},,\n" for row in rows))
    (site / "linked.egg-link").write_text(f"{checkout}\n.")
    assert told(prefix) == []
    (checkout / "single.py").unlink()
    assert the(look(prefix), "PS205").facts["gone"] == [str(checkout / "single")]
    shutil.rmtree(checkout)
    assert told(prefix) == [("PS205", "error", "found"), ("PS205", "error", "linked")]
    # A table that is none, and one that was never closed, claim nothing.
    (site / "linked.egg-link").unlink()
    checkout.mkdir()
    for text in ("MAPPING = {'a': f()}\n", "MAPPING = {'a':\n", "MAPPING = {1, 2}\n"):
        (site / "__editable___found_1_0_finder.py").write_text(text)
        assert told(prefix) == []


def test_the_memory_knows_of_checkouts(make_env: MakeEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RACY_NS", 0)
    prefix = make_env("pip")
    checkout = install_in_place(prefix, tmp_path / "checkout")
    for _ in range(2):
        audit_one(str(prefix), Depth())
        time.sleep(0.02)
    assert remembered.recall(str(prefix)) is not None
    (checkout / "src").rename(checkout / "lib")
    assert remembered.recall(str(prefix)) is None
