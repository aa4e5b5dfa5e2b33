"""`pipsafe audit` as a user runs it: text, JSON, choice of codes, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from support.driving import Driver
from support.prefixes import SITE, PrefixFactory


@pytest.fixture
def damaged(tmp_path: Path) -> PrefixFactory:
    make = PrefixFactory(tmp_path / "my env")
    make.record("foo", "1.0", {f"lib/f{number}.so": "" for number in range(9)})
    for number in range(8):
        (make.root / f"lib/f{number}.so").unlink()
    make.pip_dist("user", requires=["absent>=2"])
    make.write(f"{SITE}/left/__pycache__/__init__.cpython-312.pyc")
    make.record("odd", depends=["lib[x=1]"])
    return make


def test_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.pip_dist("fine")
    assert main(["audit", "-p", str(make.root)]) == 0
    out = capsys.readouterr().out
    assert out == f"clean: {make.root} (1 conda package, 1 pip distribution, 5 paths)\n"
    assert main(["audit", "-q", "-p", str(make.root)]) == 0
    assert capsys.readouterr().out == ""


def test_text_is_grouped_by_what_to_do_first(damaged: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "-p", str(damaged.root)]) == 3
    out = capsys.readouterr().out
    places = [out.index(text) for text in ("Mend first", "PS103", "Then look", "PS510", "Leftovers", "PS504", "PS903")]
    assert places == sorted(places)
    assert "and 5 more paths (-v shows them)" in out
    assert f"-> conda install -p '{damaged.root}' --force-reinstall -c conda-forge foo=1.0=h0_0" in out
    assert "2 errors, 1 warning, 1 note in" in out
    assert main(["audit", "-v", "-p", str(damaged.root)]) == 3
    assert "lib/f7.so" in capsys.readouterr().out


def test_json(damaged: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--json", "-p", str(damaged.root)]) == 3
    value = json.loads(capsys.readouterr().out)
    assert (value["schema_version"], value["command"], value["prefix"]) == (1, "audit", str(damaged.root))
    assert [(finding["code"], finding["name"]) for finding in value["findings"]] == [
        ("PS103", "missing-conda-files"),
        ("PS510", "unmet-requirement"),
        ("PS504", "husk-package"),
        ("PS903", "not-checked"),
    ]
    assert len(value["findings"][0]["paths"]) == 8
    summary = value["summary"]
    assert (summary["clean"], summary["errors"], summary["warnings"], summary["notes"]) == (False, 2, 1, 1)


@pytest.mark.parametrize(
    ("words", "seen", "code"),
    [
        (["--select", "PS103"], ["PS103"], 3),
        (["--select", "husk-package,ps903"], ["PS504", "PS903"], 3),
        (["--select", "PS5"], ["PS510", "PS504"], 3),
        (["--select", "PS5", "--ignore", "PS504"], ["PS510"], 3),
        (["--select", "PS504", "--fail-on", "error"], ["PS504"], 0),
        (["--select", "PS903"], ["PS903"], 0),
        (["--select", "PS903", "--fail-on", "note"], ["PS903"], 3),
        (["--ignore", "PS1", "--ignore", "PS5"], ["PS903"], 0),
    ],
)
def test_choice(
    damaged: PrefixFactory, capsys: pytest.CaptureFixture[str], words: list[str], seen: list[str], code: int
) -> None:
    assert main(["audit", "--json", "-p", str(damaged.root), *words]) == code
    value = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in value["findings"]] == seen


def test_notes_alone_are_clean(damaged: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "-p", str(damaged.root), "--select", "PS903"]) == 0
    out = capsys.readouterr().out
    assert f"clean: {damaged.root}" in out
    assert "Mend first" not in out


def test_notes_are_nothing_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.pip_dist("opencv-python", "4.0", {"cv2/data.txt": "same"})
    make.record("py-opencv", "4.1", {f"{SITE}/cv2/data.txt": "same"})
    assert main(["audit", "-p", str(make.root)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("To know; no harm is done:\n\n  PS105 ")
    assert "Mend first" not in out


def test_quiet_says_what_was_found_and_nothing_else(
    damaged: PrefixFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "-q", "-p", str(damaged.root)]) == 3
    out = capsys.readouterr().out
    assert out.startswith("Mend first")
    assert out.endswith("odd: lib[x=1].\n")
    for words in ("`pipsafe explain CODE`", "clean:", "1 note in"):
        assert words not in out
    fine = PrefixFactory(tmp_path / "fine")
    assert main(["audit", "-q", "-p", str(fine.root), "-p", str(damaged.root)]) == 3
    out = capsys.readouterr().out
    assert out.startswith(f"== {damaged.root}\n")
    assert str(fine.root) not in out


def test_unknown_code(damaged: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "-p", str(damaged.root), "--select", "husk-packages"]) == 2
    assert "did you mean PS504 (husk-package)" in capsys.readouterr().err


def test_not_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "-p", str(tmp_path)]) == 1
    assert "is not a conda environment" in capsys.readouterr().err


def test_terminal_obeys_nothing_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = PrefixFactory(tmp_path / "env")
    make.record("evil", "1.0\x1b[31m\nclean: all is well", {"lib/a.so": ""})
    (make.root / "lib/a.so").unlink()
    assert main(["audit", "-p", str(make.root)]) == 3
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\nclean" not in out


def test_a_ledger_that_cannot_be_read_is_said_and_stops_nothing(
    damaged: PrefixFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged.write("conda-meta/pipsafe", "a file where the ledger's folder should be")
    assert main(["audit", "--json", "-p", str(damaged.root)]) == 3
    value = json.loads(capsys.readouterr().out)
    assert len(value["problems"]) == 1
    assert len(value["findings"]) == 4


def test_settings_as_conda_reads_them(driver: Driver, damaged: PrefixFactory) -> None:
    driver.configure(plugins={"pipsafe_audit_select": ["PS504"], "pipsafe_audit_fail_on": "error"})
    done = driver.run("pipsafe", "audit", "--json", "-p", damaged.root)
    assert (done.returncode, [item["code"] for item in done.json()["findings"]]) == (0, ["PS504"])
    variable = {"CONDA_PLUGINS_PIPSAFE_AUDIT_IGNORE": "PS504"}
    assert driver.run("pipsafe", "audit", "--json", "-p", damaged.root, env=variable).json()["findings"] == []
