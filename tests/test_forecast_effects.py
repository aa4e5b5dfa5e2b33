"""The forecast and the comparison afterwards, on prefixes written by hand: every branch, no conda."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from conda_pipsafe.forecast.baseline_json import baseline_from_json, baseline_to_json
from conda_pipsafe.forecast.copying import replaced_packages
from conda_pipsafe.forecast.effects import Forecast, Harm, TakenCommand, forecast
from conda_pipsafe.forecast.outcome import (
    Baseline,
    Outcome,
    compare,
    stamp_of,
    take_baseline,
)
from conda_pipsafe.forecast.requirements import newly_broken
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.prefix.snapshot import read_snapshot
from conda_pipsafe.render.forecast import forecast_text, forecast_value
from support.prefixes import SITE, PrefixFactory, metadata


def link(
    name: str,
    version: str = "2.0",
    paths: set[str] | None = None,
    dists: dict[str, str] | None = None,
    *,
    sources: dict[str, str] | None = None,
    compiled: dict[str, str] | None = None,
) -> LinkedPackage:
    return LinkedPackage(
        name,
        version,
        "0",
        "",
        None if paths is None else frozenset(paths),
        {name: version} if dists is None else dists,
        sources=sources or {},
        compiled=compiled or {},
    )


def unlink(name: str, *paths: str) -> UnlinkedPackage:
    return UnlinkedPackage(name, "1.0", "0", frozenset(paths))


def seen(
    root: Path, *packages: LinkedPackage | UnlinkedPackage, python: tuple[str | None, ...] = ("3.12",)
) -> Forecast:
    """The forecast of a transaction; `python` is before, after, and the two folders where they are not the usual."""
    before, after = python[0], python[-1] if len(python) < 3 else python[1]
    folders = [f"lib/python{version}/site-packages" if version else None for version in (before, after)]
    if len(python) > 2:
        folders[1] = python[2]
    transaction = Transaction(
        prefix=str(root),
        link=tuple(package for package in packages if isinstance(package, LinkedPackage)),
        unlink=tuple(package for package in packages if isinstance(package, UnlinkedPackage)),
        python_before=before,
        python_after=after,
        site_before=folders[0],
        site_after=folders[1],
    )
    return forecast(read_snapshot(str(root)), transaction)


def only(found: Forecast) -> Harm:
    assert len(found.harms) == 1, found.harms
    return found.harms[0]


@pytest.fixture
def prefix(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


MODULE = f"{SITE}/tool/__init__.py"


class TestPaths:
    def test_without_pip_s_packages_nothing_is_asked(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        found = seen(prefix.root, link("tool", "2.0", {MODULE}))
        assert not found
        assert found.harms == ()

    def test_written(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        found = seen(prefix.root, link("other", "2.0", {MODULE, "share/else"}))
        harm = only(found)
        assert (harm.overwritten, harm.deleted, harm.by) == ((MODULE,), (), ("other 2.0",))
        assert [harm.doubled, harm.shadowed, harm.by_name_only, harm.orphaned] == [False] * 4
        assert found.paths == {MODULE}
        assert found.exact

    def test_written_by_two(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert only(seen(prefix.root, link("a", "1.0", {MODULE}), link("b", "1.0", {MODULE}))).by == ("a 1.0", "b 1.0")

    def test_unlinked(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        harm = only(seen(prefix.root, unlink("old", MODULE)))
        assert (harm.overwritten, harm.deleted, harm.by) == ((), (MODULE,), ("old 1.0",))

    def test_unlinked_and_written_again_is_overwritten(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        harm = only(seen(prefix.root, unlink("old", MODULE), link("old", "2.0", {MODULE})))
        assert (harm.overwritten, harm.deleted) == ((MODULE,), ())

    def test_a_path_that_is_not_there_is_not_harmed(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        (prefix.root / MODULE).unlink()
        assert not seen(prefix.root, link("other", "2.0", {MODULE}))

    def test_paths_beside_pip_s_are_no_news(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert not seen(prefix.root, link("other", "2.0", {f"{SITE}/tool/more.py"}), unlink("gone", "share/gone"))

    def test_without_a_list_only_what_makes_it_a_distribution(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        (info / "RECORD").unlink()
        own = f"{SITE}/tool-1.0.dist-info/METADATA"
        assert only(seen(prefix.root, link("other", "2.0", {MODULE, own}))).overwritten == (own,)

    def test_a_list_that_cannot_be_read(self, prefix: PrefixFactory) -> None:
        (prefix.pip_dist("tool") / "RECORD").write_bytes(b"\xff")
        assert not seen(prefix.root, link("other", "2.0", {MODULE}))

    def test_a_list_that_has_to_be_read_with_care(self, prefix: PrefixFactory) -> None:
        record = prefix.pip_dist("tool") / "RECORD"
        record.write_text(record.read_text() + '"tool/a,b.py",,\n')
        prefix.write(f"{SITE}/tool/a,b.py")
        paths = {MODULE, f"{SITE}/tool/a,b.py"}
        assert set(only(seen(prefix.root, link("other", "2.0", paths))).overwritten) == paths

    def test_a_list_that_was_read_already(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        snapshot = read_snapshot(str(prefix.root))
        assert snapshot.installed_files
        change = Transaction(str(prefix.root), (link("other", "2.0", {MODULE}),), ())
        assert only(forecast(snapshot, change)).overwritten == (MODULE,)

    def test_the_same_file_linked_again_stays(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        prefix.pip_dist("tool")
        source = tmp_path / "source.py"
        os.link(prefix.root / MODULE, source)
        assert not seen(prefix.root, link("x", "1.0", {MODULE}, {}, sources={MODULE: str(source)}))
        source.unlink()
        assert only(seen(prefix.root, link("x", "1.0", {MODULE}, {}, sources={MODULE: str(source)}))).overwritten
        source.write_text("other")
        assert only(seen(prefix.root, link("x", "1.0", {MODULE}, {}, sources={MODULE: str(source)}))).overwritten

    def test_what_is_compiled_already_stays(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        compiled = f"{SITE}/tool/__pycache__/__init__.cpython-312.pyc"
        prefix.pip_dist("tool", files={"tool/__pycache__/__init__.cpython-312.pyc": ""})
        source = tmp_path / "source.py"
        source.write_text("")
        os.utime(source, (1_700_000_000, 1_700_000_000))
        header = bytes(4) + bytes(4) + (1_700_000_000).to_bytes(4, "little")
        package = link("x", "1.0", {compiled}, {}, compiled={compiled: str(source)})
        assert only(seen(prefix.root, package)).overwritten == (compiled,)
        prefix.write(compiled, header)
        assert not seen(prefix.root, package)
        assert only(seen(prefix.root, unlink("x", compiled), package)).overwritten == (compiled,)
        source.unlink()
        assert only(seen(prefix.root, package)).overwritten == (compiled,)

    @pytest.mark.parametrize(
        ("text", "tag", "comes"),
        [
            ("X = 1\n", "cpython-312", True),
            ("X = 1 1\n", "cpython-312", False),
            ("return\n", "cpython-312", False),
            ("X = '\0'\n", "cpython-312", False),
            ("X = 1 1\n" + "# much\n" * 20000, "cpython-312", True),
            ("match x:\n    case 1:\n        pass\n", "cpython-38", False),
            ("X = 1\n", "cpython-38", True),
            ("X = 1\n", "pypy39", True),
            (None, "cpython-312", True),
        ],
        ids=["sound", "broken", "nowhere", "null", "too much", "too new", "old", "other", "no file"],
    )
    def test_bytecode_of_a_module_that_does_not_compile(
        self, prefix: PrefixFactory, tmp_path: Path, text: str | None, tag: str, comes: bool
    ) -> None:
        compiled = f"{SITE}/tool/__pycache__/__init__.{tag}.pyc"
        prefix.pip_dist("tool", files={f"tool/__pycache__/__init__.{tag}.pyc": ""})
        source = tmp_path / "source.py"
        if text is None:
            source.mkdir()
        else:
            source.write_text(text)
        package = link("x", "1.0", {compiled}, {}, compiled={compiled: str(source)})
        found = seen(prefix.root, package)
        assert found.paths == ({compiled} if comes else set())
        harm = only(seen(prefix.root, unlink("x", compiled), package))
        assert (harm.overwritten, harm.deleted) == (((compiled,), ()) if comes else ((), (compiled,)))

    def test_of_many_modules_none_is_compiled_to_see(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        """It would take longer than all else."""
        names = [f"m{number}.cpython-312.pyc" for number in range(65)]
        prefix.pip_dist("tool", files={f"tool/__pycache__/{name}": "" for name in names})
        (tmp_path / "source.py").write_text("X = 1 1")
        compiled = {f"{SITE}/tool/__pycache__/{name}": str(tmp_path / "source.py") for name in names}
        assert seen(prefix.root, link("x", "1.0", {*compiled}, {}, compiled=compiled)).paths == compiled.keys()

    def test_a_script_is_written_through_a_link(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        prefix.pip_dist("tool", files={"../../../bin/axe": "", "../../../bin/saw": ""})
        saw = prefix.root / "bin/saw"
        saw.unlink()
        saw.symlink_to("axe")
        package = replace(link("x", "1.0", {"bin/saw", "share/x"}, {}), scripts={"bin/saw": "x:main"})
        harm = only(seen(prefix.root, package))
        assert harm.overwritten == ("bin/axe",)
        assert harm.commands == (TakenCommand("bin/axe", "x 1.0", "x:main"),)
        # A file of the package's takes the link's place first; so does its going.
        shipped = replace(package, sources={"bin/saw": str(tmp_path / "saw")})
        assert only(seen(prefix.root, shipped)).overwritten == ("bin/saw",)
        assert only(seen(prefix.root, unlink("old", "bin/saw"), package)).overwritten == ("bin/saw",)
        saw.unlink()
        saw.symlink_to(tmp_path / "elsewhere")
        assert not seen(prefix.root, package)

    def test_where_conda_copies_the_same_file_is_another(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        prefix.pip_dist("tool")
        source = tmp_path / "source.py"
        os.link(prefix.root / MODULE, source)
        change = Transaction(str(prefix.root), (link("x", "1.0", {MODULE}, {}, sources={MODULE: str(source)}),), ())
        snapshot = read_snapshot(str(prefix.root))
        assert not forecast(snapshot, change)
        assert only(forecast(snapshot, replace(change, links=False))).overwritten == (MODULE,)


class TestFolders:
    """A folder in the place of a file, a file or link in that of a folder: what is in it goes with it."""

    def test_a_folder_comes_where_a_file_is(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/x": "", "../../../share/y/z": ""})
        harm = only(seen(prefix.root, link("a", "1.0", {"share/x/new", "share/y/new"}, {})))
        assert (harm.overwritten, harm.deleted, harm.writers) == (("share/x",), (), ("a 1.0",))

    def test_a_command_whose_place_a_folder_takes_has_no_new_owner(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../bin/tool": "#!"})
        harm = only(seen(prefix.root, link("a", "1.0", {"bin/tool/new"}, {})))
        assert (harm.overwritten, harm.commands) == (("bin/tool",), ())

    def test_what_is_a_folder_now_is_no_file_of_pip_s(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/x": ""})
        (prefix.root / "share/x").unlink()
        prefix.write("share/x/conda")
        assert not seen(prefix.root, unlink("old", "share/x/conda"), link("a", "1.0", {"share/x"}, {}))
        assert not seen(prefix.root, link("a", "1.0", {"share/x/new"}, {}))

    def test_a_file_comes_where_a_folder_is(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/x/y/z": ""})
        harm = only(seen(prefix.root, link("a", "1.0", {"share/x"}, {})))
        assert (harm.deleted, harm.in_the_way, harm.removers) == (("share/x/y/z",), ("a 1.0",), ())

    def test_what_a_record_says_is_a_file_is_a_folder(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/x/z": ""})
        harm = only(seen(prefix.root, unlink("old", "share/x")))
        assert (harm.deleted, harm.removers, harm.in_the_way) == (("share/x/z",), ("old 1.0",), ())

    def test_a_link_to_the_folder_goes(self, prefix: PrefixFactory, tmp_path: Path) -> None:
        prefix.write("share/real/k")
        (prefix.root / "share/common").symlink_to("real")
        prefix.pip_dist("tool", files={"../../../share/common/z": ""})
        old = unlink("old", "share/common", "share/real/k")
        assert only(seen(prefix.root, old)).deleted == ("share/common/z",)
        # It comes again: to the same place, to another one, as something else.
        source = tmp_path / "common"
        again = link("old", "2.0", {"share/common"}, {}, sources={"share/common": str(source)})
        assert only(seen(prefix.root, old, again)).deleted == ("share/common/z",)
        source.symlink_to("real")
        assert not seen(prefix.root, old, again)
        source.unlink()
        source.symlink_to("elsewhere")
        assert only(seen(prefix.root, old, again)).deleted == ("share/common/z",)
        source.unlink()
        source.write_text("")
        assert only(seen(prefix.root, old, again)).deleted == ("share/common/z",)

    def test_a_row_that_names_a_folder_is_no_file_of_its_own(self, prefix: PrefixFactory) -> None:
        record = prefix.pip_dist("tool") / "RECORD"
        record.write_text(f"{record.read_text()}tool,,\n")
        assert f"{SITE}/tool" not in take_baseline(read_snapshot(str(prefix.root))).stamps


class TestCommands:
    def test_a_command_that_changes_hands(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../bin/tool": "#!", "../../../bin/other": "#!"})
        made = replace(link("x", "1.0", {"bin/tool"}, {}), scripts={"bin/tool": "x.cli:main"})
        harm = only(seen(prefix.root, made, link("y", "1.0", {"bin/other"}, {})))
        assert harm.commands == (
            TakenCommand("bin/other", "y 1.0", None),
            TakenCommand("bin/tool", "x 1.0", "x.cli:main"),
        )
        text = forecast_text(seen(prefix.root, made), [only(seen(prefix.root, made))])
        assert "tool 1.0: the command `tool` will be that of conda's x 1.0 (x.cli:main)" in text

    def test_the_same_distribution_s_command_is_no_other(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../bin/tool": "#!"})
        harm = only(seen(prefix.root, link("tool", "2.0", {"bin/tool"})))
        assert harm.overwritten == ("bin/tool",)
        assert harm.commands == ()

    def test_more_than_are_told(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={f"../../../bin/t{number}": "#!" for number in range(5)})
        found = seen(prefix.root, link("x", "1.0", {f"bin/t{number}" for number in range(5)}, {}))
        assert "tool 1.0: 2 more commands change hands" in forecast_text(found, found.harms)
        assert forecast_text(found, found.harms, every_path=True).count("the command `t") == 5


class TestPutBack:
    def test_conda_s_own_paths_that_pip_replaced(self, prefix: PrefixFactory) -> None:
        gone = f"{SITE}/tool-0.9.dist-info/METADATA"
        prefix.record("tool", "0.9", {MODULE: "", gone: metadata("tool", "0.9")})
        (prefix.root / gone).unlink()
        prefix.pip_dist("tool", files={"tool/__init__.py": "", "tool/new.py": ""})
        coming = {MODULE, f"{SITE}/tool/new.py"}
        found = seen(prefix.root, link("tool", "0.9", coming))
        assert only(found).put_back == (MODULE,)
        assert "1 of these are conda's own, which pip had replaced" in forecast_text(found, found.harms)
        assert forecast_value(found)["harms"][0]["effects"] == ["overwritten", "put-back", "doubled"]
        assert only(seen(prefix.root, link("other", "1.0", {MODULE}, {}))).put_back == ()


def test_the_spec_finds_the_package_again() -> None:
    assert link("tool", "2.0").spec == "tool=2.0=0"


class TestLeftover:
    """Files of pip's in the dist-info of a conda package that goes."""

    INFO = f"{SITE}/tool-1.0.dist-info"
    OWN = (f"{INFO}/METADATA", f"{INFO}/INSTALLER", f"{INFO}/RECORD", MODULE)

    def test_where_nothing_is_pip_s_any_more(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        assert not seen(prefix.root, unlink("tool", *self.OWN))
        prefix.write(f"{self.INFO}/REQUESTED")
        harm = only(seen(prefix.root, unlink("tool", *self.OWN)))
        assert (harm.leftover, harm.removers, harm.deleted) == ((f"{self.INFO}/REQUESTED",), ("tool 1.0",), ())
        assert not seen(prefix.root, unlink("tool", *self.OWN), link("tool", "1.0", set(self.OWN))), "it comes again"
        assert not seen(prefix.root, unlink("tool", *self.OWN), link("tool", "1.0")), "it may come again"
        assert not seen(prefix.root, unlink("tool", *self.OWN), python=("3.12", "3.13")), "no pip looks there then"

    def test_of_what_both_have(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        prefix.write(f"{self.INFO}/INSTALLER", "pip\n")
        prefix.write(f"{self.INFO}/REQUESTED")
        harm = only(seen(prefix.root, unlink("tool", *self.OWN)))
        assert harm.leftover == (f"{self.INFO}/REQUESTED",)
        assert harm.deleted == (MODULE,), "as its RECORD has it"

    @pytest.mark.parametrize("form", ["egg-info", "unreadable"])
    def test_other_forms_have_no_traces(self, prefix: PrefixFactory, form: str) -> None:
        if form == "egg-info":
            prefix.record("egg", files={f"{SITE}/egg-1.0.egg-info/PKG-INFO": metadata("egg", "1.0")})
        else:
            prefix.pip_dist("bad")
            prefix.write(f"{SITE}/bad-1.0.dist-info/INSTALLER", "conda\n")
            prefix.write("conda-meta/bad-1.0-0.json", "{")
        snapshot = read_snapshot(str(prefix.root))
        assert [snapshot.owner_of(dist) for dist in snapshot.distributions] == ["conda"]
        assert snapshot.traces() == ()


class TestNames:
    def test_a_package_that_is_not_downloaded(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("My_Tool")
        found = seen(prefix.root, link("my-tool"))
        harm = only(found)
        assert harm.by_name_only
        assert harm.by == ("my-tool 2.0",)
        assert not harm.doubled
        assert not found.exact

    def test_its_conda_name_counts_only_where_it_is_a_distribution_s(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert not seen(prefix.root, link("tool", dists={"another": "2.0"}))
        assert only(seen(prefix.root, link("another", dists={"tool": "2.0"}))).by_name_only

    def test_a_second_dist_info(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        harm = only(seen(prefix.root, link("tool", "2.0", {f"{SITE}/tool-2.0.dist-info/METADATA"})))
        assert harm.doubled
        assert harm.overwritten == ()

    def test_one_for_another_python_is_no_second(self, prefix: PrefixFactory) -> None:
        """As conda installs an archive that is named to it (seen with seed 41007 of the property test)."""
        prefix.pip_dist("tool")
        elsewhere = "lib/python3.9/site-packages/tool-2.0.dist-info/METADATA"
        assert not seen(prefix.root, link("tool", "2.0", {elsewhere}))

    def test_the_same_dist_info_is_no_second(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert not only(
            seen(prefix.root, link("tool", "1.0", {f"{SITE}/tool-1.0.dist-info/METADATA"}, {"tool": "1.0"}))
        ).doubled

    def test_an_editable_checkout(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool", files={"__editable__.tool.pth": "/checkout\n"})
        direct = {"url": "file:///checkout", "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(direct))
        assert only(seen(prefix.root, link("tool", "2.0", {MODULE}))).shadowed


class TestPython:
    @pytest.mark.parametrize(
        ("python", "orphaned"),
        [
            (("3.12", "3.13"), True),
            (("3.12", "3.12"), False),
            (("3.12", "3.12", "lib/python3.12t/site-packages"), True),
            (("3.12", None), True),
            ((None, "3.12"), False),
        ],
    )
    def test_changes(self, prefix: PrefixFactory, python: tuple[str | None, ...], orphaned: bool) -> None:
        prefix.pip_dist("tool")
        found = seen(prefix.root, link("unrelated", "1.0", set(), {}), python=python)
        assert [harm.orphaned for harm in found.harms] == ([True] if orphaned else [])
        assert found.python == (("3.12", python[1]) if orphaned else None)

    def test_the_marker_stays_with_the_old_one(self, prefix: PrefixFactory) -> None:
        marker = "lib/python3.12/EXTERNALLY-MANAGED"
        prefix.pip_dist("tool")
        assert seen(prefix.root, python=("3.12", "3.13")).marker is None
        prefix.write(marker)
        assert seen(prefix.root, python=("3.12", "3.13")).marker == marker
        assert seen(prefix.root, python=("3.12", "3.12")).marker is None
        assert seen(prefix.root, python=("3.12", None)).marker is None
        prefix.record("python-gil", "1.0", {marker: ""})
        assert seen(prefix.root, python=("3.12", "3.13")).marker is None

    def test_the_marker_where_pip_has_nothing(self, prefix: PrefixFactory) -> None:
        prefix.write("lib/python3.12/EXTERNALLY-MANAGED")
        found = seen(prefix.root, python=("3.12", "3.13"))
        assert found.marker == "lib/python3.12/EXTERNALLY-MANAGED"
        assert not found

    def test_a_prefix_that_goes_leaves_nothing_behind(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        site = f"{SITE}"
        gone = Transaction(str(prefix.root), (), (unlink("python", "bin/python"),), "3.12", None, site, None, True)
        assert not forecast(read_snapshot(str(prefix.root)), gone)

    def test_what_was_orphaned_before_is_no_news(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("old", site="lib/python3.9/site-packages")
        assert not seen(prefix.root, python=("3.12", "3.13"))

    def test_what_stays_behind_needs_nothing(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("base")
        prefix.pip_dist("tool", requires=["base"])
        gone = unlink("base", *(f"{SITE}/base-1.0.dist-info/{name}" for name in ("METADATA", "INSTALLER", "RECORD")))
        assert only(seen(prefix.root, gone, python=("3.12", "3.13"))).broken == ()


class TestRequirements:
    def test_what_lies_in_the_folder_of_the_python_to_come(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("python", "3.12.0")
        prefix.pip_dist(
            "tool", requires=["base", 'other; python_version < "3.13"'], site="lib/python3.13/site-packages"
        )
        other = link("python", "3.13.0", {"bin/python"}, {})
        broken = only(seen(prefix.root, other, python=("3.12", "3.13"))).broken
        assert broken == ("base (nothing will be there)",)

    def test_what_conda_writes_over_needs_what_conda_s_does(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", requires=["base>=2"])
        prefix.pip_dist("base", "2.0")
        mine = {f"{SITE}/tool-1.0.dist-info/METADATA", f"{SITE}/base-2.0.dist-info/METADATA"}
        found = seen(prefix.root, link("tool", "1.0", mine, {"tool": "1.0", "base": "1.0"}))
        assert [harm.broken for harm in found.harms] == [(), ()]

    def test_no_second_dist_info_beside_a_leftover(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        comes = link("tool", "9.0", {f"{SITE}/tool-9.0.dist-info/METADATA"})
        assert only(seen(prefix.root, comes)).doubled
        (info / "METADATA").unlink()
        assert not [harm for harm in seen(prefix.root, comes).harms if harm.doubled]

    def test_removed_and_downgraded(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("base", "2.0")
        prefix.pip_dist("tool", requires=["base>=2", "missing"])
        gone = unlink("base", *(f"{SITE}/base-2.0.dist-info/{name}" for name in ("METADATA", "INSTALLER", "RECORD")))
        assert only(seen(prefix.root, gone)).broken == ("base>=2 (nothing will be there)",)
        assert only(seen(prefix.root, gone, link("base", "1.0"))).broken == ("base>=2 (1.0 will be there)",)
        assert not seen(prefix.root, gone, link("base", "3.0"))

    def test_nothing_to_do(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", requires=["base"])
        snapshot = read_snapshot(str(prefix.root))
        empty = Transaction(str(prefix.root), (), ())
        assert newly_broken(snapshot, empty, snapshot.pip_distributions()) == {}

    def test_nothing_asked(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        snapshot = read_snapshot(str(prefix.root))
        change = Transaction(str(prefix.root), (link("base"),), ())
        assert newly_broken(snapshot, change, snapshot.pip_distributions()) == {}

    def test_asked_of_a_python_that_is_not_there(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("old", requires=["base"], site="lib/python3.9/site-packages")
        (prefix.root / SITE).rmdir()
        snapshot = read_snapshot(str(prefix.root))
        change = Transaction(str(prefix.root), (link("base"),), ())
        assert newly_broken(snapshot, change, snapshot.pip_distributions()) == {}

    def test_without_a_current_python(self, tmp_path: Path) -> None:
        bare = PrefixFactory(tmp_path / "bare", python=None)
        bare.pip_dist("tool", requires=["base"])
        found = seen(bare.root, unlink("base"), python=(None,))
        assert not found, "what is missing now is missing afterwards: no news"

    def test_a_python_comes_to_what_was_left_behind(self, tmp_path: Path) -> None:
        bare = PrefixFactory(tmp_path / "bare", python=None)
        bare.pip_dist("tool", requires=["base>=2"])
        bare.pip_dist("base", "2.0")
        bare.pip_dist("other", site="lib/python3.9/site-packages")  # so that none of them is surely the one in use
        packages = link("base", "1.0", {f"{SITE}/base-1.0.dist-info/METADATA"}), link("python", "3.12.1", set(), {})
        broken = {harm.dist.name: harm.broken for harm in seen(bare.root, *packages, python=(None, "3.12")).harms}
        assert broken["tool"] == ("base>=2 (1.0 will be there)",)
        assert not seen(bare.root, packages[1], python=(None, "3.12")), "what was left behind is as it was"


class TestCopying:
    def test_replaced(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        prefix.conda_dist("fine")
        for path in (prefix.root / SITE / "tool-1.0.dist-info").iterdir():
            path.unlink()
        prefix.pip_dist("tool", "2.0")
        (item,) = replaced_packages(read_snapshot(str(prefix.root)))
        assert (item.record.name, item.dist.version) == ("tool", "2.0")

    def test_of_two_that_stand_there_the_last_written_counts(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        for path in (prefix.root / SITE / "tool-1.0.dist-info").iterdir():
            path.unlink()
        older, newer = prefix.pip_dist("tool", "3.0"), prefix.pip_dist("tool", "2.0", files={})
        os.utime(older, (1_600_000_000, 1_600_000_000))
        snapshot = read_snapshot(str(prefix.root))
        assert [item.dist.version for item in replaced_packages(snapshot)] == ["2.0"]
        newer.rename(newer.with_name("gone meanwhile"))
        assert [item.dist.version for item in replaced_packages(snapshot)] == ["3.0"]

    def test_gone_without_another_in_its_place(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        (prefix.root / SITE / "tool-1.0.dist-info/METADATA").unlink()
        (prefix.root / SITE / "tool-1.0.dist-info/RECORD").unlink()
        (prefix.root / SITE / "tool-1.0.dist-info/INSTALLER").unlink()
        (prefix.root / SITE / "tool-1.0.dist-info").rmdir()
        assert replaced_packages(read_snapshot(str(prefix.root))) == ()

    @pytest.mark.parametrize("form", ["tool-1.0-py3.12.egg-info/PKG-INFO", "tool-1.0-py3.12.egg-info"])
    def test_eggs(self, prefix: PrefixFactory, form: str) -> None:
        prefix.record("tool", "1.0", {f"{SITE}/{form}": metadata("tool", "1.0")})
        (prefix.root / SITE / form).unlink()
        if "/" in form:
            (prefix.root / SITE / form).parent.rmdir()
        prefix.pip_dist("tool", "2.0")
        assert [item.dist.version for item in replaced_packages(read_snapshot(str(prefix.root)))] == ["2.0"]

    def test_taken_over_in_the_same_version(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        prefix.write(f"{SITE}/tool-1.0.dist-info/INSTALLER", "uv\n")
        assert [item.record.name for item in replaced_packages(read_snapshot(str(prefix.root)))] == ["tool"]


def after(prefix: PrefixFactory, before: Baseline | None) -> Outcome:
    return compare(before, read_snapshot(str(prefix.root)))


class TestOutcome:
    def baseline(self, prefix: PrefixFactory, foreseen: frozenset[str] | None = None) -> Baseline:
        from dataclasses import replace

        return replace(take_baseline(read_snapshot(str(prefix.root))), foreseen=foreseen)

    def test_nothing_happened(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert not after(prefix, self.baseline(prefix))

    def test_overwritten_with_other_and_with_the_same_content(self, prefix: PrefixFactory) -> None:
        files = {"tool/__init__.py": "one", "tool/same.py": "same", "tool/free.py": "free"}
        prefix.pip_dist("tool", files=files)
        before = self.baseline(prefix, frozenset({MODULE}))
        for path in files:
            (prefix.root / SITE / path).unlink()
        prefix.write(f"{SITE}/tool/free.py", "changed by nobody that we know")
        prefix.record("other", "1.0", {MODULE: "other", f"{SITE}/tool/same.py": "same"}, build="b")
        found = after(prefix, before)
        (change,) = found.changes
        # Also what nobody is known to have written: a package's link script may have.
        assert change.overwritten == (MODULE, f"{SITE}/tool/free.py", f"{SITE}/tool/same.py")
        assert (change.same, change.by, change.deleted) == (1, ("other=1.0=b",), ())
        assert found.unforeseen == (f"{SITE}/tool/free.py", f"{SITE}/tool/same.py")
        assert found.spared == ()

    def test_overwritten_by_a_conda_that_was_killed_before_it_wrote_its_record(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        before = self.baseline(prefix, frozenset({MODULE}))
        (prefix.root / MODULE).unlink()
        prefix.write(MODULE, "conda's")
        (change,) = after(prefix, before).changes
        assert (change.overwritten, change.by) == ((MODULE,), ())

    def test_content_that_record_does_not_know_or_that_cannot_be_read(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool", files={"tool/__init__.py": "one", "tool/link.py": ""})
        rows = (info / "RECORD").read_text().splitlines()
        (info / "RECORD").write_text("\n".join(row.partition(",")[0] + ",," if "init" in row else row for row in rows))
        before = self.baseline(prefix)
        link_path = f"{SITE}/tool/link.py"
        (prefix.root / MODULE).unlink()
        prefix.record("other", "1.0", {MODULE: "one", link_path: ""})
        (prefix.root / link_path).unlink()
        (prefix.root / link_path).symlink_to("nowhere")
        (change,) = after(prefix, before).changes
        assert (len(change.overwritten), change.same) == (2, 0)

    def test_deleted_where_conda_had_it(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        prefix.record("other", "1.0", {MODULE: "pip 1.0"})
        before = self.baseline(prefix)
        (prefix.root / MODULE).unlink()
        assert after(prefix, before).changes[0].deleted == (MODULE,)

    def test_uninstalled_by_pip_is_not_conda_s_doing(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        before = self.baseline(prefix)
        (prefix.root / MODULE).unlink()
        for path in info.iterdir():
            path.unlink()
        info.rmdir()
        assert not after(prefix, before)

    def test_without_a_list_what_makes_it_a_distribution_is_watched(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        (info / "RECORD").unlink()
        own = f"{SITE}/tool-1.0.dist-info/METADATA"
        before = self.baseline(prefix, frozenset({own}))
        (prefix.root / own).unlink()
        found = after(prefix, before)
        assert [change.deleted for change in found.changes] == [(own,)]
        assert found.spared == ()

    def test_foreseen_and_spared(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        assert after(prefix, self.baseline(prefix, frozenset({MODULE}))).spared == (MODULE,)

    @pytest.mark.parametrize(("text", "spared"), [("X = 1\n", True), ("X = 1 1\n", False)])
    def test_bytecode_that_could_not_be_made(self, prefix: PrefixFactory, text: str, spared: bool) -> None:
        compiled = f"{SITE}/tool/__pycache__/one.two.cpython-312.pyc"
        files = {"tool/one.two.py": "", "tool/__pycache__/one.two.cpython-312.pyc": ""}
        prefix.pip_dist("tool", files=files)
        before = self.baseline(prefix, frozenset({compiled}))
        prefix.write(f"{SITE}/tool/one.two.py", text)
        assert after(prefix, before).spared == ((compiled,) if spared else ())

    @pytest.mark.parametrize(("installer", "told"), [("pip\n", False), ("conda\n", True)])
    def test_installed_again_since(self, prefix: PrefixFactory, installer: str, told: bool) -> None:
        """By pip it is no work of conda's; of a conda that was killed the files are, also without a record."""
        prefix.pip_dist("tool")
        before = self.baseline(prefix, frozenset({MODULE}))
        info = f"{SITE}/tool-1.0.dist-info"
        for path, text in (
            (MODULE, "again"),
            (f"{info}/RECORD", "tool/__init__.py,,\n"),
            (f"{info}/INSTALLER", installer),
        ):
            (prefix.root / path).unlink()
            prefix.write(path, text)
        assert bool(after(prefix, before).changes) == told

    def test_a_path_of_record_that_is_not_there_is_not_watched(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        (prefix.root / MODULE).unlink()
        before = self.baseline(prefix)
        assert MODULE not in before.stamps
        assert stamp_of(before.prefix, MODULE) is None

    def test_new_environment(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", "1.0")
        prefix.pip_dist("tool", "2.0", files={})
        prefix.conda_dist("fine")
        found = after(prefix, None)
        assert [[dist.version for dist in dists] for dists in found.doubled] == [["1.0", "2.0"]]

    def test_doubled_before_is_no_news(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", "1.0")
        prefix.pip_dist("tool", "2.0", files={})
        assert not after(prefix, self.baseline(prefix))

    def test_replaced_by_a_pip_section(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("tool")
        before = self.baseline(prefix)
        for path in (prefix.root / SITE / "tool-1.0.dist-info").iterdir():
            path.unlink()
        prefix.pip_dist("tool", "2.0")
        assert [item.record.name for item in after(prefix, before).replaced] == ["tool"]

    @pytest.mark.parametrize("new", ["3.13.0", None])
    def test_orphaned(self, prefix: PrefixFactory, new: str | None) -> None:
        prefix.pip_dist("tool")
        prefix.conda_dist("fine")
        before = self.baseline(prefix)
        next((prefix.root / "conda-meta").glob("python-*.json")).unlink()
        if new:
            prefix.record("python", new, {"lib/python3.13/site-packages/README": ""})
        assert [dist.name for dist in after(prefix, before).orphaned] == ["tool"]

    def test_without_a_python_nothing_is_orphaned(self, tmp_path: Path) -> None:
        bare = PrefixFactory(tmp_path / "bare", python=None)
        bare.pip_dist("tool")
        assert not after(bare, self.baseline(bare))

    def test_baseline_on_disk(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        for foreseen in (None, frozenset({MODULE})):
            before = self.baseline(prefix, foreseen)
            assert baseline_from_json(json.loads(json.dumps(baseline_to_json(before)))) == before
        with pytest.raises(KeyError):
            baseline_from_json({})
