"""`pipsafe list`: every distribution, with what is known of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from support.prefixes import SITE, PrefixFactory, metadata


@pytest.fixture
def mixed(tmp_path: Path) -> PrefixFactory:
    make = PrefixFactory(tmp_path / "env")
    make.conda_dist("owned", "1.0", requested_spec="owned >=1")
    make.record("iota-conda", "2.0", {f"{SITE}/Iota.Dist-2.0.dist-info/METADATA": metadata("Iota.Dist", "2.0")})
    make.pip_dist("plain", "3.0")
    url = json.dumps({"url": "https://me:secret@x.test/p.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    (make.pip_dist("vcs", "1") / "direct_url.json").write_text(url)
    edit = json.dumps({"url": "file:///checkout", "dir_info": {"editable": True}})
    (make.pip_dist("edit", "1") / "direct_url.json").write_text(edit)
    (make.pip_dist("quick", "1") / "INSTALLER").write_text("uv\n")
    make.pip_dist("old", "1", site="lib/python3.11/site-packages")
    return make


def listed(make: PrefixFactory, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["list", "--json", "-p", str(make.root), *words]) == 0
    value = json.loads(capsys.readouterr().out)
    return {row["name"]: row for row in value["distributions"]}


def test_owners_and_sources(mixed: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(mixed, capsys)
    assert {name: row["owner"] for name, row in rows.items()} == {
        "owned": "conda", "Iota.Dist": "conda:iota-conda", "plain": "pip", "vcs": "pip", "edit": "pip",
        "quick": "uv", "old": "pip",
    }  # fmt: skip
    assert rows["vcs"]["source"] == "https://x.test/p.git@abc"
    assert rows["edit"]["source"] == "editable file:///checkout"
    assert rows["owned"]["requested"] is True
    assert rows["Iota.Dist"]["requested"] is False
    assert rows["old"]["importable"] is False
    assert all(row["when"].endswith("Z") for row in rows.values())


def test_the_machine_that_built_conda_s_package_is_no_source(
    mixed: PrefixFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    built = json.dumps({"url": "file:///home/conda/feedstock_root/build_artifacts/owned/work", "dir_info": {}})
    mixed.write(f"{SITE}/owned-1.0.dist-info/direct_url.json", built)
    mixed.write(f"{SITE}/owned-1.0.dist-info/INSTALLER", "conda\n")
    (record,) = (mixed.root / "conda-meta").glob("owned-*.json")
    record.write_text("{")
    row = listed(mixed, capsys)["owned"]
    assert (row["owner"], row["source"], row["requested"], row["by"]) == ("conda", None, None, "conda")
    record.unlink()
    assert listed(mixed, capsys)["owned"]["source"] is None


def test_asked_for_though_its_record_was_written_anew(mixed: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    mixed.history(("2026-01-01 00:00:00", "create", ["# update specs: ['iota-conda']"]))
    assert listed(mixed, capsys)["Iota.Dist"]["requested"] is True


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--pip"], ["edit", "old", "plain", "quick", "vcs"]),
        (["--conda"], ["Iota.Dist", "owned"]),
        (["iota_dist", "PLAIN"], ["Iota.Dist", "plain"]),
        (["p*"], ["plain"]),
        (["nothing"], []),
    ],
)
def test_filters(mixed: PrefixFactory, capsys: pytest.CaptureFixture[str], words: list[str], names: list[str]) -> None:
    assert list(listed(mixed, capsys, *words)) == names


def test_table(mixed: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-p", str(mixed.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Name", "Version", "Owner", "Source", "Requested", "When", "By"]
    assert len(lines) == 8
    assert "pip (stranded)" in next(line for line in lines if line.startswith("old"))
    assert "~20" in lines[1]


def test_not_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-p", str(tmp_path)]) == 1
    assert "conda env list" in capsys.readouterr().err


def test_ledger_that_cannot_be_had(mixed: PrefixFactory, capsys: pytest.CaptureFixture[str]) -> None:
    mixed.write("conda-meta/pipsafe", "a file")
    assert main(["list", "-p", str(mixed.root)]) == 0
    assert "note:" in capsys.readouterr().err
