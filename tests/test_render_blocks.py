"""What is said to people before and after a conda command: on prefixes written by hand, no conda."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.forecast.copying import forecast_copy, replaced_packages
from conda_pipsafe.forecast.deletion import forecast_deletion
from conda_pipsafe.forecast.effects import Forecast, forecast
from conda_pipsafe.forecast.outcome import Baseline, Outcome, compare, take_baseline, with_losses
from conda_pipsafe.forecast.transaction import LinkedPackage, Transaction, UnlinkedPackage
from conda_pipsafe.installer.offers import Offer
from conda_pipsafe.installer.removal import Removal, plan_removal
from conda_pipsafe.installer.uninstall import RemovalOutcome
from conda_pipsafe.ledger.reconcile import Reconciled
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from conda_pipsafe.render.deletion import deletion_text
from conda_pipsafe.render.forecast import forecast_text, forecast_value, refined_text, ways_out
from conda_pipsafe.render.names_only import names_text
from conda_pipsafe.render.offers import offer_lines, taken_lines
from conda_pipsafe.render.outcome import begun_text, copy_text, kept_text, marker_text, outcome_text
from conda_pipsafe.render.pip_section import section_text
from conda_pipsafe.render.planned import planned_lines, planned_value
from conda_pipsafe.render.uninstall import outcome_lines, refused_lines
from support.prefixes import SITE, PrefixFactory

MODULE = f"{SITE}/tool/__init__.py"
TOLD = "  tool 1.0 (installed by pip)"
AGAIN = "    to have pip's again: "
INFO = f"{SITE}/tool-1.0.dist-info"


@pytest.fixture
def prefix(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def look(prefix: PrefixFactory) -> Snapshot:
    return read_snapshot(str(prefix.root))


def direct(info: Path, **value: object) -> None:
    (info / "direct_url.json").write_text(json.dumps(value))


def linked(name: str, *paths: str, version: str = "2.0") -> LinkedPackage:
    return LinkedPackage(name, version, "0", "", frozenset(paths), {})


def seen(
    prefix: PrefixFactory,
    *link: LinkedPackage,
    unlink: tuple[UnlinkedPackage, ...] = (),
    after: str | None = "3.12",
    deletes: bool = False,
) -> Forecast:
    site = f"lib/python{after}/site-packages" if after else None
    transaction = Transaction(str(prefix.root), link, unlink, "3.12", after, SITE, site, deletes_prefix=deletes)
    return forecast(look(prefix), transaction)


class TestHowToHaveItAgain:
    """A checkout or an address is never made a name: another project of that name may be on an index."""

    @pytest.mark.parametrize(
        ("direct_url", "words"),
        [
            (None, ("tool==1.0",)),
            ({"url": "file:///my%20work/tool", "dir_info": {"editable": True}}, ("-e", "/my work/tool")),
            ({"url": "https://x.test/src", "dir_info": {"editable": True}}, ("-e", "https://x.test/src")),
            ({"url": "file:///src/tool", "dir_info": {}}, ("tool @ file:///src/tool",)),
            ({"url": "https://x.test/tool.whl", "archive_info": {}}, ("tool @ https://x.test/tool.whl",)),
            (
                {"url": "https://x.test/r.git", "subdirectory": "py", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
                ("tool @ git+https://x.test/r.git@abc#subdirectory=py",),
            ),
            ({"url": "https://x.test/r", "vcs_info": {"vcs": "hg"}}, ("tool @ hg+https://x.test/r",)),
        ],
    )
    def test_words(self, prefix: PrefixFactory, direct_url: dict[str, object] | None, words: tuple[str, ...]) -> None:
        info = prefix.pip_dist("tool")
        if direct_url:
            direct(info, **direct_url)
        assert [dist.again for dist in look(prefix).distributions] == [words]

    def test_of_what_does_not_say_its_version_nothing_is_known(self, prefix: PrefixFactory) -> None:
        prefix.write(f"{SITE}/tool.egg-link", "/checkout\n.")
        prefix.write(f"{SITE}/bare.dist-info/RECORD")
        assert [dist.again for dist in look(prefix).distributions] == [(), ()]


class TestOutcome:
    def before(self, prefix: PrefixFactory, *foreseen: str) -> Baseline:
        return replace(take_baseline(look(prefix)), foreseen=frozenset(foreseen) or None)

    def said(self, prefix: PrefixFactory, before: Baseline | None, **more: Any) -> list[str]:  # noqa: ANN401 - fields
        outcome = replace(compare(before, look(prefix)), **more)
        first, *lines, last = outcome_text("env_update", outcome).splitlines()
        assert first == f"conda-pipsafe: what `conda env update` did to Python packages in {prefix.root}"
        assert last == f"  all of it:  conda pipsafe audit -p {prefix.root}"
        return lines

    def overwrite(self, prefix: PrefixFactory, path: str, text: str = "conda's own") -> None:
        (prefix.root / path).unlink()
        prefix.write(path, text)

    def test_overwritten_by_a_package(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"tool/__init__.py": "pip 1.0", "tool/same.py": "same"})
        before = self.before(prefix)
        same = f"{SITE}/tool/same.py"
        for path in (MODULE, same):
            (prefix.root / path).unlink()
        prefix.record("other", "2.0", {MODULE: "conda", same: "same"}, channel="https://x.test/ch")
        assert self.said(prefix, before) == [
            f"{TOLD}: conda's other=2.0=h0_0 overwrote 2 files ({MODULE}, {same}), 1 of them with the same content",
            f"    to have conda's, whole:  {prefix.root}/bin/python -m pip uninstall -y tool",
            f"      then:  conda install -p {prefix.root} --force-reinstall -c https://x.test/ch other=2.0=h0_0",
        ]

    def test_what_conda_deleted(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool", files={"tool/__init__.py": "pip 1.0", "tool/same.py": "same"})
        direct(info, url="file:///my%20work", dir_info={"editable": True})
        before = self.before(prefix, MODULE)
        (prefix.root / MODULE).unlink()
        assert self.said(prefix, before) == [
            f"  tool 1.0 (installed by pip): conda deleted 1 file ({MODULE})",
            f"{AGAIN} {prefix.root}/bin/python -m pip install --force-reinstall --no-deps -e '/my work'",
        ]

    @pytest.mark.parametrize(
        ("foreseen", "who"),
        [((MODULE,), "conda"), ((), "a script of a package's, or somebody else,")],
    )
    def test_who_overwrote_what_no_record_has(self, prefix: PrefixFactory, foreseen: tuple[str, ...], who: str) -> None:
        prefix.pip_dist("tool")
        before = self.before(prefix, *foreseen)
        self.overwrite(prefix, MODULE)
        assert self.said(prefix, before) == [
            f"  tool 1.0 (installed by pip): {who} overwrote 1 file ({MODULE})",
            f'{AGAIN} {prefix.root}/bin/python -m pip install --force-reinstall --no-deps "tool==1.0"',
        ]

    def test_of_what_nobody_knows_whence_no_command_is_made(self, prefix: PrefixFactory) -> None:
        prefix.write(f"{SITE}/tool.egg-link", "/checkout\n.")
        before = self.before(prefix, f"{SITE}/tool.egg-link")
        (prefix.root / SITE / "tool.egg-link").unlink()
        assert self.said(prefix, before) == [f"  tool  (installed by pip): conda deleted 1 file ({SITE}/tool.egg-link)"]

    def test_what_pip_wrote_anew_was_pip(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        before = self.before(prefix)
        self.overwrite(prefix, MODULE, "pip's next build")
        self.overwrite(
            prefix, str(info.relative_to(prefix.root) / "RECORD"), f"tool/__init__.py,,\n{info.name}/RECORD,,\n"
        )
        assert not compare(before, look(prefix))

    def test_where_all_is_conda_s_now(self, prefix: PrefixFactory) -> None:
        info = prefix.pip_dist("tool")
        before = self.before(prefix, *(f"{INFO}/{name}" for name in ("METADATA", "INSTALLER", "RECORD")))
        for path in info.iterdir():
            path.unlink()
        info.rmdir()
        self.overwrite(prefix, MODULE)
        prefix.conda_dist("tool", "2.0")
        lines = self.said(prefix, before)
        assert lines[0].startswith("  tool 1.0 (installed by pip): conda's tool=2.0=h0_0 overwrote 1 file (")
        assert "; conda deleted 3 files (" in lines[0]
        assert (
            lines[1]
            == f"    conda's is whole; to have pip's again:  conda pipsafe install -p {prefix.root} \"tool==1.0\""
        )

    @pytest.mark.parametrize("count", [1, 2])
    def test_left_behind_with_the_old_python(self, prefix: PrefixFactory, count: int) -> None:
        for name in ("tool", "user")[:count]:
            prefix.pip_dist(name)
        before = self.before(prefix)
        self.overwrite(prefix, MODULE)
        next((prefix.root / "conda-meta").glob("python-*.json")).unlink()
        prefix.record("python", "3.13.0", {"lib/python3.13/site-packages/README": ""})
        names, stay = (
            ('"tool==1.0"', "1 package stays") if count == 1 else ('"tool==1.0" "user==1.0"', "2 packages stay")
        )
        assert self.said(prefix, before)[1:] == [
            f"  {stay} behind in {SITE}, where no Python of this environment imports them from",
            f"    to have them again:  conda pipsafe install -p {prefix.root} {names}",
        ]

    def test_left_without_a_python(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        before = self.before(prefix)
        next((prefix.root / "conda-meta").glob("python-*.json")).unlink()
        assert self.said(prefix, before) == [
            f"  1 package stays behind in {SITE}, where no Python of this environment imports them from",
            f"    to import them again:  conda install -p {prefix.root} python=3.12",
        ]

    def test_a_link_to_a_checkout_left_behind(self, prefix: PrefixFactory) -> None:
        prefix.write(f"{SITE}/tool.egg-link", "/checkout\n.")
        before = self.before(prefix)
        next((prefix.root / "conda-meta").glob("python-*.json")).unlink()
        prefix.record("python", "3.13.0", {"lib/python3.13/site-packages/README": ""})
        assert self.said(prefix, before) == [
            f"  1 package stays behind in {SITE}, where no Python of this environment imports them from"
        ]

    def test_a_new_environment_in_which_pip_replaced_and_doubled(self, prefix: PrefixFactory) -> None:
        prefix.record("tool", "0.9", {f"{SITE}/tool-0.9.dist-info/METADATA": ""})
        (prefix.root / SITE / "tool-0.9.dist-info/METADATA").unlink()
        prefix.pip_dist("tool")
        prefix.pip_dist("twice", "1.0")
        prefix.write(f"{SITE}/twice.egg-link", "/checkout\n.")
        once = f"{prefix.root}/bin/python -m pip uninstall -y twice"
        assert self.said(prefix, None) == [
            "  tool 1.0: pip put it in the place of conda's tool 0.9",
            f"    to have conda's:  {prefix.root}/bin/python -m pip uninstall -y tool",
            f"      then:  conda install -p {prefix.root} --force-reinstall -c conda-forge tool=0.9=h0_0",
            "  twice: two dist-infos lie side by side, 1.0 and an editable one; no tool can tell which is installed",
            f"    to put it right:  {once} && {once}",
            "      then install the one that you want",
        ]

    def test_what_no_path_shows(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        (dist,) = look(prefix).distributions
        broken = ((dist, ("numpy>=2 (1.26 will be there)", "six", "idna>=3 (for tool[x])", "more")),)
        needs = '"numpy>=2" "six" "idna>=3"'
        hidden = ((dist, (("tool/inner", "other 2.0"), ("tool/outer", "other 2.0"))),)
        lines = self.said(
            prefix, self.before(prefix), broken=broken, hidden=hidden, leftover=((dist, (f"{INFO}/REQUESTED",)),)
        )
        assert lines == [
            f"  tool 1.0: of its dist-info 1 file ({INFO}/REQUESTED) is left, no package",
            f"    to put it right:  rm -r {prefix.root}/{INFO}",
            "  tool 1.0: no longer has what it needs: numpy>=2 (1.26 is there), six, idna>=3 (for tool[x])",
            f"    to have it again:  conda install -p {prefix.root} {needs}  (or conda pipsafe install …)",
            "  tool 1.0: its checkout is no longer imported: `import tool.inner, tool.outer` finds conda's other 2.0",
            f"    to import the checkout again:  conda remove -p {prefix.root} --force other",
        ]

    def test_a_forecast_that_was_wrong_says_so(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"tool/__init__.py": "pip", "tool/spared.py": ""})
        before = self.before(prefix, f"{SITE}/tool/spared.py")
        prefix.record("other", "1.0")
        self.overwrite(prefix, MODULE)
        assert self.said(prefix, before)[-2:] == [
            f"  not foreseen (a script of a package's may do that; else please report it): 1 file ({MODULE})",
            f"  foreseen, but as it was (please report it): 1 file ({SITE}/tool/spared.py)",
        ]

    def test_a_command_whose_end_nobody_saw(self) -> None:
        first, last = outcome_text("install", Outcome("/my env"), unfinished="2026-01-01T00:00:00Z").splitlines()
        command = "`conda install` of 2026-01-01T00:00:00Z, which did not come to its end,"
        assert first == f"conda-pipsafe: what {command} did to Python packages in /my env"
        assert last == "  all of it:  conda pipsafe audit -p '/my env'"


class TestCopy:
    @pytest.fixture
    def replaced(self, prefix: PrefixFactory) -> PrefixFactory:
        """pip's tool 1.0 in place of conda's 0.9, and pip's files over another package's."""
        prefix.record("tool", "0.9", {f"{SITE}/tool-0.9.dist-info/METADATA": "", MODULE: "conda"})
        (prefix.root / SITE / "tool-0.9.dist-info/METADATA").unlink()
        prefix.record("conda-user", "3.0", {f"{SITE}/user/__init__.py": "conda"})
        prefix.pip_dist("tool")
        direct(prefix.pip_dist("user"), url="file:///src/my%20user", dir_info={"editable": True})
        return prefix

    def test_said(self, replaced: PrefixFactory) -> None:
        snapshot = look(replaced)
        gone = replaced_packages(snapshot)
        copy = forecast_copy(snapshot, "/copy")
        again = "\"tool==1.0\" -e '/src/my user'"
        assert [harm.overwritten for harm in copy.harms] == [(MODULE,), (f"{SITE}/user/__init__.py",)]
        expected = [
            f"conda-pipsafe: the copy of {replaced.root} will not be as it is: conda links its own packages anew",
            "  tool 1.0 (installed by pip) becomes conda's 0.9 again, and pip's dist-info stays beside it",
            f"  user 1.0 (installed by pip): conda's conda-user 3.0 takes back 1 file ({SITE}/user/__init__.py)",
            f"  afterwards, in the copy:  python -m pip install --force-reinstall --no-deps {again}",
        ]
        assert copy_text(snapshot.prefix, gone, copy.harms).splitlines() == expected
        assert planned_lines(copy, gone, snapshot.prefix) == expected
        refused = copy_text(snapshot.prefix, gone, copy.harms, refused=True)
        assert refused.startswith(f"conda-pipsafe: refuses: the copy of {replaced.root} will not be as it is")
        again = copy_text(snapshot.prefix, (), copy.harms[1:], again=True)
        assert again.startswith("conda-pipsafe: now that conda's packages are unpacked: the copy of ")
        told = planned_lines(copy, gone, snapshot.prefix, {f"{SITE}/user-1.0.dist-info"}, every_path=True)
        assert [line for line in told if "user" in line] == []

    def test_what_is_not_copied(self, replaced: PrefixFactory) -> None:
        """Told also of what becomes conda's again: that it lacks a file does not say so."""
        prefix = replaced
        for name in ("tool", "user"):
            prefix.write(f"{SITE}/{name}.py~")
            record = prefix.root / SITE / f"{name}-1.0.dist-info/RECORD"
            record.write_text(f"{record.read_text()}{name}.py~,,\n")
        snapshot = look(prefix)
        copy, gone = forecast_copy(snapshot, "/copy"), replaced_packages(snapshot)
        _, *lines, _ = copy_text(snapshot.prefix, gone, copy.harms).splitlines()
        assert lines[1:] == [
            f"  tool 1.0 (installed by pip): the copy will lack 1 file ({SITE}/tool.py~)",
            f"  user 1.0 (installed by pip): conda's conda-user 3.0 takes back 1 file ({SITE}/user/__init__.py)",
            f"  user 1.0 (installed by pip): the copy will lack 1 file ({SITE}/user.py~)",
        ]
        assert [harm["effects"] for harm in planned_value(copy, gone, "/env")["harms"]] == [
            ["overwritten", "deleted", "put-back"]
        ] * 2

    def test_where_conda_links_over_a_folder(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"../../../share/x/y/z": "", "../../../share/one": "", "../../../share/gone": ""})
        (prefix.root / "share/gone").unlink()
        prefix.record("other", "3.0", paths_data={"paths": []}, files={})
        text = (prefix.root / "conda-meta/other-3.0-h0_0.json").read_text()
        listed = ["share/x", "share/one/two", "share/gone/two"]
        prefix.write("conda-meta/other-3.0-h0_0.json", text.replace('"files": []', f'"files": {json.dumps(listed)}'))
        copy = forecast_copy(look(prefix), "/copy")
        first, line, _ = copy_text("/env", (), copy.harms).splitlines()
        assert first.endswith(": conda links its own packages anew")
        said = "the copy will lack 2 files (share/one, share/x/y/z); conda's other 3.0 comes in the place of a folder"
        assert said in line

    def test_as_json(self, replaced: PrefixFactory) -> None:
        snapshot = look(replaced)
        copy, gone = forecast_copy(snapshot, "/copy"), replaced_packages(snapshot)
        value = planned_value(copy, gone, snapshot.prefix)
        pip = ["/copy/bin/python", "-m", "pip", "install", "--force-reinstall", "--no-deps"]
        assert value["harmed"]
        command = [*pip, "tool==1.0", "-e", "/src/my user"]
        assert value["ways_out"] == [{"when": "after", "why": "to have pip's in the copy too", "command": command}]
        ignored = {f"{SITE}/{name}-1.0.dist-info" for name in ("tool", "user")}
        value = planned_value(copy, gone, snapshot.prefix, ignored)
        assert (value["harmed"], value["ways_out"]) == (False, [])
        assert [item["ignored"] for item in value["replaced"]] == [True]

    def test_of_a_link_to_a_checkout_no_command_is_made(self, prefix: PrefixFactory) -> None:
        prefix.record("tool", "0.9", {f"{SITE}/tool-0.9.dist-info/METADATA": ""})
        (prefix.root / SITE / "tool-0.9.dist-info/METADATA").unlink()
        prefix.write(f"{SITE}/tool.egg-link", "/checkout\n.")
        said = copy_text("/env", replaced_packages(look(prefix)), ())
        assert said.splitlines()[1:] == [
            "  tool  (installed by pip) becomes conda's 0.9 again, and pip's dist-info stays beside it"
        ]

    def test_the_comparison_with_the_source(self, replaced: PrefixFactory, tmp_path: Path) -> None:
        """What pip's files in the source were is what the files of conda's in the copy are compared with."""
        copy = PrefixFactory(tmp_path / "copy")
        copy.pip_dist("user", files={})
        source = look(replaced)
        before = with_losses(take_baseline(look(copy)), source, forecast_copy(source, str(copy.root)))
        copy.record("tool", "0.9", {MODULE: "conda"})
        copy.record("conda-user", "3.0", {f"{SITE}/user/__init__.py": "conda"})
        outcome = compare(before, look(copy))
        assert {change.dist.name: (change.overwritten, change.by) for change in outcome.changes} == {
            "tool": ((MODULE,), ("tool=0.9=h0_0",)),
            "user": ((f"{SITE}/user/__init__.py",), ("conda-user=3.0=h0_0",)),
        }

    def test_what_is_left_of_a_copy_and_of_a_mark(self) -> None:
        assert begun_text("/my copy").endswith("rm -r '/my copy'")
        said = marker_text("/env", "lib/python3.12/EXTERNALLY-MANAGED")
        assert said.startswith(
            "conda-pipsafe: lib/python3.12/EXTERNALLY-MANAGED, which keeps pip from writing to /env,"
        )

    def test_records_that_a_command_is_about_to_erase(self) -> None:
        said = kept_text("list", "/my env", ["requests", "idna"])
        assert said.splitlines() == [
            "conda-pipsafe: pip replaced requests, idna; `conda list` erases conda's record of it. A copy is kept.",
            "  what happened, and the way back:  conda pipsafe audit -p '/my env'",
        ]


