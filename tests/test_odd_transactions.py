"""Transactions that names and equal paths do not tell: links over folders, link scripts, purls, moved Pythons."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PackageFile, PackageSpec
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conftest import MakeEnv
from support.driving import Driven, Driver
from support.random_world import make_checkout
from support.running import pip, run

MODE = "CONDA_PLUGINS_PIPSAFE_MODE"
WARNS = "conda-pipsafe: this transaction will harm 1 package"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Packages that conda carries out in ways of their own."""
    made = Channel(tmp_path_factory.mktemp("odd"))
    append = 'echo "# by a script" >> "$PREFIX"/lib/python*/site-packages/tool/__init__.py\n'
    made.add_all([
        PackageSpec("dirlink", "1.0", noarch="generic", files={
            "share/real/y.txt": b"conda's\n", "share/common": PackageFile(link_to="real")}),
        PackageSpec("poster", "1.0", noarch="generic", files={
            "bin/.poster-post-link.sh": PackageFile(append.encode(), executable=True)}),
        PackageSpec("cquux", "2.0", noarch="generic", depends=["python"], files={"share/cquux": b""},
                    extra_index={"purls": ["pkg:pypi/quux-dist@2.0"]}),
        PackageSpec("tool", "1.0", files={"lib/libtool-c.so": b""}),
        PackageSpec("namesake", "1.0", noarch="python", depends=["python"],
                    files={"site-packages/namesake_c.py": b""}),
        PackageSpec("foldery", "1.0", noarch="generic", files={"share/common/x.txt/y.txt": b"conda's\n"}),
        PackageSpec("filey", "1.0", noarch="generic", files={"share/common": b"conda's\n"}),
        PackageSpec("filey", "2.0", noarch="generic", files={"share/filey": b"conda's\n"}),
        PackageSpec("trunk", "1.0", noarch="python", depends=["python"],
                    files={"site-packages/tool/__init__.py": b"X = 1\n"}),
        PackageSpec("vendors", "1.0", noarch="python", depends=["python"], files={
            "site-packages/vendors/__init__.py": b"",
            "site-packages/vendors/_vendor/tool-2.0.dist-info/METADATA": b"Name: tool\nVersion: 2.0\n"}),
        PackageSpec("through", "1.0", noarch="generic", files={"alias/common/x.txt": b"conda's\n"}),
        PackageSpec("broken", "1.0", noarch="python", depends=["python"], files={
            "site-packages/tool/__init__.py": b"X = 1 1\n"}),
        PackageSpec("broken", "2.0", noarch="python", depends=["python"], files={
            "site-packages/tool/__init__.py": b"X = 1 1\n", "site-packages/tool/big.py": b"# much\n" * 20000}),
        PackageSpec("scripted", "1.0", noarch="python", depends=["python"], entry_points=["saw = scripted:main"],
                    files={"site-packages/scripted.py": b""}),
    ])  # fmt: skip
    return made


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd-wheels")
    tool = WheelSpec("tool", "0.5", {"tool/__init__.py": "X = 1\n", "tool/big.py": ""},
                     data={"share/common/x.txt": "pip's\n"})  # fmt: skip
    for spec in (
        tool,
        WheelSpec("Quux.Dist", "1.0", {"quux.py": ""}),
        WheelSpec("namesake", "0.1", {"namesake.py": ""}),
        WheelSpec("wood", "0.1", {"wood.py": ""}, console_scripts=["axe = wood:main", "saw = wood:main"]),
    ):
        write_wheel(spec, folder)
    return folder


def install(prefix: Path, wheels: Path, *names: str) -> None:
    pip(prefix, "install", "--no-index", "--find-links", wheels, *names).ok()


def conda(driver: Driver, prefix: Path, odd: Channel, channel: Channel, *words: str, **env: str) -> Driven:
    return driver.run("install", "-y", "-p", prefix, "-c", odd.url, "-c", channel.url, *words, env=env)


