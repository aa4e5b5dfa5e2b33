"""The commands that findings name are complete and exact, and hold no secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.fixes import channel_words, quote
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.prefixes import SITE, PrefixFactory


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def only(make: PrefixFactory) -> Finding:
    (finding,) = engine.audit(AuditContext(read_snapshot(str(make.root)))).findings
    return finding


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_word_reaches_the_shell_whole_and_shows_nothing_that_a_terminal_obeys() -> None:
    words = ["plain", "a b", "it's", "\x1b[31mred", "two\nlines", "\u202egnp", "\udcff\udc80", "\x07'\\ \x1b0", "\x7f"]
    for word in words:
        assert quote(word).isprintable()
        done = subprocess.run(["bash", "-c", f"printf %s {quote(word)}"], capture_output=True, check=True)
        assert done.stdout == os.fsencode(word)
    assert quote("\ud800\x1b") == "$'?\\x1b'"


def test_commands_for_hostile_names(make: PrefixFactory) -> None:
    make.write(f"{SITE}/~ip\x1b[31m/x.py")
    finding = only(make)
    assert finding.fixes == (f"rm -r $'{make.root}/{SITE}/~ip\\x1b[31m'",)


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("", []),
        ("defaults", []),
        ("https://repo.anaconda.com/pkgs/main/linux-64", []),
        ("https://conda.anaconda.org/conda-forge/noarch", ["-c", "conda-forge"]),
        ("conda-forge", ["-c", "conda-forge"]),
        ("file:///my channel/osx-arm64", ["-c", "file:///my channel"]),
        ("https://x.test/t/secret-token/ch/linux-64", []),
    ],
)
def test_channel(channel: str, words: list[str]) -> None:
    assert channel_words(channel) == words


@pytest.mark.skipif("os.name == 'nt'")
def test_quoting() -> None:
    assert quote("a b") == "'a b'"


@pytest.mark.parametrize(
    ("value", "tail"),
    [
        ({"url": "https://u:pw@x.test/x.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
         "'x @ git+https://x.test/x.git@c0ffee'"),
        ({"url": "https://x.test/x-1.0.zip", "archive_info": {}}, "'x @ https://x.test/x-1.0.zip'"),
        ({"url": "file:///src/x", "dir_info": {"editable": True}}, "-e /src/x"),
    ],
)  # fmt: skip
def test_reinstall_from_where_it_came(make: PrefixFactory, value: dict[str, object], tail: str) -> None:
    info = make.pip_dist("x")
    (info / "direct_url.json").write_text(json.dumps(value))
    (make.root / SITE / "x/__init__.py").unlink()
    found = engine.audit(AuditContext(read_snapshot(str(make.root)))).findings
    # That /src/x is not there is told by its own code.
    (finding,) = [item for item in found if item.code == "PS202"]
    assert finding.fixes == (f"{make.root}/bin/python -m pip install --force-reinstall --no-deps {tail}",)


def test_history_that_goes_on_explains_nothing(make: PrefixFactory) -> None:
    make.pip_dist("x")
    (make.root / SITE / "x/__init__.py").unlink()
    make.history(("2026-01-01 00:00:00", "a", ["+c::x-1-0"]), ("bad time", "b", ["-c::x-1-0", "+c::x-2-0", "+odd"]))
    found = engine.audit(AuditContext(read_snapshot(str(make.root)))).findings
    assert [finding.code for finding in found] == ["PS106", "PS202"]  # conda's x 2 has no record, and pip's is damaged
    assert found[1].facts["conda_revision"] is None


def test_pip_of_two_versions_is_deleted_not_uninstalled(make: PrefixFactory) -> None:
    make.pip_dist("pip", "26.0")
    make.conda_dist("pip", "24.0")
    finding = only(make)
    assert finding.code == "PS201"
    assert finding.fixes[0].startswith(f"rm -r {make.root}/{SITE}/pip {make.root}/{SITE}/pip-26.0.dist-info ")
    assert finding.fixes[1] == f"conda install -p {make.root} -c conda-forge pip=24.0=h0_0"


def test_two_of_pip_in_place_of_conda_s(make: PrefixFactory) -> None:
    make.conda_dist("x", "1.0")
    for path in (make.root / SITE / "x-1.0.dist-info").iterdir():
        path.unlink()
    (make.root / SITE / "x-1.0.dist-info").rmdir()
    make.pip_dist("x", "2.0")
    make.pip_dist("x", "3.0")
    found = engine.audit(AuditContext(read_snapshot(str(make.root)))).findings
    assert [finding.code for finding in found] == ["PS101", "PS501"]
    assert found[1].fixes[-1] == found[0].fixes[-1]