class TestForecast:
    def test_no_more_than_ten_packages_are_named(self, prefix: PrefixFactory) -> None:
        for number in range(12):
            prefix.pip_dist(f"tool{number:02}")
        found = seen(prefix, linked("all", *(f"{SITE}/tool{number:02}/__init__.py" for number in range(12))))
        for text in (forecast_text(found, found.harms), refined_text(found, found.harms)):
            assert "  tool09 1.0: conda's all 2.0 will overwrite 1 file" in text
            assert "tool10 1.0" not in text
            assert "  … and 2 more" in text.splitlines()
        for text in (forecast_text(found, found.harms, every_path=True), refined_text(found, found.harms[:10])):
            assert "… and" not in text

    def test_exact_at_last(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        prefix.pip_dist("spared")
        found = seen(prefix, linked("other", MODULE))
        (spared,) = (dist for dist in look(prefix).distributions if dist.name == "spared")
        assert refined_text(found, found.harms, [spared]).splitlines() == [
            "",
            "(conda-pipsafe, exact now that it is downloaded)",
            f"  tool 1.0: conda's other 2.0 will overwrite 1 file ({MODULE})",
            "  spared 1.0: not harmed: no path of it is met",
        ]

    def test_a_file_where_a_folder_of_pip_s_is(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        found = seen(prefix, linked("other", f"{SITE}/tool"))
        assert f"  tool 1.0: conda's other 2.0, put where a folder of theirs is, will delete 1 file ({MODULE})" in (
            forecast_text(found, found.harms).splitlines()
        )

    def test_needs_that_go(self, prefix: PrefixFactory) -> None:
        prefix.conda_dist("need", "2.0")
        prefix.pip_dist("tool", requires=["need>=2"])
        gone = UnlinkedPackage("need", "2.0", "h0_0", frozenset(look(prefix).record_paths) - {"bin/python"})
        found = seen(prefix, unlink=(gone,))
        _, effect, keep, _ = forecast_text(found, found.harms).splitlines()
        assert effect.startswith("  tool 1.0: will no longer have what it needs: need>=2")
        assert keep == "  to keep what is needed, ask conda for it in the same command, or afterwards pip:  'need>=2'"
        assert ways_out(found, found.harms) == []

    def test_a_checkout_of_which_only_the_name_is_known(self, prefix: PrefixFactory) -> None:
        prefix.write(f"{SITE}/tool.egg-link", "/nowhere\n.")
        package = replace(linked("tool", f"{SITE}/tool-2.0.dist-info/METADATA"), distributions={"tool": "2.0"})
        found = seen(prefix, package)
        assert "  tool: conda's tool 2.0 will be imported instead of this editable checkout" in (
            forecast_text(found, found.harms).splitlines()
        )

    def test_a_package_that_is_not_downloaded(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        found = seen(prefix, replace(linked("tool"), paths=None, distributions={"tool": "2.0"}))
        said = "conda's tool 2.0 comes under the same name (not downloaded yet: the paths are not known)"
        title, effect, *_ = forecast_text(found, found.harms).splitlines()
        whose = f"1 package that pip installed in {prefix.root}"
        assert (title, effect) == (f"conda-pipsafe: this transaction may harm {whose}", f"  tool 1.0: {said}")
        refused = forecast_text(found, found.harms, refused=True)
        assert refused.startswith(f"conda-pipsafe refuses this transaction: it may harm {whose}\n")

    def test_a_dry_run_that_knows_names_only(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool")
        names = ("six", "library", *(f"p{number}" for number in range(5)))
        cold = [
            replace(linked(name), paths=None, distributions={} if name == "library" else {name: "2.0"})
            for name in names
        ]
        start = "conda-pipsafe: names only: by their names nothing that pip installed is harmed; "
        end = " not downloaded\n  exactly:  conda pipsafe plan --download -- CONDA-COMMAND"
        assert names_text(seen(prefix, cold[0])) == f"{start}six is{end}"
        assert names_text(seen(prefix, *cold)) == f"{start}six, p0, p1, … (6 packages) are{end}"
        assert names_text(seen(prefix, cold[1])) is None, "a library: no Python in it"
        assert names_text(seen(prefix, linked("six", MODULE))) is None

    def test_two_that_bring_one_distribution(self, prefix: PrefixFactory) -> None:
        """matplotlib and matplotlib-base: what is known of one is no guess because the other is not downloaded."""
        prefix.pip_dist("tool")
        base = replace(linked("tool-base", f"{SITE}/tool-2.0.dist-info/METADATA"), distributions={"tool": "2.0"})
        meta = replace(linked("tool"), paths=None, distributions={"tool": "2.0"})
        for order in ((meta, base), (base, meta)):
            (harm,) = seen(prefix, *order).harms
            assert (harm.by_name_only, harm.doubled, harm.comer) == (False, True, "tool-base 2.0")

    def test_what_is_known_and_what_is_not(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"tool/__init__.py": ""})
        for name in ("more", "less"):
            prefix.pip_dist(name)
        named = [replace(linked(name), paths=None, distributions={name: "2.0"}) for name in ("more", "less")]
        found = seen(prefix, linked("c-tool", MODULE), *named)
        title = "conda-pipsafe: this transaction will harm 1 package and may harm 2 more that pip installed in"
        assert forecast_text(found, found.harms).startswith(f"{title} {prefix.root}\n")
        assert [harm.by_name_alone for harm in found.harms] == [True, True, False]

    def test_what_stays_behind_comes_again_from_where_it_came(self, prefix: PrefixFactory) -> None:
        direct(prefix.pip_dist("mine"), url="file:///my%20work", dir_info={"editable": True})
        prefix.write(f"{SITE}/link.egg-link", "/checkout\n.")
        prefix.pip_dist("tool")
        found = seen(prefix, linked("python", version="3.13.0"), after="3.13")
        (way,) = ways_out(found, found.harms)
        assert way["command"][5:] == ["-e", "/my work", "tool==1.0"]
        said = f"conda pipsafe install -p {prefix.root} -e '/my work' tool==1.0"
        assert (
            f"  afterwards, install again what stays behind:  {said}" in forecast_text(found, found.harms).splitlines()
        )

    def test_without_a_python_there_is_nothing_to_install_with(self, prefix: PrefixFactory) -> None:
        prefix.record("other", "1.0", {MODULE: ""})
        prefix.pip_dist("tool")
        gone = UnlinkedPackage("other", "1.0", "h0_0", frozenset({MODULE}))
        found = seen(prefix, unlink=(gone,))
        assert [way["command"][-1] for way in ways_out(found, found.harms)] == ["tool==1.0"]
        again = f"conda pipsafe install -p {prefix.root} --force-reinstall --no-deps tool==1.0"
        assert f"  afterwards, to have pip's again:  {again}" in forecast_text(found, found.harms).splitlines()
        found = seen(prefix, unlink=(gone,), after=None)
        assert [harm.deleted for harm in found.harms] == [(MODULE,)]
        assert "to have pip's again" not in forecast_text(found, found.harms)
        assert forecast_text(found, found.harms).splitlines()[-2] == (
            f"  afterwards, to import again what stays behind:  conda install -p {prefix.root} python=3.12"
        )
        command = ["conda", "install", "-p", str(prefix.root), "python=3.12"]
        way = {"when": "after", "why": "to import again what stays behind", "command": command}
        assert ways_out(found, found.harms) == [way]
        assert ways_out(found, []) == []


class TestDeletion:
    @pytest.fixture
    def doomed(self, prefix: PrefixFactory) -> Forecast:
        prefix.conda_dist("fine")
        prefix.pip_dist("tool")
        info = prefix.pip_dist("bare")
        (info / "RECORD").unlink()
        return forecast_deletion(look(prefix))

    def test_what_goes(self, doomed: Forecast) -> None:
        assert [(harm.dist.name, harm.deleted) for harm in doomed.harms] == [
            ("bare", (f"{SITE}/bare-1.0.dist-info/METADATA",)),
            ("tool", (f"{INFO}/INSTALLER", f"{INFO}/METADATA", f"{INFO}/RECORD", MODULE)),
        ]
        assert [package.name for package in doomed.transaction.unlink] == ["fine", "python"]

    def test_said(self, doomed: Forecast) -> None:
        prefix = doomed.transaction.prefix
        goes = f"the environment {prefix} will be deleted, with 2 packages that pip installed in it"
        later = f"  to know later what was there, first:  conda pipsafe list -p {prefix} --json > FILE"
        assert deletion_text(doomed, doomed.harms).splitlines() == [
            f"conda-pipsafe: {goes}",
            "  bare 1.0, tool 1.0",
            later,
        ]
        assert deletion_text(doomed, doomed.harms, refused=True).splitlines() == [
            f"conda-pipsafe refuses this command: {goes}",
            "  bare 1.0, tool 1.0",
            f"  to have it all the same, first:  conda remove --all -p {prefix}",
            later,
        ]
        one = deletion_text(doomed, doomed.harms[:1])
        assert one.startswith(f"conda-pipsafe: the environment {prefix} will be deleted, with 1 package that pip")
        many = deletion_text(doomed, doomed.harms[:1] * 11).splitlines()[1]
        assert many == f"  {', '.join(['bare 1.0'] * 10)}, …"

    def test_planned(self, doomed: Forecast) -> None:
        goes = f"the environment {doomed.transaction.prefix} will be deleted, with 2 packages that pip installed in it"
        first, *lines = planned_lines(doomed)
        assert first == f"conda-pipsafe: {goes}"
        assert lines == [
            "  bare 1.0: goes with it, 1 file (lib/python3.12/site-packages/bare-1.0.dist-info/METADATA)",
            f"  tool 1.0: goes with it, 4 files ({INFO}/INSTALLER, {INFO}/METADATA, {INFO}/RECORD, …)",
        ]
        value = forecast_value(doomed)
        assert (value["deletes_prefix"], value["ways_out"]) == (True, [])


@pytest.mark.parametrize("refused", [False, True])
def test_a_pip_section(refused: bool) -> None:
    newer = "if it finds a newer one"
    clashes = [
        ("alpha>=2", "alpha", "1.0", ""), ("alpha>=1  # newer", "alpha", "1.0", newer), ("zeta", "zeta", "", newer),
        ("zeta @ git+https://x.test/zeta", "zeta", "2.0", "if it is another version"),
    ]  # fmt: skip
    first, *lines = section_text("/my/env.yml", clashes, refused=refused).splitlines()
    start = "conda-pipsafe refuses this command" if refused else "conda-pipsafe: a clash"
    over = "conda runs `pip install -U`, which will put its own over conda's"
    assert first == f"{start}: the pip section of /my/env.yml asks pip for what conda brings too"
    assert lines == [
        f"  alpha>=2: {over} alpha 1.0",
        f"  alpha>=1  # newer: {over} alpha 1.0 if it finds a newer one",
        f"  zeta: {over} zeta if it finds a newer one",
        f"  zeta @ git+https://x.test/zeta: {over} zeta 2.0 if it is another version",
        "  to keep conda's: take these lines out of the pip section, or pin conda's version there",
        "  to take pip's: take the packages out of the file's conda part",
    ]
    assert "  … and 1 more" in section_text("f", clashes[:1] * 11).splitlines()
    assert "more" not in section_text("f", clashes[:1] * 10)


def offer(key: str, package: str, channel: str = "conda-forge", *, named: bool = True) -> Offer:
    return Offer(key, key.title(), package, "1.0", channel, f"{package}==1.0", "purl", named)


def test_what_conda_has_too() -> None:
    torch, numpy, idna = offer("torch", "pytorch"), offer("numpy", "numpy", "here"), offer("idna", "idna", named=False)
    assert offer_lines([], {}) == []
    assert offer_lines([torch], {}) == ["Torch 1.0 is on conda-forge: `--conda-first` takes it from there"]
    assert offer_lines([torch, numpy, idna], {}) == [
        "Torch 1.0 and 2 more are on conda-forge and here: `--conda-first` takes them from there"
    ]
    assert offer_lines([], {"six": "here"}) == [
        "here has a package named six: `--conda-first` looks into it"
    ]  # fmt: skip
    assert offer_lines([], {"six": "here", "idna": "conda-forge"}) == [
        "here and conda-forge have packages named six and idna: `--conda-first` looks into them"
    ]


def test_what_conda_is_asked_for() -> None:
    (nothing,) = taken_lines([])
    assert nothing == "No channel has anything of this in a version that satisfies: all of it comes from pip."
    assert taken_lines([offer("torch", "pytorch"), offer("idna", "idna", named=False)]) == [
        "From conda-forge, with conda:",
        "  pytorch  1.0  is Torch",
        "  idna     1.0  comes with the others",
    ]
    assert taken_lines([offer("numpy", "numpy")])[1] == "  numpy  1.0"


class TestUninstall:
    @pytest.fixture
    def planned(self, prefix: PrefixFactory) -> Removal:
        """pip's tool, which has files of a conda package's."""
        shared = {f"{SITE}/tool/{name}.py": "same" for name in "abcdef"}
        prefix.record("tools", "2.0", shared)
        prefix.pip_dist("tool", files={path.removeprefix(f"{SITE}/"): "same" for path in shared})
        prefix.pip_dist("other")
        return plan_removal(look(prefix), ["tool", "other"], keep_shared=False, override_frozen=False)

    def outcome(self, removal: Removal, **more: Any) -> list[str]:  # noqa: ANN401 - fields
        ended = RemovalOutcome(0, False, removal.before, (), (), (), Reconciled((), open_ledger("/nowhere"), None))
        return outcome_lines(removal, replace(ended, **more))

    def test_refused(self, planned: Removal) -> None:
        first, why, *paths, more, to_keep, keep, to_go, conda = refused_lines(planned.refused, every_path=False)
        assert first == "conda-pipsafe: refused, nothing was changed:"
        assert why == "  pip would delete 6 of the files of conda's tools 2.0 together with tool 1.0"
        assert paths == [f"      {SITE}/tool/{name}.py" for name in "abcde"]
        assert more == "      and 1 more path (-v shows them)"
        assert (to_keep, to_go) == ("    - To have these files stay:", "    - To have conda's package go:")
        assert keep == f"        conda pipsafe uninstall -p {planned.before.prefix} --keep-shared tool"
        assert conda == f"        conda remove -p {planned.before.prefix} tools"
        every = refused_lines(planned.refused, every_path=True)
        assert every == [first, why, *paths, f"      {SITE}/tool/f.py", to_keep, keep, to_go, conda]

    def test_how_it_ended(self, planned: Removal) -> None:
        assert self.outcome(planned) == [
            "Checked on disk and recorded: 2 distributions gone, every file of conda's is there."
        ]
        unsaved = Reconciled((), open_ledger("/nowhere"), None, unsaved="the disk is full")
        one = replace(planned, items=planned.items[:1])
        assert self.outcome(one, recorded=unsaved) == ["Checked on disk: tool gone, every file of conda's is there."]
        assert self.outcome(planned, interrupted=True) == ["pipsafe: interrupted; what is there now is recorded"]
        left = planned.items[0].dists
        assert self.outcome(planned, left=left, code=2) == [
            f"pipsafe: pip did not remove tool 1.0 ({INFO}) (exit code 2)"
        ]
        record = planned.before.record_named("tools")
        lost, altered = self.outcome(planned, lost=(f"{SITE}/tool/a.py",), altered=(record,))
        assert lost == f"pipsafe: conda's {SITE}/tool/a.py went along"
        assert altered.startswith("conda's tools still has files that were written over; conda's own come back with: ")
        assert altered.endswith(f" conda install -p {planned.before.prefix} --force-reinstall tools=2.0=h0_0")
