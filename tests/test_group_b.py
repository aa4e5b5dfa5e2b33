"""conda changes what pip owns: each way that is known, on real conda.

Every test shows three things: the warning before, by name and path; the finding after, from conda's own output and from
`audit`; and that the same command says nothing where it does no harm.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.channel import Channel
from conftest import MakeEnv
from support.driving import Driven, Driver
from support.random_world import make_checkout
from support.running import pip, run

NEWS = "conda-pipsafe: this transaction will harm 1 package that pip installed in "


def install(prefix: Path, wheelhouse: Path, *words: str | Path) -> None:
    pip(prefix, "install", "--find-links", wheelhouse, *words).ok()


def codes(prefix: Path) -> list[tuple[str, str]]:
    gathered = gather(str(prefix))
    assert gathered.problems == ()
    return [(finding.code, finding.subject) for finding in engine.audit(gathered.context).findings]


def silent(done: Driven) -> None:
    done.ok()
    assert "conda-pipsafe" not in done.stdout + done.stderr


def parts(done: Driven) -> tuple[str, str]:
    """What was said before and what after; each once."""
    before, mark, after = done.ok().stderr.partition("conda-pipsafe: what `conda ")
    assert mark, done.stderr
    assert before.count("conda-pipsafe: ") == 1, before
    assert "conda-pipsafe: " not in after, after
    return before, after


@pytest.fixture
def fetched(driver: Driver, make_env: MakeEnv) -> None:
    """All versions of alpha in conda's package cache: then the forecast has paths, not names."""
    for version in ("1.0", "2.0", "3.0"):
        prefix = make_env("python", name=f"fetch-{version}")
        driver.run("install", "-y", "--download-only", "-p", prefix, f"alpha={version}").ok()


@pytest.mark.usefixtures("fetched")
@pytest.mark.damage("PS201")
def test_conda_overwrites_pip(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "alpha==2.0")
    silent(driver.run("install", "-y", "-p", prefix, "gamma"))
    assert codes(prefix) == []
    done = driver.run("install", "-y", "-p", prefix, "alpha=1.0")
    before, after = parts(done)
    assert f"{NEWS}{prefix}" in before
    assert "alpha 2.0: conda's alpha 1.0 will overwrite 6 files (bin/alpha-cli, " in before
    assert "will put a second dist-info beside pip's" in before
    assert f"{prefix}/bin/python -m pip uninstall alpha" in before
    assert "alpha 2.0 (installed by pip): conda's alpha=1.0=py_0 overwrote 6 files (bin/alpha-cli, " in after
    assert codes(prefix) == [("PS201", "alpha")]
    assert "share/alpha/data.txt" in done.forecast(prefix)["paths"]
    assert not any("only_2_0" in path for path in done.forecast(prefix)["paths"])