def test_a_link_in_the_place_of_a_folder(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    conda(driver, prefix, odd, channel, "dirlink", "--download-only").ok()
    refused = conda(driver, prefix, odd, channel, "dirlink", **{MODE: "block"})
    assert refused.returncode == 1
    assert (prefix / "share/common/x.txt").read_text() == "pip's\n"
    done = conda(driver, prefix, odd, channel, "dirlink").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what `conda install`")
    cause = "conda's dirlink 1.0, put where a folder of theirs is, will delete 1 file (share/common/x.txt)"
    assert f"tool 0.5: {cause}" in before
    assert (prefix / "share/common").is_symlink()
    assert not (prefix / "share/common/x.txt").exists()
    assert "conda deleted 1 file (share/common/x.txt)" in after
    assert "please report it" not in after


def test_a_link_script_that_writes_into_pip_s_files(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    """No list of paths tells it before; the look afterwards does."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    done = conda(driver, prefix, odd, channel, "poster").ok()
    assert "this transaction will harm" not in done.stderr
    assert "tool 0.5 (installed by pip): a script of a package's, or somebody else, overwrote 1 file" in done.stderr
    assert "not foreseen" in done.stderr


def test_names_that_only_the_channel_knows(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "Quux.Dist", "tool")
    told = conda(driver, prefix, odd, channel, "cquux", "--dry-run").ok().stderr
    assert WARNS.replace("will", "may") in told
    assert "Quux.Dist 1.0: conda's cquux 2.0 likely brings it too (not downloaded yet" in told
    # Nothing is changed by a download.
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "cquux", "--download-only").ok().stderr
    # A library that needs no Python is no distribution.
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "tool", "--dry-run").ok().stderr


def test_a_dry_run_that_cannot_know_says_so(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, tmp_path: Path
) -> None:
    """Names and paths differ: trunk has pip's tool in it, and no name tells."""
    prefix = make_env("python", "pip")
    cold = {"CONDA_PKGS_DIRS": str(tmp_path / "cold")}
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "trunk", "--dry-run", **cold).ok().stderr
    install(prefix, wheels, "tool")
    told = conda(driver, prefix, odd, channel, "trunk", "--dry-run", **cold).ok().stderr
    assert "conda-pipsafe: names only: by their names nothing that pip installed is harmed; trunk is not" in told
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "tool", "--dry-run", **cold).ok().stderr
    ignored = {**cold, "CONDA_PLUGINS_PIPSAFE_IGNORE": str(prefix)}
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "trunk", "--dry-run", **ignored).ok().stderr
    done = conda(driver, prefix, odd, channel, "trunk", **cold).ok()
    assert "names only" not in done.stderr, "what tells exactly follows"
    assert WARNS in done.stderr


