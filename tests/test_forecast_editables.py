"""What an editable checkout offers, and folders with two names: prefixes written by hand, no conda."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from conda_pipsafe.forecast.effects import Forecast, Harm, forecast
from conda_pipsafe.forecast.folders import Folders
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.snapshot import read_snapshot
from conda_pipsafe.render.forecast import forecast_text, forecast_value
from support.nobody import as_nobody
from support.prefixes import SITE, PrefixFactory, metadata


@pytest.fixture
def prefix(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Every form of module, and what is none."""
    root = tmp_path / "checkout"
    for file in (
        "pkg/__init__.py", "single.py", "fast.cpython-312.so", "space/inner/__init__.py", "space/one.py",
        "tests/__init__.py", "setup.py", "not-a-name/__init__.py", "README.md", "a/b/c/d/too_deep.py",
    ):  # fmt: skip
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("")
    return root


def editable(prefix: PrefixFactory, files: dict[str, str]) -> None:
    info = prefix.pip_dist("Their.Dist", files=files)
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))


def coming(
    prefix: PrefixFactory, *files: str, dists: dict[str, str] | None = None, known: bool = True
) -> tuple[Forecast, Harm | None]:
    paths = frozenset(f"{SITE}/{file}" for file in files) if known else None
    package = LinkedPackage("other", "2.0", "0", "", paths, dists or {})
    transaction = Transaction(str(prefix.root), (package,), (), "3.12", "3.12", SITE, SITE)
    seen = forecast(read_snapshot(str(prefix.root)), transaction)
    return seen, seen.harms[0] if seen.harms else None


class TestHidden:
    @pytest.mark.parametrize(
        ("file", "module"),
        [
            ("pkg/__init__.py", "pkg"),
            ("single.py", "single"),
            ("single/__init__.py", "single"),
            ("fast.abi3.so", "fast"),
            ("pkg/__init__.abi3.so", "pkg"),
            ("space/inner/__init__.py", "space/inner"),
            ("space/one.py", "space/one"),
        ],
    )
    def test_by_its_path(self, prefix: PrefixFactory, checkout: Path, file: str, module: str) -> None:
        editable(prefix, {"__editable__.their.pth": f"# a comment\n\nimport os\n{checkout}\n"})
        seen, harm = coming(prefix, file)
        assert harm is not None
        assert harm.hidden == ((module, "other 2.0"),)
        dotted = module.replace("/", ".")
        said = f"conda's other 2.0 will be imported instead of this editable checkout (import {dotted})"
        assert said in forecast_text(seen, seen.harms)
        assert forecast_value(seen)["harms"][0]["hidden"] == [{"module": dotted, "by": "other 2.0"}]
        assert "-m pip uninstall Their.Dist" in forecast_text(seen, seen.harms)

    @pytest.mark.parametrize(
        "file",
        ["tests/__init__.py", "setup.py", "space/unknown.py", "pkg/more.py", "pkg/data.txt", "a/b/c/d/too_deep.py"],
    )
    def test_other_paths_hide_nothing(self, prefix: PrefixFactory, checkout: Path, file: str) -> None:
        editable(prefix, {"__editable__.their.pth": f"{checkout}\n"})
        assert coming(prefix, file)[1] is None

    def test_what_is_hidden_already_is_no_news(self, prefix: PrefixFactory, checkout: Path) -> None:
        editable(prefix, {"__editable__.their.pth": f"{checkout}\n"})
        (prefix.root / SITE / "pkg").mkdir()
        (prefix.root / SITE / "pkg/__init__.py").write_text("")
        assert coming(prefix, "pkg/__init__.py")[1] is None

    def test_a_finder(self, prefix: PrefixFactory) -> None:
        text = "MAPPING: dict[str, str] = {'pkg': '/x/src/pkg', 'space.inner': '/x/inner'}\nNAMESPACES = {}\n"
        editable(prefix, {"__editable___their_finder.py": text, "__editable__.their.pth": "import their\n"})
        assert coming(prefix, "space/inner/__init__.py")[1] is not None
        assert coming(prefix, "space/__init__.py")[1] is None

    @pytest.mark.parametrize("text", ["MAPPING = {broken}\n", "MAPPING = {'a': }\n", "nothing\n"])
    def test_a_finder_that_cannot_be_read(self, prefix: PrefixFactory, text: str) -> None:
        editable(prefix, {"__editable___their_finder.py": text})
        assert coming(prefix, "pkg/__init__.py")[1] is None

    def test_a_link_of_setup_py_develop(self, prefix: PrefixFactory, checkout: Path) -> None:
        prefix.pip_dist("bystander")
        (prefix.root / SITE / "theirs.egg-link").write_text(f"{checkout}\n.")
        seen, harm = coming(prefix, "pkg/__init__.py")
        assert harm is not None
        assert "  theirs: conda's other 2.0" in forecast_text(seen, seen.harms)

    def test_a_folder_that_is_gone(self, prefix: PrefixFactory) -> None:
        editable(prefix, {"__editable__.their.pth": "/no/such/folder\n"})
        assert coming(prefix, "pkg/__init__.py")[1] is None

    def test_a_pth_that_is_gone(self, prefix: PrefixFactory) -> None:
        editable(prefix, {"__editable__.their.pth": "x\n"})
        (prefix.root / SITE / "__editable__.their.pth").unlink()
        assert coming(prefix, "pkg/__init__.py")[1] is None

    def test_a_package_of_its_name_with_other_modules_does_not_shadow_it(
        self, prefix: PrefixFactory, checkout: Path
    ) -> None:
        editable(prefix, {"__editable__.their.pth": f"{checkout}\n"})
        dists = {"their-dist": "2.0"}
        _, harm = coming(prefix, "else.py", dists=dists)
        assert harm is not None
        assert harm.doubled
        assert not harm.shadowed
        _, harm = coming(prefix, dists=dists, known=False)
        assert harm is not None
        assert not harm.shadowed
        assert harm.by_name_alone


