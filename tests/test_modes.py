"""The four modes on real conda: warn, prompt, block, off."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from conda_pipsafe.demo.channel import Channel
from conftest import MakeEnv
from support.driving import Driver
from support.running import Conda, pip
from support.trees import tree

QUESTION = "conda-pipsafe: go on all the same? (y/[n])"
NEWS = "conda-pipsafe: this transaction will harm"
BLOCK = "conda-pipsafe: this transaction"  # will harm; may, where the package is not downloaded yet
MODE = "CONDA_PLUGINS_PIPSAFE_MODE"


@pytest.fixture
def over_pip(make_env: MakeEnv, wheelhouse: Path) -> Path:
    """pip's alpha 2.0, in an environment without conda's."""
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    return prefix


def talk(conda: Conda, *words: str | Path, answers: dict[str, str]) -> tuple[int, str]:
    """Run conda in a terminal of its own, and type an answer when its question is there.

    Returns:
        The exit code, and all that the terminal showed.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(conda.executable), *map(str, words)],
        env={**conda.environment, MODE: "prompt", "PIPSAFE_DEBUG": "1", "TERM": "dumb"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown, left, deadline = "", dict(answers), time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not data:
                break
            shown += data.decode(errors="replace")
        for question in [question for question in left if question in shown]:
            os.write(ours, left.pop(question).encode() + b"\n")
    code = process.wait(timeout=30)
    os.close(ours)
    return code, shown


class TestPrompt:
    def test_no_stops_before_conda_asks(self, conda: Conda, over_pip: Path) -> None:
        was = tree(over_pip)
        code, shown = talk(conda, "install", "-p", over_pip, "alpha=1.0", answers={QUESTION: "n"})
        assert BLOCK in shown
        assert "stopped at your word; nothing was changed" in shown
        assert "Proceed ([y]/n)?" not in shown
        assert code == 1
        assert tree(over_pip) == was

    def test_yes_goes_on_to_conda_s_own_question(self, conda: Conda, over_pip: Path) -> None:
        answers = {QUESTION: "y", "Proceed ([y]/n)?": "y"}
        code, shown = talk(conda, "install", "-p", over_pip, "alpha=1.0", answers=answers)
        assert code == 0, shown
        assert shown.index(BLOCK) < shown.index(QUESTION) < shown.index("Proceed ([y]/n)?")
        assert shown.count(QUESTION) == shown.count(BLOCK) == 1
        assert any((over_pip / "conda-meta").glob("alpha-1.0-*.json"))

    def test_nothing_is_asked_where_nothing_is_harmed(self, conda: Conda, over_pip: Path) -> None:
        code, shown = talk(conda, "remove", "-p", over_pip, "gamma", answers={"Proceed ([y]/n)?": "y"})
        assert code == 0, shown
        assert "conda-pipsafe" not in shown

    def test_what_is_known_too_late_stops_the_first_run_and_is_asked_in_the_second(
        self, conda: Conda, make_env: MakeEnv, wheelhouse: Path
    ) -> None:
        """gamma-core and gamma share paths and no name: before the download nobody knows."""
        prefix = make_env("python", "pip")
        pip(prefix, "install", "--find-links", wheelhouse, "gamma-core").ok()
        own = conda.work / "own-pkgs"
        fresh = Conda(conda.executable, conda.work, {**conda.environment, "CONDA_PKGS_DIRS": str(own)})
        was = tree(prefix)
        code, shown = talk(fresh, "install", "-p", prefix, "gamma", answers={"Proceed ([y]/n)?": "y"})
        if conda.version() < (25, 5):  # no last look, as docs/hooks.md says: it is told afterwards
            assert code == 0
            assert NEWS not in shown
            assert "conda-pipsafe: what `conda install` did" in shown
            return
        assert code == 1
        assert NEWS in shown
        assert "run the command again" in shown
        assert QUESTION not in shown
        assert tree(prefix) == was
        code, shown = talk(fresh, "install", "-p", prefix, "gamma", answers={QUESTION: "y", "Proceed ([y]/n)?": "y"})
        assert code == 0, shown
        assert shown.index(QUESTION) < shown.index("Proceed ([y]/n)?")

    def test_asked_first_where_no_solver_runs(self, conda: Conda, make_env: MakeEnv, wheelhouse: Path) -> None:
        prefix = make_env("python", "pip", "alpha=1.0")
        conda.run("install", "-y", "-p", prefix, "alpha=3.0").ok()
        pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
        was = tree(prefix)
        code, shown = talk(conda, "install", "-p", prefix, "--revision", "0", answers={QUESTION: "n"})
        assert code == 1, shown
        assert BLOCK in shown
        assert "Proceed ([y]/n)?" not in shown
        assert tree(prefix) == was
        answers = {QUESTION: "y", "Proceed ([y]/n)?": "y"}
        code, shown = talk(conda, "install", "-p", prefix, "--revision", "0", answers=answers)
        assert code == 0, shown
        assert shown.index(QUESTION) < shown.index("Proceed ([y]/n)?")
        assert shown.count(BLOCK) == 1

    def test_a_copy_is_asked_about_though_conda_asks_nothing(
        self, conda: Conda, make_env: MakeEnv, wheelhouse: Path
    ) -> None:
        prefix = make_env("python", "pip", "alpha=1.0")
        pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
        copy = prefix.parent / "copy"
        code, shown = talk(conda, "create", "-p", copy, "--clone", prefix, answers={QUESTION: "n"})
        assert code == 1, shown
        assert "the copy of" in shown
        assert not copy.exists()

    def test_yes_given_beforehand_is_not_asked_for(self, conda: Conda, over_pip: Path) -> None:
        code, shown = talk(conda, "install", "-y", "-p", over_pip, "alpha=1.0", answers={})
        assert code == 0, shown
        assert BLOCK in shown
        assert QUESTION not in shown

    @pytest.mark.parametrize("option", ["--json", "--dry-run"])
    def test_without_a_terminal_nobody_is_asked(self, driver: Driver, over_pip: Path, option: str) -> None:
        done = driver.run("install", "-y", option, "-p", over_pip, "alpha=1.0", env={MODE: "prompt"}).ok()
        assert BLOCK in done.stderr
        assert QUESTION not in done.stdout + done.stderr


class TestBlock:
    @pytest.mark.parametrize("disabled", [False, True])
    @pytest.mark.parametrize("cached", [False, True])
    def test_the_prefix_stays_untouched(self, driver: Driver, over_pip: Path, disabled: bool, cached: bool) -> None:
        if cached:
            driver.run("install", "-y", "--download-only", "-p", over_pip, "alpha=1.0").ok()
        driver.configure(**({"safety_checks": "disabled"} if disabled else {}))
        was = tree(over_pip)
        done = driver.run("install", "-y", "--json", "-p", over_pip, "alpha=1.0", env={MODE: "block"})
        assert done.returncode == 1
        answer = done.json()
        assert "refuses this transaction: it would harm 1 package that pip installed" in answer["message"]
        assert "alpha 2.0: conda's alpha 1.0" in answer["message"]
        assert answer["exception_name"] == "PipsafeBlockedError"
        assert tree(over_pip) == was

    @pytest.mark.parametrize("disabled", [False, True])
    def test_where_no_solver_ran(self, driver: Driver, over_pip: Path, channel: Channel, disabled: bool) -> None:
        """Only the last look sees an explicit file."""
        driver.configure(**({"safety_checks": "disabled"} if disabled else {}))
        was = tree(over_pip)
        archive = channel.root / "noarch" / "alpha-1.0-py_0.conda"
        done = driver.run("install", "-y", "--json", "-p", over_pip, archive, env={MODE: "block"})
        assert done.returncode == 1
        assert "alpha 2.0: conda's alpha 1.0 will overwrite 6 files" in done.json()["message"]
        assert "ClobberError" not in done.stdout
        assert tree(over_pip) == was
        assert driver.run("install", "-y", "-p", over_pip, "beta", env={MODE: "warn"}).returncode == 0

    def test_a_name_alone_is_refused_when_it_is_downloaded(
        self, driver: Driver, over_pip: Path, tmp_path: Path
    ) -> None:
        cold = {MODE: "block", "CONDA_PKGS_DIRS": str(tmp_path / "cold")}
        dry = driver.run("install", "-y", "--dry-run", "-p", over_pip, "alpha=1.0", env=cold)
        assert dry.returncode == 1
        assert "conda-pipsafe refuses this transaction: it may harm 1 package that pip installed" in dry.stderr
        was = tree(over_pip)
        done = driver.run("install", "-y", "--json", "-p", over_pip, "alpha=1.0", env=cold)
        assert done.returncode == 1
        if driver.conda.version() >= (25, 5):
            assert f"{BLOCK} may harm 1 package" in done.stderr
            assert "the command is refused once that is downloaded" in done.stderr
            assert "it would harm 1 package" in done.json()["message"]
            assert "alpha 2.0: conda's alpha 1.0 will overwrite 6 files" in done.json()["message"]
            # An older conda shows no transaction: there it is begun before the solver is done.
            assert not (over_pip / "conda-meta/pipsafe/pending.json").exists(), "nothing was begun"
        assert "ClobberError" not in done.stdout + done.stderr
        assert tree(over_pip) == was

    def test_dry_run(self, driver: Driver, over_pip: Path) -> None:
        done = driver.run("install", "-y", "--dry-run", "--json", "-p", over_pip, "alpha=1.0", env={MODE: "block"})
        assert done.returncode == 1
        assert "alpha 2.0" in done.json()["message"]

    def test_what_does_no_harm_goes_through(self, driver: Driver, over_pip: Path) -> None:
        driver.configure(plugins={"pipsafe_mode": "block"})
        done = driver.run("remove", "-y", "-p", over_pip, "gamma").ok()
        assert "conda-pipsafe" not in done.stdout + done.stderr

    def test_new_prefix(self, driver: Driver, tmp_path: Path) -> None:
        new = tmp_path / "new"
        done = driver.run("create", "-y", "-p", new, "python", "pip", "alpha=1.0", env={MODE: "block"}).ok()
        assert "conda-pipsafe" not in done.stdout + done.stderr
        assert (new / "conda-meta" / "history").exists()


class TestOff:
    @pytest.mark.parametrize("how", ["file", "yaml", "environment"])
    def test_no_hook_does_anything(self, driver: Driver, over_pip: Path, how: str) -> None:
        if how != "environment":
            # YAML 1.1 reads a bare `off` as false.
            driver.configure(plugins={"pipsafe_mode": "off" if how == "file" else False})
        variables = {MODE: "off"} if how == "environment" else {}
        done = driver.run("install", "-y", "-p", over_pip, "alpha=1.0", env=variables).ok()
        assert "conda-pipsafe" not in done.stdout + done.stderr
        assert not (over_pip / "conda-meta" / "pipsafe").exists()
        assert not [
            name for name in done.facts["loaded"] if ".forecast" in name or ".ledger" in name or ".prefix" in name
        ]

    def test_a_command_that_is_none_of_ours_loads_the_table_only(self, driver: Driver) -> None:
        done = driver.run("info").ok()
        loaded = set(done.facts["loaded"])
        assert "conda_pipsafe.plugin" in loaded
        assert not [name for name in loaded if ".ledger" in name or ".prefix" in name or ".render" in name]


def test_an_unknown_word_is_a_clear_message(driver: Driver, over_pip: Path) -> None:
    for variables in ({MODE: "loud"}, {}):
        if not variables:
            driver.configure(plugins={"pipsafe_mode": "loud"})
        done = driver.run("install", "-y", "-p", over_pip, "alpha=1.0", env=variables)
        assert done.ok().stderr.count("pipsafe_mode 'loud' is none of warn, prompt, block, off; it counts as warn") == 1
        assert "Traceback" not in done.stderr
        driver.run("remove", "-y", "-p", over_pip, "alpha").ok()


@pytest.mark.parametrize(("value", "code", "problem"), [(["block"], 1, None), (["block", "off"], 0, "block, off")])
def test_a_list_in_the_place_of_a_word(
    driver: Driver, over_pip: Path, value: list[str], code: int, problem: str | None
) -> None:
    """conda itself takes such a setting for none."""
    driver.configure(plugins={"pipsafe_mode": value})
    done = driver.run("install", "-y", "--dry-run", "-p", over_pip, "alpha=1.0")
    assert done.returncode == code
    assert (f"pipsafe_mode {problem!r} is none of" in done.stderr) is (problem is not None)


def test_the_mode_in_a_variable_wins_over_the_file(driver: Driver, over_pip: Path) -> None:
    driver.configure(plugins={"pipsafe_mode": "block"})
    done = driver.run("install", "-y", "-p", over_pip, "alpha=1.0", env={MODE: "warn"}).ok()
    assert done.stderr.count(BLOCK) == 1