def test_what_a_package_vendors_is_none_of_its_distributions(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    """setuptools has the dist-infos of 16 others below `setuptools/_vendor`."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "vendors").ok().stderr
    assert "conda-pipsafe" not in conda(driver, prefix, odd, channel, "vendors", "--force-reinstall").ok().stderr


def test_an_alarm_of_a_name_is_taken_back(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "namesake")
    # Before 25.5 there is no last look: a name has to do.
    mode = {MODE: "block"} if driver.conda.version() >= (25, 5) else {}
    done = conda(driver, prefix, odd, channel, "namesake", **mode).ok()
    assert WARNS.replace("will", "may") in done.stderr
    assert "namesake 0.1: conda's namesake 1.0 comes under the same name (not downloaded yet" in done.stderr
    assert "namesake 0.1: not harmed: no path of it is met" in done.stderr
    assert "conda-pipsafe: what" not in done.stderr


def test_a_package_that_both_have_moves_with_python(
    driver: Driver, make_env: MakeEnv, wheelhouse: Path, second_python: str
) -> None:
    prefix = make_env("python={}.{}".format(*sys.version_info), "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    told = driver.run("install", "--dry-run", "-y", "-p", prefix, f"python={second_python}").ok().stderr
    assert "alpha 2.0: " in told
    assert "it stays behind in" in told
    assert "second dist-info" not in told, "conda's goes to the other folder"
    assert "afterwards, install again" not in told, "conda's alpha comes for the new Python"


def test_a_folder_with_two_names(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    """Through a link to a folder conda writes into the folder, whatever its package calls it."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    (prefix / "alias").symlink_to("share")
    conda(driver, prefix, odd, channel, "through", "--download-only").ok()
    before, _, after = conda(driver, prefix, odd, channel, "through").ok().stderr.partition("conda-pipsafe: what")
    assert "tool 0.5: conda's through 1.0 will overwrite 1 file (share/common/x.txt)" in before
    assert (prefix / "share/common/x.txt").read_text() == "conda's\n"
    assert "please report it" not in after


def test_a_folder_in_the_place_of_a_file(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    conda(driver, prefix, odd, channel, "foldery", "--download-only").ok()
    before, _, after = conda(driver, prefix, odd, channel, "foldery").ok().stderr.partition("conda-pipsafe: what")
    assert "tool 0.5: conda's foldery 1.0 will overwrite 1 file (share/common/x.txt)" in before
    assert "overwrote 1 file (share/common/x.txt)" in after
    assert "please report it" not in after


@pytest.mark.parametrize("link", [True, False])
def test_a_folder_where_a_record_has_something_else(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, link: bool
) -> None:
    """conda takes away the path, and does not look what is in it now."""
    name = "dirlink" if link else "filey=1.0"
    prefix = make_env("python", "pip", name, channels=[odd, channel])
    if not link:
        (prefix / "share/common").unlink()
    install(prefix, wheels, "tool")
    if link:
        again = conda(driver, prefix, odd, channel, "--force-reinstall", "dirlink").ok()
        assert "conda-pipsafe" not in again.stderr, "the link comes again, and what is behind it stays"
        done = driver.run("remove", "-y", "-p", prefix, "dirlink").ok()
    else:
        done = conda(driver, prefix, odd, channel, "filey=2.0").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what")
    going = "dirlink" if link else "filey"
    assert f"tool 0.5: taking away conda's {going} 1.0 will delete 1 file (share/common/x.txt)" in before
    assert not (prefix / "share/common/x.txt").exists()
    assert "conda deleted 1 file (share/common/x.txt)" in after
    assert "please report it" not in after


@pytest.mark.parametrize("how", ["copy", "link"])
def test_the_same_file_copied(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, how: str
) -> None:
    """A hard link of the very file stays when it is linked again, and is another file when conda copies it."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    conda(driver, prefix, odd, channel, "trunk").ok()
    copy = ["--copy"] if how == "copy" else []
    done = conda(driver, prefix, odd, channel, "--force-reinstall", *copy, "trunk").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what")
    assert ("tool/__init__.py" in before) == ("tool/__init__.py" in after) == (how == "copy")
    assert "please report it" not in after


def test_a_checkout_whose_module_another_name_brings(driver: Driver, make_env: MakeEnv, tmp_path: Path) -> None:
    """conda's py-delta has no dist-info and pip's delta-python is a checkout: no name and no path of theirs meets."""
    prefix = make_env("python", "pip")
    checkout = make_checkout(tmp_path / "checkout", "delta")
    for file in ("backend.py", "pyproject.toml"):
        text = (checkout / file).read_text()
        renamed = text.replace('name = "delta"', 'name = "delta-python"').replace(
            "NAME, VERSION = 'delta'", "NAME, VERSION = 'delta_python'"
        )
        (checkout / file).write_text(renamed)
    pip(prefix, "install", "--no-build-isolation", "--no-deps", "-e", checkout).ok()
    assert "conda-pipsafe" not in driver.run("install", "-y", "-p", prefix, "gamma").ok().stderr
    driver.run("install", "-y", "--download-only", "-p", prefix, "py-delta").ok()
    before, _, after = (
        driver.run("install", "-y", "-p", prefix, "py-delta").ok().stderr.partition("conda-pipsafe: what")
    )
    assert "conda's py-delta 1.0 will be imported instead of this editable checkout (import delta)" in before
    assert "its checkout is no longer imported: `import delta` finds conda's py-delta 1.0" in after
    there = run(prefix / "bin/python", "-c", "import delta; print(delta.__file__)").ok().stdout
    assert "site-packages" in there, "as was said"
    driver.run("remove", "-y", "-p", prefix, "--force", "py-delta").ok()  # the way out that was named
    there = run(prefix / "bin/python", "-c", "import delta; print(delta.__file__)").ok().stdout
    assert str(checkout) in there


def test_what_conda_uninstalls_itself(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """With `prefix_data_interoperability` conda takes pip's package away, whole, before it links its own."""
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    driver.run("install", "-y", "--download-only", "-p", prefix, "alpha=3.0").ok()
    driver.configure(prefix_data_interoperability=True)
    done = driver.run("install", "-y", "-p", prefix, "alpha=3.0").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what")
    assert "pip replaced alpha-1.0-py_0; `conda install` erases conda's record of it. A copy is kept." in before
    assert "conda's alpha 3.0 will overwrite 6 files" in before
    assert "taking away pip's alpha 2.0 will delete 9 files" in before
    assert "second dist-info" not in before
    assert "conda's is whole; to have pip's again:" in after
    assert "please report it" not in after
    assert len(list(prefix.glob("lib/python3*/site-packages/alpha-*.dist-info"))) == 1


def test_another_package_of_the_same_name_version_and_build(
    driver: Driver, make_env: MakeEnv, channel: Channel, wheels: Path, tmp_path: Path
) -> None:
    """One that was built anew: what lies in the cache tells nothing of the paths of the new one."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    old, new = (Channel(tmp_path / folder / "mine") for folder in ("old", "new"))
    old.add_all([PackageSpec("again", "1.0", noarch="generic", files={"share/again.txt": b""})])
    new.add_all([PackageSpec("again", "1.0", noarch="generic", files={"share/common/x.txt": b"conda's\n"})])
    conda(driver, prefix, old, channel, "again", "--download-only").ok()
    dry = conda(driver, prefix, new, channel, "again", "--dry-run").ok()
    assert not dry.forecast(prefix)["exact"]
    done = conda(driver, prefix, new, channel, "again").ok()
    assert done.forecast(prefix)["paths"] == ["share/common/x.txt"]
    assert "tool 0.5: conda's again 1.0 will overwrite 1 file (share/common/x.txt)" in done.stderr
    assert "please report it" not in done.stderr


def test_what_stays_of_conda_s_own_dist_info(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """pip's REQUESTED, of the same version, survives that conda put its own over it: the update leaves it behind."""
    prefix = make_env("python", "pip", "alpha=1.0", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    assert "conda-pipsafe" not in driver.run("install", "-y", "-p", prefix, "alpha=2.0").ok().stderr
    pip(prefix, "install", "--find-links", wheelhouse, "--no-deps", "--force-reinstall", "alpha==2.0").ok()
    driver.run("install", "-y", "-p", prefix, "--force-reinstall", "alpha=2.0").ok()
    before, _, after = (
        driver.run("install", "-y", "-p", prefix, "alpha=3.0").ok().stderr.partition("conda-pipsafe: what")
    )
    assert "alpha 2.0: of its dist-info REQUESTED will be left, which pip takes for an installed alpha" in before
    left = next(prefix.glob("lib/python3*/site-packages/alpha-2.0.dist-info"))
    assert [path.name for path in left.iterdir()] == ["REQUESTED"]
    assert f"rm -r {left}" in before
    assert "alpha 2.0: of its dist-info 1 file (" in after
    assert "two dist-infos" not in after


INIT = "tool/__pycache__/__init__.cpython"


@pytest.mark.parametrize(
    ("package", "foreseen"),
    [("broken=1.0", False), ("broken=2.0", True), ("trunk", True)],
    ids=["small", "big", "sound"],
)
def test_a_module_that_does_not_compile(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, package: str, foreseen: bool
) -> None:
    """conda goes on without its bytecode; in a large package that is found out by the look afterwards."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    (compiled,) = prefix.glob(f"lib/python3*/site-packages/{INIT}*")
    was = compiled.stat().st_ino
    conda(driver, prefix, odd, channel, package, "--download-only").ok()
    done = conda(driver, prefix, odd, channel, package).ok()
    assert any(INIT in path for path in done.forecast(prefix)["paths"]) == foreseen
    assert (compiled.stat().st_ino == was) == package.startswith("broken")
    assert "conda-pipsafe: what" in done.stderr
    assert "please report it" not in done.stderr


def test_bytecode_that_goes_elsewhere(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, tmp_path: Path
) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheels, "tool")
    done = conda(driver, prefix, odd, channel, "trunk", PYTHONPYCACHEPREFIX=str(tmp_path / "elsewhere")).ok()
    (path,) = done.forecast(prefix)["paths"]
    assert path.endswith("tool/__init__.py")
    assert "please report it" not in done.stderr


@pytest.mark.parametrize("outside", [False, True])
def test_a_script_through_a_link(
    driver: Driver, make_env: MakeEnv, odd: Channel, channel: Channel, wheels: Path, outside: bool
) -> None:
    """conda opens the script that it makes for writing, and does not look whether it is a link."""
    prefix = make_env("python", "pip")
    install(prefix, wheels, "wood")
    target = prefix.parent / "saw" if outside else prefix / "bin/axe"
    (prefix / "bin/saw").unlink()
    (prefix / "bin/saw").symlink_to(target)
    conda(driver, prefix, odd, channel, "scripted", "--download-only").ok()
    before, _, after = conda(driver, prefix, odd, channel, "scripted").ok().stderr.partition("conda-pipsafe: what")
    assert "from scripted import main" in target.read_text()
    assert (prefix / "bin/saw").is_symlink()
    if outside:
        assert not before + after
        return
    assert "wood 0.1: conda's scripted 1.0 will overwrite 1 file (bin/axe)" in before
    assert "the command `axe` will be that of conda's scripted 1.0 (scripted:main)" in before
    assert "overwrote 1 file (bin/axe)" in after
    assert "please report it" not in after


def left_behind(prefix: Path) -> list[str]:
    return [path.name for path in prefix.glob("lib/python3*/site-packages/alpha-1.0.dist-info/*")]


def over_conda_s(prefix: Path, wheelhouse: Path) -> None:
    """The same version by pip, over conda's."""
    pip(prefix, "install", "--find-links", wheelhouse, "--no-deps", "--force-reinstall", "alpha==1.0").ok()


def test_what_pip_leaves_where_it_has_nothing_any_more(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """No package is pip's here, and yet: with its mark left behind pip takes the removed package for installed."""
    prefix = make_env("python", "pip", "alpha=1.0")
    over_conda_s(prefix, wheelhouse)
    driver.run("install", "-y", "-p", prefix, "--force-reinstall", "alpha=1.0").ok()
    assert "0 pip distributions" in driver.run("pipsafe", "audit", "-p", prefix).ok().stdout
    assert "conda-pipsafe" not in driver.run("install", "-y", "-p", prefix, "gamma").ok().stderr
    before, _, after = driver.run("remove", "-y", "-p", prefix, "alpha").ok().stderr.partition("conda-pipsafe: what")
    assert "alpha 1.0: of its dist-info REQUESTED will be left, which pip takes for an installed alpha" in before
    assert "alpha 1.0: of its dist-info 1 file (" in after
    assert left_behind(prefix) == ["REQUESTED"]
    again = ["install", "--find-links", str(wheelhouse), "alpha==1.0"]
    assert "already satisfied" in pip(prefix, *again).ok().stdout, "as was said"
    _, _, command = after.partition("to put it right:  ")
    run(*shlex.split(command.splitlines()[0])).ok()
    assert "already satisfied" not in pip(prefix, *again).ok().stdout


def test_what_was_never_pip_s_leaves_nothing(driver: Driver, make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    assert "conda-pipsafe" not in driver.run("remove", "-y", "-p", prefix, "alpha").ok().stderr
    assert not left_behind(prefix)


@pytest.mark.parametrize("downloaded", [True, False])
def test_what_stays_of_what_both_have(driver: Driver, make_env: MakeEnv, wheelhouse: Path, downloaded: bool) -> None:
    """The commands that are named work in their order: with the leftover there pip uninstalls nothing of the name."""
    prefix = make_env("python", "pip", "alpha=1.0")
    over_conda_s(prefix, wheelhouse)
    if downloaded:
        driver.run("install", "-y", "--download-only", "-p", prefix, "alpha=2.0").ok()
    done = driver.run("install", "-y", "-p", prefix, "alpha=2.0").ok()
    before, _, after = done.stderr.partition("conda-pipsafe: what")
    assert before.count("alpha 1.0: of its dist-info REQUESTED will be left") == 1
    assert left_behind(prefix) == ["REQUESTED"]
    commands = [line.partition(":  ")[2] for line in after.splitlines() if ":  " in line][:3]
    assert [command.partition(" ")[0].rpartition("/")[2] for command in commands] == ["rm", "python", "conda"]
    for command in commands[:2]:
        run(*shlex.split(command)).ok()
    assert not list(prefix.glob("lib/python3*/site-packages/alpha-*"))


def test_the_same_dist_info_again_is_no_leftover(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    over_conda_s(prefix, wheelhouse)
    done = driver.run("install", "-y", "-p", prefix, "--force-reinstall", "alpha=1.0").ok()
    assert "alpha 1.0" in done.stderr
    assert "will be left" not in done.stderr
