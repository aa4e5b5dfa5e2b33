"""What spares time: patterns that are compiled when used, folders that are listed once, modules that are not loaded."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conda_pipsafe.prefix.patterns import lazy
from conda_pipsafe.prefix.present import Present
from support.nobody import as_nobody


def test_a_lazy_pattern_is_as_a_compiled_one() -> None:
    pattern = lazy(r"^a(b+)$", re.MULTILINE)
    found = pattern.search("x\nabb")
    assert found is not None
    assert found.group(1) == "bb"
    assert pattern.findall("ab\nabb") == ["b", "bb"]
    assert pattern.sub("-", "ab") == "-"
    assert pattern.pattern == r"^a(b+)$"
    assert lazy(rb"\d+").findall(b"1 22") == [b"1", b"22"]


def test_a_lazy_pattern_has_no_more_than_a_compiled_one() -> None:
    with pytest.raises(AttributeError):
        lazy("a").__wrapped__  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError):
        lazy("a").nothing  # type: ignore[attr-defined] # noqa: B018


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "lib" / "empty").mkdir(parents=True)
    (tmp_path / "lib" / "a.py").touch()
    (tmp_path / "lib" / "dead").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to("lib")
    is_there = Present(str(tmp_path))
    there = ["lib", "lib/a.py", "lib/dead", "lib/empty", "linked/a.py"]
    absent = ["b", "lib/b.py", "lib/empty/c.py", "no/d.py", "lib/a.py/e.py", "lib/nul\0", "n\0l/f"]
    assert [path for path in [*there, *absent] if is_there(path)] == there
    # It is of one moment, and each folder is looked at once.
    (tmp_path / "lib" / "a.py").unlink()
    assert is_there("lib/a.py")
    assert not Present(str(tmp_path))("lib/a.py")


def test_what_is_in_a_folder_that_may_not_be_listed() -> None:
    with tempfile.TemporaryDirectory() as root, as_nobody(root):
        shut = Path(root, "shut")
        shut.mkdir()
        (shut / "a.py").touch()
        shut.chmod(0o311)
        is_there = Present(root)
        assert is_there("shut/a.py")
        assert not is_there("shut/b.py")
        shut.chmod(0o711)


def test_to_start_pip_nothing_is_loaded_that_is_needed_only_later() -> None:
    code = (
        "import sys, conda_pipsafe.cli.install, conda_pipsafe.installer.uv_install\n"
        "print(*sorted(name for name in sys.modules if name.startswith('conda_pipsafe.') or name in "
        "('zipfile', 'filelock', 'packaging', 'rich', 'urllib.parse')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    later = {
        "zipfile", "filelock", "packaging", "rich",
        "conda_pipsafe.installer.overlap", "conda_pipsafe.installer.verify", "conda_pipsafe.installer.record",
        "conda_pipsafe.installer.guard", "conda_pipsafe.installer.offers", "conda_pipsafe.installer.journal",
        "conda_pipsafe.ledger.store", "conda_pipsafe.ledger.events", "conda_pipsafe.cli.channels",
        "conda_pipsafe.engines.conda_command", "conda_pipsafe.render.plan", "conda_pipsafe.forecast.wheel_paths",
    }  # fmt: skip
    assert later.isdisjoint(done.stdout.split())