class TestFolders:
    def test_through_a_link(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/tool/data.txt": "x"})
        (prefix.root / "alias").symlink_to("share")
        (prefix.root / "out").symlink_to("/")
        (prefix.root / "self").symlink_to(".")
        found = Folders(str(prefix.root))
        assert found.key("alias/tool/data.txt") == "share/tool/data.txt"
        assert found.key("alias/new/data.txt") == "share/new/data.txt"
        assert found.key("out/data.txt") == "out/data.txt"
        assert found.key("self/data.txt") == "self/data.txt"
        assert found.key("data.txt") == "data.txt"
        assert Folders(str(prefix.root), {"alias"}).key("alias/tool/data.txt") == "alias/tool/data.txt"

    def test_written_and_taken_away_through_one(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/tool/data.txt": "x"})
        (prefix.root / "alias").symlink_to("share")
        path = frozenset({"alias/tool/data.txt"})
        snapshot = read_snapshot(str(prefix.root))
        comes = Transaction(str(prefix.root), (LinkedPackage("via", "1", "0", "", path, {}),), ())
        harm = forecast(snapshot, comes).harms[0]
        assert harm.overwritten == ("share/tool/data.txt",)
        assert harm.writers == ("via 1",)
        goes = Transaction(str(prefix.root), (), (UnlinkedPackage("via", "1", "0", path),))
        assert forecast(snapshot, goes).harms[0].deleted == ("share/tool/data.txt",)
        # The link goes first: what comes is put into a folder of its own.
        moved = Transaction(
            str(prefix.root),
            (LinkedPackage("via", "2", "0", "", path, {}),),
            (UnlinkedPackage("via", "1", "0", frozenset({"alias"})),),
        )
        assert forecast(snapshot, moved).harms == ()


def test_what_conda_uninstalls_itself_has_no_second_dist_info(prefix: PrefixFactory) -> None:
    """With `prefix_data_interoperability` conda takes pip's package away by pip's own list."""
    prefix.pip_dist("tool", version="1.0", files={"tool/__init__.py": ""})
    info = f"{SITE}/tool-1.0.dist-info"
    own = frozenset({f"{SITE}/tool/__init__.py", *(f"{info}/{name}" for name in ("METADATA", "RECORD"))})
    package = LinkedPackage("tool", "2.0", "0", "", frozenset({f"{SITE}/tool/__init__.py"}), {"tool": "2.0"})
    transaction = Transaction(
        str(prefix.root), (package,), (UnlinkedPackage("tool", "1.0", "pypi_0", own, of_pip=True),)
    )
    seen = forecast(read_snapshot(str(prefix.root)), transaction)
    harm = seen.harms[0]
    assert not harm.doubled
    assert "taking away pip's tool 1.0 will delete 2 files" in forecast_text(seen, seen.harms)


def test_what_is_left_of_conda_s_own_dist_info(prefix: PrefixFactory) -> None:
    prefix.pip_dist("bystander")
    prefix.conda_dist("tool")
    info = f"{SITE}/tool-1.0.dist-info"
    (prefix.root / info / "REQUESTED").write_text("")
    own = frozenset({*(f"{info}/{name}" for name in ("METADATA", "INSTALLER", "RECORD"))})
    transaction = Transaction(str(prefix.root), (), (UnlinkedPackage("tool", "1.0", "0", own),))
    seen = forecast(read_snapshot(str(prefix.root)), transaction)
    assert seen.harms[0].leftover == (f"{info}/REQUESTED",)
    assert f"rm -r {prefix.root}/{info}" in forecast_text(seen, seen.harms)
    assert forecast_value(seen)["harms"][0]["effects"] == ["leftover"]
    (prefix.root / info / "REQUESTED").unlink()
    assert not forecast(read_snapshot(str(prefix.root)), transaction)


def test_the_folders_of_a_dist_info(prefix: PrefixFactory) -> None:
    """Wheels of today have `licenses/` in it (PEP 639): it goes with the files that the record has there."""
    prefix.pip_dist("bystander")
    info = f"{SITE}/tool-1.0.dist-info"
    files = {f"{info}/{name}": "" for name in ("INSTALLER", "METADATA", "RECORD", "licenses/deep/LICENSE")}
    prefix.record("tool", "1.0", {**files, f"{info}/METADATA": metadata("tool", "1.0"), f"{info}/INSTALLER": "conda\n"})
    own = read_snapshot(str(prefix.root)).record_paths
    transaction = Transaction(str(prefix.root), (), (UnlinkedPackage("tool", "1.0", "0", frozenset(own)),))
    assert not forecast(read_snapshot(str(prefix.root)), transaction)
    prefix.write(f"{info}/licenses/NOTICE")
    assert [harm.leftover for harm in forecast(read_snapshot(str(prefix.root)), transaction).harms] == [
        (f"{info}/licenses/NOTICE",)
    ]


def test_a_dist_info_that_is_a_file(prefix: PrefixFactory) -> None:
    prefix.pip_dist("bystander")
    path = f"{SITE}/tool-1.0.dist-info"
    prefix.record("tool", "1.0", {path: "", f"{path}x/METADATA": ""})
    own = frozenset({f"{path}/METADATA"})
    transaction = Transaction(str(prefix.root), (), (UnlinkedPackage("tool", "1.0", "0", own),))
    assert not forecast(read_snapshot(str(prefix.root)), transaction)


def test_a_dist_info_that_may_not_be_listed() -> None:
    """What else lies in it nobody knows, so nothing is claimed to be left."""
    with tempfile.TemporaryDirectory() as folder, as_nobody(folder):
        made = PrefixFactory(Path(folder, "env"))
        made.pip_dist("bystander")
        made.conda_dist("tool")
        info = f"{SITE}/tool-1.0.dist-info"
        made.write(f"{info}/REQUESTED")
        own = frozenset(f"{info}/{name}" for name in ("METADATA", "INSTALLER", "RECORD"))
        transaction = Transaction(str(made.root), (), (UnlinkedPackage("tool", "1.0", "0", own),))
        assert [harm.leftover for harm in forecast(read_snapshot(str(made.root)), transaction).harms] == [
            (f"{info}/REQUESTED",)
        ]
        (made.root / info).chmod(0o311)
        assert not forecast(read_snapshot(str(made.root)), transaction)
        (made.root / info).chmod(0o755)
