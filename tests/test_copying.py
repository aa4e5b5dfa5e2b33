"""Clone and rename: conda copies what it does not own and links its own packages anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.forecast.copying import forecast_copy
from conda_pipsafe.forecast.transaction import LinkedPackage
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.driving import Driver
from support.prefixes import PrefixFactory
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
