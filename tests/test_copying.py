"""Clone and rename: conda copies what it does not own and links its own packages anew."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageFile, PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.forecast.copying import forecast_copy, replaced_packages
from conda_pipsafe.forecast.transaction import LinkedPackage
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.driving import Driver
from support.prefixes import SITE, PrefixFactory
from support.running import pip, run
from support.trees import tree


@pytest.fixture
def damaged(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 in place of conda's 1.0."""
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


@pytest.fixture
def sound(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0 beside conda's gamma."""
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


def copy_words(how: str, source: Path, copy: Path) -> list[str | Path]:
    return ["create", "-y", "-p", copy, "--clone", source] if how == "clone" else ["rename", "-p", source, copy]


def codes(prefix: Path) -> list[tuple[str, str]]:
    return [(finding.code, finding.subject) for finding in engine.audit(gather(str(prefix)).context).findings]


@pytest.mark.parametrize("how", ["clone", "rename"])
@pytest.mark.damage("PS201")
def test_a_damaged_environment(driver: Driver, damaged: Path, how: str) -> None:
    copy = damaged.parent / "copy"
    done = driver.run(*copy_words(how, damaged, copy)).ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what `conda ")
    assert f"the copy of {damaged} will not be as it is" in before
    assert "alpha 2.0 (installed by pip) becomes conda's 1.0 again, and pip's dist-info stays beside it" in before
    assert before.count("conda-pipsafe: ") == 1, "the transaction in the copy shows the same, and is not told again"
    assert "alpha 2.0 (installed by pip): conda's alpha=1.0=py_0 overwrote" in after
    assert codes(copy) == [("PS201", "alpha")]
    there = run(copy / "bin/python", "-c", "import alpha; print(alpha.__version__)").ok().stdout
    assert there.strip() == "1.0", "as was said"


@pytest.mark.parametrize("how", ["clone", "rename"])
@pytest.mark.twin("PS201")
def test_a_sound_environment(driver: Driver, sound: Path, how: str) -> None:
    copy = sound.parent / "copy"
    done = driver.run(*copy_words(how, sound, copy)).ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr
    assert codes(copy) == []
    there = run(copy / "bin/python", "-c", "import alpha; print(alpha.__version__)").ok().stdout
    assert there.strip() == "2.0"


@pytest.mark.parametrize("how", ["clone", "rename"])
def test_block(driver: Driver, damaged: Path, how: str) -> None:
    driver.configure(plugins={"pipsafe_mode": "block"})
    was = tree(damaged)
    copy = damaged.parent / "copy"
    done = driver.run(*copy_words(how, damaged, copy))
    assert done.returncode == 1
    assert f"the copy of {damaged} will not be as it is" in done.stderr
    assert not copy.exists()
    assert tree(damaged) == was


@pytest.mark.parametrize("how", ["clone", "rename"])
def test_other_names_over_conda_s_files(driver: Driver, make_env: MakeEnv, wheelhouse: Path, how: str) -> None:
    """pip's gamma-core has the files of conda's gamma: only the paths tell that the copy has conda's again."""
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "gamma-core").ok()
    copy = prefix.parent / "copy"
    words = copy_words(how, prefix, copy)
    mode = "CONDA_PLUGINS_PIPSAFE_MODE"
    refused = driver.run(*words, env={mode: "block"})
    assert refused.returncode == 1
    assert "gamma-core 1.0 (installed by pip): conda's gamma 1.0 takes back" in refused.stderr
    assert not copy.exists()
    passed = driver.run("create", "-y", "-p", prefix.parent / "passed", "--clone", prefix,
                        env={mode: "block", "CONDA_PLUGINS_PIPSAFE_IGNORE": str(prefix)})  # fmt: skip
    assert "conda-pipsafe" not in passed.ok().stderr
    before, mark, after = driver.run(*words).ok().stderr.partition("conda-pipsafe: what `conda ")
    assert mark
    assert before.count("conda-pipsafe: ") == 1
    assert "gamma-core 1.0 (installed by pip): conda's gamma=1.0=py_0 overwrote" in after
    assert "please report it" not in after


NOT_COPIED = ["LICENSE.txt", "bin/activate", "info/about.txt", "share/tool/table.txt~", "users/one.txt"]
COPIED = ["README", "share/LICENSE.txt", "share/bin/activate", "share/info/about.txt", "share/tool/table.txt"]


@pytest.mark.parametrize("how", ["clone", "rename"])
@pytest.mark.parametrize("paths", [NOT_COPIED, COPIED])
def test_names_that_conda_does_not_copy(
    driver: Driver, make_env: MakeEnv, tmp_path: Path, how: str, paths: list[str]
) -> None:
    prefix = make_env("python", "pip")
    wheel = write_wheel(WheelSpec("tool", "0.5", {"tool.py": ""}, data=dict.fromkeys(paths, "pip's\n")), tmp_path)
    pip(prefix, "install", wheel).ok()
    copy = prefix.parent / "copy"
    words = copy_words(how, prefix, copy)
    if paths is COPIED:
        assert "conda-pipsafe" not in driver.run(*words).ok().stderr
        assert all((copy / path).exists() for path in paths)
        return
    refused = driver.run(*words, env={"CONDA_PLUGINS_PIPSAFE_MODE": "block"})
    assert refused.returncode == 1
    assert not copy.exists()
    before, mark, after = driver.run(*words).ok().stderr.partition("conda-pipsafe: what `conda ")
    assert mark
    assert f"the copy of {prefix} will not be as it is: conda does not copy every file" in before
    assert "  tool 0.5 (installed by pip): the copy will lack 5 files (LICENSE.txt, bin/activate, info/" in before
    assert "  tool 0.5 (installed by pip): the copy lacks 5 files (LICENSE.txt, bin/activate, info/" in after
    assert "please report it" not in after
    assert not any((copy / path).exists() for path in paths)
    _, _, again = before.partition("afterwards, in the copy:  python ")
    run(copy / "bin/python", *shlex.split(again.splitlines()[0])).ok()
    assert all((copy / path).exists() for path in paths)


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Packages of which one has a file where the other has a folder; and one with a link to a folder."""
    made = Channel(tmp_path_factory.mktemp("stacked"))
    made.add_all([
        PackageSpec("a-file", "1.0", noarch="generic", files={"share/common": b"conda's\n"}),
        PackageSpec("z-folder", "1.0", noarch="generic", depends=["a-file"], files={
            "share/common/z.txt": b"conda's\n", "share/single/z.txt": b"conda's\n"}),
        PackageSpec("linker", "1.0", noarch="generic", files={
            "share/real/y.txt": b"conda's\n", "share/alias": PackageFile(link_to="real")}),
    ])  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("package", "files"),
    [
        ("z-folder", ["share/common/deep/x.txt", "share/common/x.txt", "share/single"]),
        ("linker", ["share/alias/x.txt"]),
    ],
)
def test_folders_that_conda_links_over(
    driver: Driver,
    make_env: MakeEnv,
    channel: Channel,
    stacked: Channel,
    tmp_path: Path,
    package: str,
    files: list[str],
) -> None:
    """What is copied first is gone again when a package puts a file where its folder is, or a folder in its place."""
    prefix = make_env("python", "pip")
    driver.run("install", "-y", "-p", prefix, "-c", stacked.url, "-c", channel.url, package).ok()
    if package == "z-folder":
        shutil.rmtree(prefix / "share/single")
    wheel = write_wheel(WheelSpec("tool", "0.5", {"tool.py": ""}, data=dict.fromkeys(files, "pip's\n")), tmp_path)
    pip(prefix, "install", wheel).ok()
    copy = prefix.parent / "copy"
    before, mark, after = (
        driver.run("create", "-y", "-p", copy, "--clone", prefix).ok().stderr.partition("conda-pipsafe: what `conda ")
    )
    if package == "linker":
        assert not before
        assert (copy / "share/alias/x.txt").read_text() == "pip's\n"
        return
    assert mark
    assert f"the copy will lack 3 files ({', '.join(files)}); conda's a-file 1.0, conda's z-folder 1.0 comes" in before
    assert before.count("conda-pipsafe: ") == 1
    assert "tool 0.5 (installed by pip): conda overwrote 1 file (share/single); the copy lacks 2 files (" in after
    assert "please report it" not in after


@pytest.mark.parametrize("pip_s", ["conda first\n", "conda last\n"])
def test_a_path_of_two_conda_packages(driver: Driver, make_env: MakeEnv, tmp_path: Path, pip_s: str) -> None:
    """The copy has the file of the package that conda links last; which that is, conda's order tells."""
    both = Channel(tmp_path / "both")
    both.add_all([
        PackageSpec(name, "1.0", noarch="generic", files={"share/common/x.txt": f"conda {place}\n".encode()})
        for name, place in (("a-one", "first"), ("b-two", "last"))
    ])  # fmt: skip
    prefix = make_env("python", "pip")
    driver.run("install", "-y", "-p", prefix, "-c", both.url, "a-one", "b-two").ok()
    wheel = write_wheel(WheelSpec("tool", "0.5", {"tool.py": ""}, data={"share/common/x.txt": pip_s}), tmp_path)
    pip(prefix, "install", wheel).ok()
    copy = prefix.parent / "copy"
    done = driver.run("create", "-y", "-p", copy, "--clone", prefix).ok()
    assert (copy / "share/common/x.txt").read_text() == "conda last\n"
    said = "tool 0.5 (installed by pip): conda's b-two 1.0 takes back 1 file (share/common/x.txt)"
    assert (said in done.stderr) == (pip_s == "conda first\n")
    assert ("conda-pipsafe" in done.stderr) == (pip_s == "conda first\n")


@pytest.mark.parametrize("same", [True, False])
def test_a_path_that_a_package_has_and_its_record_does_not(tmp_path: Path, same: bool) -> None:
    """py-rattler's records leave out what another package has; conda links it in the copy all the same."""
    prefix = PrefixFactory(tmp_path / "env")
    prefix.conda_dist("first")
    prefix.conda_dist("last")
    info = prefix.pip_dist("tool", files={"shared.txt": "here\n"})
    path = info.relative_to(prefix.root).parent / "shared.txt"
    source = tmp_path / "pkgs" / "last-1.0-0" / "shared.txt"
    source.parent.mkdir(parents=True)
    source.write_text("here\n" if same else "of conda\n", encoding="utf-8")
    last = LinkedPackage("last", "1.0", "0", "", frozenset({str(path)}), {}, sources={str(path): str(source)})
    first = LinkedPackage("first", "1.0", "0", "", None, {})
    snapshot = read_snapshot(str(prefix.root))
    assert forecast_copy(snapshot, "copy", (first, last)).paths == (frozenset() if same else {str(path)})
    assert not forecast_copy(snapshot, "copy")


SHARED = f"{SITE}/shared.py"


class TestWhatACopyLoses:
    """Of pip's files those that lie where conda links its own, and are other ones: on prefixes written by hand."""

    @pytest.fixture
    def prefix(self, tmp_path: Path) -> PrefixFactory:
        return PrefixFactory(tmp_path / "env")

    def lost(self, prefix: PrefixFactory, *order: str, **more: Any) -> frozenset[str]:  # noqa: ANN401 - a package's fields
        packages = [LinkedPackage(name, "1.0", "0", "", None, {}, **more) for name in order]
        return forecast_copy(read_snapshot(str(prefix.root)), "copy", packages).paths

    @pytest.mark.parametrize(("here", "lost"), [("pip's", {SHARED}), ("conda's", set())])
    def test_by_the_hash_of_a_record(self, prefix: PrefixFactory, here: str, lost: set[str]) -> None:
        prefix.record("owner", files={SHARED: "conda's"})
        prefix.pip_dist("tool", files={"shared.py": here})
        assert self.lost(prefix) == lost

    def test_what_is_not_there_cannot_be_lost(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"shared.py": "pip's"})
        prefix.record("owner", files={SHARED: "conda's"})
        (prefix.root / SHARED).unlink()
        assert self.lost(prefix) == frozenset()

    def test_a_link_to_nothing_in_its_place_is_not_conda_s_file(self, prefix: PrefixFactory) -> None:
        prefix.pip_dist("tool", files={"shared.py": "pip's"})
        prefix.record("owner", files={SHARED: "conda's"})
        (prefix.root / SHARED).unlink()
        (prefix.root / SHARED).symlink_to("nowhere")
        assert self.lost(prefix) == {SHARED}

    def test_of_two_packages_all_that_nobody_knows_the_order_of(self, prefix: PrefixFactory) -> None:
        prefix.record("one", files={SHARED: "first"})
        prefix.record("two", files={SHARED: "last"})
        prefix.pip_dist("tool", files={"shared.py": "first"})
        assert self.lost(prefix) == self.lost(prefix, "one") == frozenset()
        assert self.lost(prefix, "one", "two") == {SHARED}
        assert self.lost(prefix, "two", "one", "of-no-record") == frozenset()
        prefix.write(SHARED, "pip's")
        assert self.lost(prefix) == {SHARED}

    @pytest.mark.parametrize(("source", "lost"), [("pip's", True), ("conda's", False)])
    def test_bytecode_goes_as_its_module_does(self, prefix: PrefixFactory, source: str, lost: bool) -> None:
        compiled = f"{SITE}/__pycache__/shared.cpython-312.pyc"
        prefix.record("owner", files={SHARED: "conda's", compiled: "then"})
        prefix.pip_dist("tool", files={"shared.py": source, "__pycache__/shared.cpython-312.pyc": "now"})
        assert self.lost(prefix) == ({SHARED, compiled} if lost else set())

    def test_bytecode_of_a_module_with_a_dot_in_its_name(self, prefix: PrefixFactory) -> None:
        compiled = f"{SITE}/__pycache__/one.two.cpython-312.pyc"
        prefix.record("owner", files={f"{SITE}/one.two.py": "conda's", compiled: "then"})
        prefix.pip_dist("tool", files={"one.two.py": "pip's", "__pycache__/one.two.cpython-312.pyc": "now"})
        assert self.lost(prefix) == {f"{SITE}/one.two.py", compiled}

    def test_bytecode_beside_a_module_of_conda_s(self, prefix: PrefixFactory) -> None:
        """Python 2's: conda takes it for what comes of itself."""
        prefix.record("owner", files={SHARED: "conda's"})
        prefix.pip_dist("tool", files={"shared.pyc": "pip's", "other.pyc": "pip's"})
        assert self.lost(prefix) == {f"{SHARED}c"}

    def test_bytecode_of_a_module_that_is_pip_s_alone(self, prefix: PrefixFactory) -> None:
        compiled = f"{SITE}/__pycache__/shared.cpython-312.pyc"
        prefix.record("owner", files={compiled: "then"})
        prefix.pip_dist("tool", files={"shared.py": "", "__pycache__/shared.cpython-312.pyc": "now"})
        assert self.lost(prefix) == frozenset()

    @pytest.mark.parametrize("link", [True, False])
    def test_a_link_of_conda_s(self, prefix: PrefixFactory, link: bool) -> None:
        path = {"_path": SHARED, "path_type": "softlink", "sha256": "of what it leads to"}
        prefix.record("owner", files={SHARED: ""}, paths_data={"paths": [path]})
        prefix.pip_dist("tool", files={"shared.py": "pip's"})
        if link:
            (prefix.root / SHARED).unlink()
            (prefix.root / SHARED).symlink_to("other.py")
        assert self.lost(prefix) == (set() if link else {SHARED})

    @pytest.mark.parametrize(("here", "lost"), [("conda's", set()), ("pip's", {SHARED})])
    def test_a_record_without_hashes(self, prefix: PrefixFactory, tmp_path: Path, here: str, lost: set[str]) -> None:
        """As conda writes it with `safety_checks: disabled`: the package tells what it links."""
        prefix.record("owner", files={SHARED: ""}, paths_data={"paths": []})
        prefix.pip_dist("tool", files={"shared.py": here})
        source = tmp_path / "pkgs/owner-1.0-0/shared.py"
        source.parent.mkdir(parents=True)
        source.write_text("conda's")
        assert self.lost(prefix, "owner", sources={SHARED: str(source)}) == lost

    def scripted(self, prefix: PrefixFactory, text: str, *owners: str, recorded: str | None = None) -> None:
        """A console script of pip's where conda makes one: it notes no hash of those."""
        path = {"_path": "bin/run", "path_type": "unix_python_entry_point"}
        for owner in owners:
            prefix.record(owner, files={"bin/run": ""}, paths_data={"paths": [path]})
        prefix.pip_dist("tool", files={"../../../bin/run": text if recorded is None else recorded})
        prefix.write("bin/run", text)

    def test_a_script_that_pip_wrote_last(self, prefix: PrefixFactory) -> None:
        self.scripted(prefix, "from pip.s import main\n", "owner")
        assert self.lost(prefix, "owner") == {"bin/run"}

    @pytest.mark.parametrize(
        ("function", "lost"), [("its.mod:main", False), ("its.mod:main.call", False), ("other:main", True), ("", False)]
    )
    def test_a_script_that_conda_wrote_last(self, prefix: PrefixFactory, function: str, lost: bool) -> None:
        """It may be that of another package of conda's than the one which makes it in the copy."""
        self.scripted(prefix, "#!/x\r\nfrom its.mod import main\r\n", "owner", recorded="pip's")
        scripts = {"bin/run": function} if function else {}
        assert self.lost(prefix, "owner", scripts=scripts) == ({"bin/run"} if lost else set())

    def test_a_script_whose_maker_nobody_knows(self, prefix: PrefixFactory) -> None:
        self.scripted(prefix, "from its.mod import main\n", "owner", "second", recorded="pip's")
        assert self.lost(prefix, "owner", scripts={"bin/run": "other:main"}) == frozenset()

    def test_a_script_of_which_a_dead_link_is_left(self, prefix: PrefixFactory) -> None:
        self.scripted(prefix, "", "owner", recorded="pip's")
        (prefix.root / "bin/run").unlink()
        (prefix.root / "bin/run").symlink_to("nowhere")
        assert self.lost(prefix, "owner", scripts={"bin/run": "other:main"}) == frozenset()

    @pytest.mark.parametrize(("here", "lost"), [("pip's", True), ("changed", False)])
    def test_a_path_that_only_the_package_has_and_whose_source_is_not_known(
        self, prefix: PrefixFactory, here: str, lost: bool
    ) -> None:
        prefix.record("owner")
        prefix.pip_dist("tool", files={"shared.py": "pip's"})
        prefix.write(SHARED, here)
        package = LinkedPackage("owner", "1.0", "0", "", frozenset({SHARED}), {})
        found = forecast_copy(read_snapshot(str(prefix.root)), "copy", (package,))
        assert found.paths == ({SHARED} if lost else set())


def test_what_a_package_vendors_is_no_distribution_of_its_own(tmp_path: Path) -> None:
    """`pip install -U setuptools`, beside pip's own packaging: conda's setuptools brings one in its `_vendor`."""
    make = PrefixFactory(tmp_path / "env")
    vendored = f"{SITE}/setuptools/_vendor/packaging-24.1.dist-info/METADATA"
    make.record("setuptools", "74.1", {f"{SITE}/setuptools-74.1.dist-info/METADATA": "", vendored: ""})
    for path in (f"{SITE}/setuptools-74.1.dist-info/METADATA", vendored):
        (make.root / path).unlink()
    (make.root / f"{SITE}/setuptools-74.1.dist-info").rmdir()
    make.pip_dist("setuptools", "84.2")
    make.pip_dist("packaging", "26.4")
    replaced = replaced_packages(read_snapshot(str(make.root)))
    assert [(each.record.name, each.dist.name) for each in replaced] == [("setuptools", "setuptools")]
