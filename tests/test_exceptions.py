"""`plugins: pipsafe_ignore`: what is passed over by warnings, questions, refusals and `plan`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conda_pipsafe.hooks.ignoring import Ignored, parse
from conftest import MakeEnv
from support.driving import Driver
from support.running import pip


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        ("rich", {("lab", "rich"), (None, "rich")}),
        ("Rich.", set()),
        ("RICH", {("lab", "rich"), (None, "rich")}),
        ("env:lab", {("lab", "rich"), ("lab", "httpx")}),
        ("env:lab/Rich", {("lab", "rich")}),
        ("env:rich/rich", set()),
        ("/envs/lab", {("lab", "rich"), ("lab", "httpx"), (None, "rich"), (None, "httpx")}),
        ("/envs/other", set()),
    ],
)
def test_what_an_entry_covers(entry: str, covered: set[tuple[str | None, str]]) -> None:
    setting = parse([entry])
    every = {(name, key) for name in ("lab", None) for key in ("rich", "httpx")}
    assert {(name, key) for name, key in every if setting.covers("/envs/lab", name, key)} == covered


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "env")
    (tmp_path / "env").mkdir()
    assert parse(["~/link"]).environment(str(tmp_path / "env"), None)


@pytest.mark.parametrize(
    "entry", ["", "env:", "env:lab/", "env:/rich", "a/b", "two words", "env:lab/not a name", "None"]
)
def test_wrong_entries_cover_nothing(entry: str) -> None:
    setting = parse([entry])
    if entry == "None":
        assert setting == Ignored(names=frozenset({"none"}))
    else:
        assert setting == Ignored(wrong=(entry,))


@pytest.fixture
def lab(make_env: MakeEnv, wheelhouse: Path, driver: Driver) -> Path:
    """The named environment lab, with pip's alpha 2.0 and piponly, which needs it."""
    prefix = make_env("python", "pip", name="conda/envs/lab")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    driver.run("list", "-n", "lab").ok()
    return prefix


def install(driver: Driver, prefix: Path, *words: str, **env: str) -> str:
    """stderr of a dry install of conda's alpha 1.0 over pip's."""
    done = driver.run("install", "--dry-run", "-p", prefix, *words, "alpha=1.0", env=env)
    print(done.stdout, done.stderr)
    return done.stderr


@pytest.mark.parametrize("entry", ["alpha", "env:lab", "env:lab/alpha", "PATH"])
def test_passed_over(driver: Driver, lab: Path, entry: str) -> None:
    assert "alpha 2.0" in install(driver, lab)
    driver.configure(plugins={"pipsafe_ignore": [str(lab) if entry == "PATH" else entry]})
    assert "conda-pipsafe" not in install(driver, lab)
    done = driver.run("install", "-y", "-p", lab, "alpha=1.0", env={"CONDA_PLUGINS_PIPSAFE_MODE": "block"})
    assert done.returncode == 0, done.stderr
    assert "conda-pipsafe" not in done.stdout + done.stderr, "neither before nor after"
    assert '"conda"' in (lab / "conda-meta/pipsafe/ledger.jsonl").read_text("utf-8"), "it is recorded all the same"


@pytest.mark.parametrize("entry", ["beta", "env:other", "env:other/alpha", "/no/such/place"])
def test_others_are_told(driver: Driver, lab: Path, entry: str) -> None:
    driver.configure(plugins={"pipsafe_ignore": [entry]})
    assert "alpha 2.0" in install(driver, lab)
    done = driver.run("install", "-y", "-p", lab, "alpha=1.0", env={"CONDA_PLUGINS_PIPSAFE_MODE": "block"})
    assert done.returncode == 1


def test_as_a_variable(driver: Driver, lab: Path) -> None:
    assert "conda-pipsafe" not in install(driver, lab, CONDA_PLUGINS_PIPSAFE_IGNORE="rich,env:lab/alpha")
    assert "alpha 2.0" in install(driver, lab, CONDA_PLUGINS_PIPSAFE_IGNORE="rich,gamma")


@pytest.mark.parametrize(
    "value", [["alpha", "two words"], "a/b", [["a", "b"], 3, None], {"alpha": 1}, 7, None, [], True], ids=str
)
def test_no_value_breaks_conda(driver: Driver, lab: Path, value: object) -> None:
    driver.configure(plugins={"pipsafe_ignore": value})
    said = install(driver, lab)
    assert "Traceback" not in said
    if value == ["alpha", "two words"]:
        assert "conda-pipsafe" not in said, "the entry that is right counts"
    else:
        assert "alpha 2.0" in said
    if value in ("a/b", {"alpha": 1}):
        assert "plugins.pipsafe_ignore: cannot understand" in said
        assert "env:lab/rich" in said
    assert json.loads(driver.run("config", "--show", "--json").ok().stdout)


def test_a_clone_that_is_passed_over(driver: Driver, make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    words = ("create", "-y", "-p", prefix.parent / "copy", "--clone", prefix)
    assert "becomes conda's 1.0" in driver.run(*words, "--dry-run").stderr
    driver.configure(plugins={"pipsafe_ignore": ["alpha"]})
    assert "conda-pipsafe" not in driver.run(*words).ok().stderr


def test_plan_passes_over_and_says_so(driver: Driver, lab: Path) -> None:
    driver.configure(plugins={"pipsafe_ignore": ["alpha", "two words"]})
    done = driver.run("pipsafe", "plan", "-n", "lab", "--json", "--", "install", "alpha=1.0").ok()
    value = json.loads(done.stdout)
    assert value["harmed"] is False
    assert [(item["name"], item["ignored"]) for item in value["harms"]] == [("alpha", True)]
    assert value["ways_out"] == []
    assert "two words" in value["notes"][0]
    text = driver.run("pipsafe", "plan", "-p", lab, "--", "install", "alpha=1.0").ok().stdout
    assert "passed over (plugins.pipsafe_ignore): alpha" in text
