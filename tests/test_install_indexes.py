"""Which index an artifact came from: only where it is sure."""

from __future__ import annotations

from pathlib import Path

import pytest

from conda_pipsafe.installer.indexes import PYPI, index_of, indexes_in_use, other_places

WHEEL = "https://files.pythonhosted.org/packages/aa/x-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        ((), {}, (PYPI,)),
        (("-i", "https://a.test/simple/"), {"PIP_INDEX_URL": "https://b.test"}, ("https://a.test/simple",)),
        (("--index-url=https://a.test",), {}, ("https://a.test",)),
        ((), {"PIP_INDEX_URL": "https://b.test", "PIP_EXTRA_INDEX_URL": "https://c.test https://d.test"},
         ("https://b.test", "https://c.test", "https://d.test")),
        (("--extra-index-url", "https://c.test"), {}, (PYPI, "https://c.test")),
        (("--no-index", "x"), {}, ()),
        ((), {"PIP_NO_INDEX": "1"}, ()),
    ],
)  # fmt: skip
def test_indexes_in_use(
    tmp_path: Path, words: tuple[str, ...], environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert indexes_in_use(str(tmp_path), words, {"PIP_CONFIG_FILE": "/dev/null", **environ}) == expected


def test_indexes_of_requirements_files(tmp_path: Path) -> None:
    environ = {"PIP_CONFIG_FILE": "/dev/null", "HOST": "own.test"}
    torch = "https://download.pytorch.org/whl/cu118"
    first = f"# -i https://no.test\n--extra-index-url {torch}  # wheels\ntorch\n-r more.txt\n"
    (tmp_path / "extra.txt").write_text(first)
    (tmp_path / "more.txt").write_text("--extra-index-url=https://${HOST}/simple/ --pre\n-r extra.txt\n-rmissing.txt\n")
    (tmp_path / "main.txt").write_text("-c constraints.txt\nsix\n")
    (tmp_path / "constraints.txt").write_text("-i \\\n  https://own.test/simple\nsix<2\n")
    prefix, extra, main = str(tmp_path), str(tmp_path / "extra.txt"), str(tmp_path / "main.txt")
    assert indexes_in_use(prefix, ("-r", extra), environ) == (PYPI, torch, "https://own.test/simple")
    assert other_places(("-r", extra), environ)  # missing.txt may name any
    assert indexes_in_use(prefix, ("-i", "https://a.test", "-r", main), environ) == ("https://own.test/simple",)
    assert not other_places(("-r", main), environ)
    (tmp_path / "constraints.txt").write_text("-f wheels\n")
    assert other_places(("--requirement", main), environ)
    assert other_places(("-f", "wheels"), environ)
    assert not other_places(("-i", "https://a.test", "x"), environ)


def test_the_environment_s_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://own.test/simple\n")
    assert indexes_in_use(str(tmp_path), (), {"XDG_CONFIG_DIRS": str(tmp_path)})[0] == "https://own.test/simple"


@pytest.mark.parametrize(
    ("artifact", "indexes", "only", "expected"),
    [
        (WHEEL, (PYPI,), True, PYPI),
        (WHEEL, (PYPI, "https://c.test"), False, PYPI),
        ("https://c.test/x.whl", (PYPI, "https://c.test/simple"), False, "https://c.test/simple"),
        ("https://cdn.test/x.whl", ("https://c.test",), True, "https://c.test"),
        ("https://cdn.test/x.whl", ("https://c.test",), False, None),
        ("https://cdn.test/x.whl", (PYPI, "https://c.test"), True, None),
        ("file:///x.whl", (PYPI,), True, None),
        (None, (PYPI,), True, None),
    ],
)
def test_index_of(artifact: str | None, indexes: tuple[str, ...], only: bool, expected: str | None) -> None:
    assert index_of(artifact, indexes, only=only) == expected
