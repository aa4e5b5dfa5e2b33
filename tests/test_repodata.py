"""A few records of a large `repodata.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.engines.repodata import records_named

NAMES = ["a", "pkg", "pkg-7", "pkg-77", "pkg-100", "zz", "nothing"]


@pytest.fixture(scope="module")
def records() -> dict[str, Any]:
    """Names that begin alike, records of all lengths; more than 4 MB."""
    found = {}
    for number in range(120):
        for version in range(1 + number % 7 * 10):
            for name in ("a", "pkg", f"pkg-{number}", "zz") if number < 3 else (f"pkg-{number}",):
                depends = [f"needs-{index} >={version}" for index in range(number * version % 400)]
                file = f"{name}-{version}.{number}-py_0.conda"
                found[file] = {"name": name, "version": f"{version}.{number}", "depends": depends}
    return found


def write(path: Path, records: dict[str, Any], *, ordered: bool, indent: int | None = None) -> Path:
    keys = sorted(records) if ordered else sorted(records, key=lambda key: hash((key[::-1], 1)))
    old = {key.replace(".conda", ".tar.bz2"): records[key] for key in keys[:50]}
    value = {"info": {}, "packages": old, "packages.conda": {key: records[key] for key in keys}, "removed": []}
    path.write_text(json.dumps(value, indent=indent))
    assert path.stat().st_size > 1 << 22
    return path


def expected(path: Path) -> list[str]:
    value = json.loads(path.read_text())
    both = [*value["packages"].values(), *value["packages.conda"].values()]
    return sorted(json.dumps(record) for record in both if record["name"] in NAMES)


@pytest.mark.parametrize("indent", [None, 2])
def test_halving_finds_what_parsing_finds(tmp_path: Path, records: dict[str, Any], indent: int | None) -> None:
    path = write(tmp_path / "repodata.json", records, ordered=True, indent=indent)
    found = records_named(str(path), NAMES, thorough=False)
    assert sorted(json.dumps(record) for record in found) == expected(path)
    assert {record["name"] for record in found} == {"a", "pkg", "pkg-7", "pkg-77", "pkg-100", "zz"} & {
        record["name"] for record in records.values()
    }


def test_a_large_file_in_no_order_is_parsed_or_left(tmp_path: Path, records: dict[str, Any]) -> None:
    path = write(tmp_path / "repodata.json", records, ordered=False)
    assert records_named(str(path), NAMES, thorough=False) == []
    found = records_named(str(path), NAMES)
    assert sorted(json.dumps(record) for record in found) == expected(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": {}, "packages.conda": null}'])
def test_what_is_no_repodata_has_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "repodata.json").write_text(text)
    assert records_named(str(tmp_path / "repodata.json"), NAMES) == []