@pytest.mark.usefixtures("fetched")
def test_conda_update_merges_over_pip(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", "gamma")
    install(prefix, wheelhouse, "alpha==2.0")
    silent(driver.run("install", "-y", "-p", prefix, "--force-reinstall", "gamma"))
    before, after = parts(driver.run("update", "-y", "-p", prefix, "alpha"))
    assert "conda's alpha 3.0 will overwrite 6 files" in before
    assert "conda's alpha=3.0=py_0 overwrote 6 files" in after
    assert ("PS201", "alpha") in codes(prefix)


@pytest.mark.damage("PS202")
def test_conda_remove_deletes_pip_files(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", "gamma")
    install(prefix, wheelhouse, "alpha==2.0")
    silent(driver.run("remove", "-y", "-p", prefix, "gamma"))
    done = driver.run("remove", "-y", "-p", prefix, "alpha")
    before, after = parts(done)
    assert "alpha 2.0: taking away conda's alpha 1.0 will delete 4 files (bin/alpha-cli, " in before
    assert "alpha 2.0 (installed by pip): conda deleted 4 files" in after
    assert f'{prefix}/bin/python -m pip install --force-reinstall --no-deps "alpha==2.0"' in after
    assert codes(prefix) == [("PS202", "alpha")]
    install(prefix, wheelhouse, "--force-reinstall", "--no-deps", "alpha==2.0")  # the way back that was named
    assert codes(prefix) == []


def test_conda_removes_what_pip_needs(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=2.0", "gamma")
    install(prefix, wheelhouse, "piponly")
    silent(driver.run("remove", "-y", "-p", prefix, "gamma"))
    before, after = parts(driver.run("remove", "-y", "-p", prefix, "alpha"))
    assert "piponly 1.0: will no longer have what it needs: alpha>=1 (nothing will be there)" in before
    assert "piponly 1.0: no longer has what it needs: alpha>=1" in after
    assert codes(prefix) == [("PS210", "piponly")]


@pytest.mark.damage("PS210")
def test_conda_downgrades_what_pip_needs(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=2.0")
    install(prefix, wheelhouse, "beta2")
    silent(driver.run("install", "-y", "-p", prefix, "alpha=3.0"))
    before, after = parts(driver.run("install", "-y", "-p", prefix, "alpha=1.0"))
    assert "beta2 1.0: will no longer have what it needs: alpha>=2 (1.0 will be there)" in before
    assert "beta2 1.0: no longer has what it needs: alpha>=2" in after
    assert codes(prefix) == [("PS210", "beta2")]


@pytest.mark.usefixtures("fetched")
def test_conda_does_not_see_what_pip_provides(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "alpha==2.0")
    before, after = parts(driver.run("install", "-y", "-p", prefix, "beta"))
    assert "alpha 2.0: conda's alpha 3.0 will overwrite 6 files" in before
    assert "conda's alpha=3.0=py_0 overwrote 6 files" in after
    assert codes(prefix) == [("PS201", "alpha")]


@pytest.mark.damage("PS203")
@pytest.mark.twin("PS203")
def test_editable_shadowed(driver: Driver, make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    prefix = make_env("python", "pip")
    checkout = make_checkout(tmp_path / "checkout", "alpha")
    install(prefix, wheelhouse, "--no-build-isolation", "--no-deps", "-e", checkout)
    silent(driver.run("install", "-y", "-p", prefix, "gamma"))
    before, after = parts(driver.run("install", "-y", "-p", prefix, "beta"))
    assert "alpha 9.0: conda's alpha 3.0" in before
    assert "alpha: two dist-infos lie side by side, 3.0 and 9.0" in after
    assert codes(prefix) == [("PS203", "alpha")]
    there = run(prefix / "bin/python", "-c", "import alpha; print(alpha.__file__)").ok().stdout
    assert "site-packages" in there, "conda's is imported, as was said"


@pytest.mark.damage("PS204")
def test_other_name_same_files(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """No name says that gamma-core and gamma are the same: only the paths do, once they are known."""
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "gamma-core", "delta-python")
    silent(driver.run("install", "-y", "-p", prefix, "alpha=1.0"))
    before, after = parts(driver.run("install", "-y", "-p", prefix, "gamma"))
    module = "site-packages/gamma/__init__.py"
    assert "gamma-core 1.0: conda's gamma 1.0 will overwrite 2 files (" in before
    assert module in before
    assert "gamma-core 1.0 (installed by pip): conda's gamma=1.0=py_0 overwrote 2 files" in after
    assert [code for code, _ in codes(prefix)] == ["PS204"]


@pytest.mark.usefixtures("fetched")
@pytest.mark.damage("PS201")
def test_revision_rollback(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """No solver runs, so no solver hook: the last look is the only one."""
    prefix = make_env("python", "pip", "alpha=1.0")
    driver.run("install", "-y", "-p", prefix, "alpha=3.0").ok()
    driver.run("install", "-y", "-p", prefix, "gamma").ok()
    install(prefix, wheelhouse, "alpha==2.0")
    silent(driver.run("install", "-y", "-p", prefix, "--revision", "1"))
    before, after = parts(driver.run("install", "-y", "-p", prefix, "--revision", "0"))
    assert "alpha 2.0: conda's alpha 1.0 will overwrite 6 files" in before
    assert "conda's alpha=1.0=py_0 overwrote 6 files" in after
    assert codes(prefix) == [("PS201", "alpha")]


def test_explicit_file(driver: Driver, make_env: MakeEnv, wheelhouse: Path, channel: Channel) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "alpha==2.0")
    silent(driver.run("install", "-y", "-p", prefix, channel.root / "noarch" / "gamma-1.0-py_0.conda"))
    archive = channel.root / "noarch" / "alpha-1.0-py_0.conda"
    before, after = parts(driver.run("install", "-y", "-p", prefix, archive))
    assert "alpha 2.0: conda's alpha 1.0 will overwrite 6 files" in before
    assert "conda's alpha=1.0=py_0 overwrote 6 files" in after


def test_remove_pip_removes_python(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "gamma")
    install(prefix, wheelhouse, "piponly", "alpha==2.0")
    silent(driver.run("remove", "-y", "-p", prefix, "gamma"))
    done = driver.run("remove", "-y", "-p", prefix, "python", "pip")
    before, after = parts(done)
    assert "will harm 2 packages that pip installed" in before
    assert "stays behind in lib/python" in before
    assert "2 packages stay behind in lib/python" in after
    # Without a Python nothing can be installed; the same Python imports them again.
    for told in (before, after):
        assert f"conda install -p {prefix} python=3." in told
        assert "pipsafe install" not in told
    assert len(done.forecast(prefix)["orphaned"]) == 2


def test_remove_all_names_what_goes_and_is_never_refused(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    bare = make_env("python", "pip", name="bare")
    silent(driver.run("remove", "-y", "-p", bare, "--all"))
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "alpha==2.0", "zeta")
    for word in ("prompt", "block"):
        done = driver.run("remove", "-y", "-p", prefix, "--all", "--dry-run", env={"CONDA_PLUGINS_PIPSAFE_MODE": word})
        assert f"the environment {prefix} will be deleted, with 2 packages" in done.stderr
    done = driver.run("remove", "-y", "-p", prefix, "--all", env={"CONDA_PLUGINS_PIPSAFE_MODE": "block"}).ok()
    assert done.stderr.count("conda-pipsafe: ") == 1
    assert "alpha 2.0, zeta" in done.stderr
    assert not (prefix / "conda-meta").exists()


def test_an_environment_in_the_place_of_another(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    """`create` and `rename --yes` delete what is there; `env create` does not even ask (since 26.7)."""
    asked = () if driver.conda.version() >= (26, 7) else ("--yes",)
    prefix, other = make_env("python", "pip"), make_env("python", name="other")
    silent(driver.run("create", "-y", "-p", other, "gamma"))
    install(prefix, wheelhouse, "alpha==2.0")
    file = prefix.parent / "environment.yml"
    file.write_text("dependencies:\n- gamma\n", "utf-8")
    commands = [
        ("create", "-y", "-p", prefix, "gamma"),
        ("env", "create", "-p", prefix, "--file", file, *asked),
        ("rename", "-y" if driver.conda.version() > (24, 1) else "--force", "-p", other, prefix),
    ]
    for command in commands:
        refused = driver.run(*command, env={"CONDA_PLUGINS_PIPSAFE_MODE": "block"})
        assert refused.returncode == 1
        assert f"refuses this command: the environment {prefix} will be deleted, with 1 package" in refused.stderr
    if asked:  # without --yes conda refuses, or (25.5) installs into what is there
        assert "will be deleted" not in driver.run(*commands[1][:-1]).stderr
    refused = driver.run("rename", "-p", other, prefix)
    assert refused.returncode == 1
    assert "conda-pipsafe" not in refused.stderr, "conda itself refuses it without --yes"
    assert (prefix / "conda-meta").exists()
    done = driver.run(*commands[1]).ok()
    assert done.stderr.count("conda-pipsafe: ") == 1
    assert "alpha 2.0" in done.stderr
    silent(driver.run(*commands[0]))


def test_remove_all_that_keeps_the_folder(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "alpha==2.0")
    before, after = parts(driver.run("remove", "-y", "-p", prefix, "--all", "--keep-env"))
    assert "alpha 2.0: Python" in before
    assert "stays behind in lib/python" in before
    assert "1 package stays behind in lib/python" in after


class TestEnvironmentFile:
    """`conda env update` and `env create`, whose `pip:` section is `pip install -U`."""

    @pytest.fixture
    def offline(self, wheelhouse: Path) -> dict[str, str]:
        return {"PIP_FIND_LINKS": str(wheelhouse), "PIP_NO_INDEX": "1"}

    @staticmethod
    def write(tmp_path: Path, conda: list[str], pip: list[str]) -> Path:
        file = tmp_path / "environment.yml"
        dependencies: list[object] = ["python", "pip", *conda]
        # JSON is YAML.
        file.write_text(json.dumps({"dependencies": [*dependencies, *([{"pip": pip}] if pip else [])]}))
        return file

    def test_update_forces_U(  # noqa: N802 - pip's option
        self, driver: Driver, make_env: MakeEnv, tmp_path: Path, offline: dict[str, str]
    ) -> None:
        prefix = make_env("python", "pip", "alpha=1.0")
        file = self.write(tmp_path, ["alpha=1.0"], ["zeta", "alpha==1.0"])
        silent(driver.run("env", "update", "-p", prefix, "-f", file, env=offline))
        assert codes(prefix) == []
        file = self.write(tmp_path, ["alpha=1.0"], ["zeta", "alpha"])
        before, after = parts(driver.run("env", "update", "-p", prefix, "-f", file, env=offline))
        assert f"the pip section of {file} asks pip for what conda brings too" in before
        over = "which will put its own over conda's alpha 1.0 if it finds a newer one\n"
        assert f"  alpha: conda runs `pip install -U`, {over}" in before
        assert "zeta" not in before
        assert "alpha 3.0: pip put it in the place of conda's alpha 1.0" in after
        assert codes(prefix) == [("PS101", "alpha")]

    def test_update_of_a_package_that_the_file_does_not_ask_conda_for(
        self, driver: Driver, make_env: MakeEnv, tmp_path: Path, offline: dict[str, str]
    ) -> None:
        prefix = make_env("python", "pip", "alpha=1.0")
        file = self.write(tmp_path, [], ["Alpha>=2"])
        before, _ = parts(driver.run("env", "update", "-p", prefix, "-f", file, env=offline))
        assert "Alpha>=2: conda runs `pip install -U`, which will put its own over conda's alpha 1.0\n" in before

    def test_the_guard_keeps_conda_s(
        self, driver: Driver, make_env: MakeEnv, tmp_path: Path, offline: dict[str, str]
    ) -> None:
        prefix = make_env("python", "pip", "alpha=1.0")
        driver.run("pipsafe", "guard", "on", "-p", prefix).ok()
        # pip is held to what is there: nothing is replaced by the first, the second ends with pip's own words.
        file = self.write(tmp_path, [], ["zeta", "alpha"])
        silent(driver.run("env", "update", "-p", prefix, "-f", file, env=offline))
        file = self.write(tmp_path, [], ["alpha>=2"])
        done = driver.run("env", "update", "-p", prefix, "-f", file, env=offline)
        assert done.returncode == 1
        assert "will put its own over" not in done.stdout + done.stderr
        assert codes(prefix) == []
        # The pins follow what conda brings in the same command.
        file = self.write(tmp_path, ["alpha=2.0"], ["alpha>=3"])
        done = driver.run("env", "update", "-p", prefix, "-f", file, env=offline)
        print(done.stdout, done.stderr)
        assert done.returncode == 1
        assert codes(prefix) == []

    def test_create(self, driver: Driver, tmp_path: Path, offline: dict[str, str]) -> None:
        clean, mixed = tmp_path / "clean", tmp_path / "mixed"
        file = self.write(tmp_path, ["gamma"], ["alpha==2.0"])
        silent(driver.run("env", "create", "-y", "-p", clean, "-f", file, env=offline))
        file = self.write(tmp_path, ["alpha=1.0"], ["alpha"])
        before, after = parts(driver.run("env", "create", "-y", "-p", mixed, "-f", file, env=offline))
        assert "alpha: conda runs `pip install -U`" in before
        assert "alpha 3.0: pip put it in the place of conda's alpha 1.0" in after
        assert codes(mixed) == [("PS101", "alpha")]

    def test_what_comes_because_something_else_needs_it(
        self, driver: Driver, tmp_path: Path, offline: dict[str, str], wheelhouse: Path
    ) -> None:
        """beta needs alpha: that is known when the solver is done. `-r FILE` and a wheel count as lines do."""
        (wheel,) = wheelhouse.glob("alpha-2.0-*.whl")
        (tmp_path / "more.txt").write_text("alpha==2.0\n")
        for line, shown in ((str(wheel), str(wheel)), ("-r more.txt", "alpha==2.0 (in more.txt)")):
            file = self.write(tmp_path, ["beta=1.0", "alpha<2"], [line])
            command = ("env", "create", "-y", "-p", tmp_path / "new", "-f", file)
            planned = driver.run("pipsafe", "plan", "--json", "--", *command, env=offline)
            assert (planned.returncode, planned.json()["pip_section"][0]["requirement"]) == (3, shown)
            refused = driver.run(*command, env={**offline, "CONDA_PLUGINS_PIPSAFE_MODE": "block"})
            assert refused.returncode == 1
            assert f"  {shown}: conda runs `pip install -U`, which will put its own over conda's alpha 1.0\n" in (
                refused.stderr
            )
            assert not (tmp_path / "new").exists()
        # What pip leaves alone: the very version, by a wheel or by a constraint.
        (wheel,) = wheelhouse.glob("alpha-1.0-*.whl")
        (tmp_path / "limits.txt").write_text("alpha==1.0\n")
        file = self.write(tmp_path, ["beta=1.0", "alpha<2"], [str(wheel), "-c limits.txt"])
        silent(driver.run("env", "create", "-y", "-p", tmp_path / "wheel", "-f", file, env=offline))
        assert codes(tmp_path / "wheel") == []
        file = self.write(tmp_path, ["beta=1.0", "alpha<2"], ["alpha", "-c limits.txt"])
        silent(driver.run("env", "create", "-y", "-p", tmp_path / "limits", "-f", file, env=offline))
        assert codes(tmp_path / "limits") == []

    def test_names_that_differ(self, driver: Driver, tmp_path: Path, offline: dict[str, str]) -> None:
        """conda's iota-conda is iota-dist."""
        file = self.write(tmp_path, ["iota-conda"], ["iota_dist>=9", "iota-conda"])
        planned = driver.run(
            "pipsafe", "plan", "--json", "--download", "--", "env", "create", "-p", tmp_path / "new", "-f", file,
            env=offline,
        )  # fmt: skip
        (found,) = planned.json()["pip_section"]
        assert (found["requirement"], found["replaces"]["name"]) == ("iota_dist>=9", "iota-conda")

    def test_block_refuses_before_anything_is_made(
        self, driver: Driver, tmp_path: Path, offline: dict[str, str]
    ) -> None:
        driver.configure(plugins={"pipsafe_mode": "block"})
        file = self.write(tmp_path, ["alpha=1.0"], ["alpha"])
        done = driver.run("env", "create", "-y", "-p", tmp_path / "new", "-f", file, env=offline)
        assert done.returncode == 1
        assert "conda-pipsafe refuses this command: the pip section of" in done.stderr
        assert not (tmp_path / "new").exists()

    def test_prune(self, driver: Driver, make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
        prefix = make_env("python", "pip", "alpha=2.0", "gamma")
        install(prefix, wheelhouse, "piponly")
        file = self.write(tmp_path, ["alpha"], [])
        silent(driver.run("env", "update", "-p", prefix, "--prune", "-f", file))
        file = self.write(tmp_path, [], [])
        before, after = parts(driver.run("env", "update", "-p", prefix, "--prune", "-f", file))
        assert "piponly 1.0: will no longer have what it needs: alpha>=1 (nothing will be there)" in before
        assert "piponly 1.0: no longer has what it needs: alpha>=1" in after
        assert codes(prefix) == [("PS210", "piponly")]

    def test_prune_of_what_the_pip_section_asks_for(
        self, driver: Driver, make_env: MakeEnv, tmp_path: Path, offline: dict[str, str]
    ) -> None:
        """What goes before pip runs is not replaced by it; what stays is."""
        prefix = make_env("python", "pip", "alpha=1.0", "gamma")
        file = self.write(tmp_path, ["gamma"], ["alpha"])
        command = ("env", "update", "-p", prefix, "--prune", "-f", file)
        planned = driver.run("pipsafe", "plan", "--json", "--", *command, env=offline)
        assert (planned.returncode, planned.json()["pip_section"]) == (0, [])
        silent(driver.run(*command, env={**offline, "CONDA_PLUGINS_PIPSAFE_MODE": "block"}))
        assert codes(prefix) == []
        file = self.write(tmp_path, ["beta=1.0", "gamma"], ["beta==2.0"])
        planned = driver.run("pipsafe", "plan", "--json", "--", *command, env=offline)
        assert (planned.returncode, len(planned.json()["pip_section"])) == (3, 1)
        refused = driver.run(*command, env={**offline, "CONDA_PLUGINS_PIPSAFE_MODE": "block"})
        assert refused.returncode == 1
        assert "beta==2.0: conda runs `pip install -U`, which will put its own over conda's beta" in refused.stderr

    def test_create_whose_pip_fails(self, driver: Driver, tmp_path: Path, offline: dict[str, str]) -> None:
        """conda leaves half an environment; we say nothing false of it, and the next command is as any other."""
        prefix = tmp_path / "half"
        file = self.write(tmp_path, ["alpha=1.0"], ["no-such-thing"])
        done = driver.run("env", "create", "-y", "-p", prefix, "-f", file, env=offline)
        assert done.returncode == 1
        assert "conda-pipsafe" not in done.stderr
        assert codes(prefix) == []
        silent(driver.run("install", "-y", "-p", prefix, "gamma"))


def test_two_hundred_packages_of_pip_and_none_touched(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    install(prefix, wheelhouse, "piponly")
    site = next(prefix.glob("lib/python*/site-packages"))
    for number in range(200):
        info = site / f"many{number}-1.0.dist-info"
        info.mkdir()
        (site / f"many{number}.py").write_text("")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: many{number}\nVersion: 1.0\n")
        (info / "INSTALLER").write_text("pip\n")
        (info / "RECORD").write_text(f"many{number}.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    silent(driver.run("install", "-y", "-p", prefix, "gamma"))
    silent(driver.run("remove", "-y", "-p", prefix, "gamma"))
