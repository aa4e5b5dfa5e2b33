"""`upgrade` with the environment's own real pip."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.installer.upgrade import Held, upgrade_all, upgrade_named
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot
from conftest import MakeEnv
from support.packages import simple
from support.prefixes import PrefixFactory
from support.running import pip

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of what an application needs, and of what keeps one of them back."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0", "3.0"):
        write_wheel(simple("lib", version), folder)
        write_wheel(simple("leaf", version), folder)
    for version in ("1.0", "2.0"):
        write_wheel(simple("app", version, requires=("lib", "alpha")), folder)
        write_wheel(simple("strict", version, requires=("lib<3",)), folder)
        write_wheel(simple("alpha", version), folder)
    write_wheel(simple("early", "1.0"), folder)
    write_wheel(WheelSpec("early", "2.0rc1", {"early.py": ""}), folder)
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_ROOT_USER_ACTION": "ignore"}
    variables = clean_environment({**settings, "HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "etc")})
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return folder


def upgrade(prefix: Path, *words: str) -> int:
    return main(["upgrade", "-p", str(prefix), *words])


def versions(prefix: Path) -> dict[str, str]:
    snapshot = read_snapshot(str(prefix))
    return {dist.key: dist.version for dist in snapshot.distributions if dist.key != "pip"}


def requested(prefix: Path) -> set[str]:
    return {path.parent.name.split("-")[0] for path in prefix.glob("lib/python*/site-packages/*/REQUESTED")}


def json_of(capfd: Capture) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capfd.readouterr().out)
    return value


def test_all_that_pip_owns(make_env: MakeEnv, wheels: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    direct = str(wheels / "leaf-1.0-py3-none-any.whl")
    pip(prefix, "install", "--find-links", wheels, "app==1.0", "lib==1.0", "early", direct).ok()
    (next(prefix.glob("lib/python*/site-packages/lib-1.0.dist-info")) / "REQUESTED").unlink()

    assert upgrade(prefix, "--all", "--dry-run", "--json") == 0
    value = json_of(capfd)
    assert {item["name"]: item["version"] for item in value["plan"]["install"]} == {"app": "2.0", "lib": "3.0"}
    assert value["command"] == "upgrade"
    assert [(item["name"], item["why"]) for item in value["left_out"]] == [
        ("leaf", f"from file://{direct}, not from an index")
    ]
    assert upgrade(prefix, "--all", "--pre") == 0
    said = capfd.readouterr().err
    assert "leaf 1.0 is left out: from file://" in said
    # conda's stays; what nobody asked for is still what nobody asked for.
    assert versions(prefix) == {"alpha": "1.0", "app": "2.0", "lib": "3.0", "early": "2.0rc1", "leaf": "1.0"}
    assert requested(prefix) == {"app", "early", "leaf"}
    assert '"command":"pipsafe upgrade --all --pre"' in (prefix / "conda-meta/pipsafe/ledger.jsonl").read_text()


def test_a_named_one_keeps_to_what_others_need(make_env: MakeEnv, wheels: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheels, "strict==1.0", "lib==1.0").ok()
    assert upgrade(prefix, "lib", "alpha") == 0
    assert versions(prefix) == {"alpha": "1.0", "strict": "1.0", "lib": "2.0"}
    assert "alpha 1.0 is conda's and stays" in capfd.readouterr().err
    assert upgrade(prefix, "lib>=3") == 1
    assert "held to lib<3, which strict 1.0 needs" in capfd.readouterr().err
    assert versions(prefix)["lib"] == "2.0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name something, or give --all"),
        (["--all", "rich"], "--all takes no names, and here is rich"),
        (["nothere"], "nothere is not installed in"),
        (["./alpha"], "./alpha is not installed in"),
        (["-r", "x.txt"], "install --upgrade -r x.txt"),
    ],
)
def test_words_that_mean_nothing(tmp_path: Path, words: list[str], said: str, capfd: Capture) -> None:
    factory = PrefixFactory(tmp_path / "env")
    factory.conda_dist("alpha")
    assert upgrade(factory.root, *words) == 2
    assert said in capfd.readouterr().err


def test_where_pip_owns_nothing(tmp_path: Path, capfd: Capture) -> None:
    factory = PrefixFactory(tmp_path / "env")
    factory.conda_dist("alpha")
    assert upgrade(factory.root, "--all", "--json") == 0
    assert json_of(capfd)["left_out"] == []


@pytest.fixture
def factory(tmp_path: Path) -> PrefixFactory:
    made = PrefixFactory(tmp_path / "env")
    made.pip_dist("app", requires=["lib>=1", 'extra-lib; extra == "fast"', 'never; python_version < "3"'])
    for name in ("lib", "extra_lib", "never", "alone", "circle-a"):
        made.pip_dist(name, requires=["circle-b"] if name == "circle-a" else [])
    made.pip_dist("circle-b", requires=["circle-a<9"])
    made.conda_dist("ofconda", requires=["lib<5", "lib!=1.0"])
    return made


def snapshot_of(factory: PrefixFactory) -> Snapshot:
    return read_snapshot(str(factory.root))


def test_only_what_nothing_needs_is_named(factory: PrefixFactory) -> None:
    snapshot = snapshot_of(factory)
    (app,) = [dist.path for dist in snapshot.distributions_named("app")]
    asked = dict.fromkeys((dist.path for dist in snapshot.distributions), False)
    found = upgrade_all(snapshot, asked | {app: True}, {})
    assert found.names == ("alone", "app", "circle-a", "extra_lib", "never")
    # What is not met now (`!=1.0`) binds nobody.
    assert found.held == (Held("lib<5", "ofconda 1.0"),)
    assert upgrade_all(snapshot, asked, {app: ("fast",)}).names == ("alone", "app[fast]", "circle-a", "never")


def test_what_a_named_one_needs_takes_part(factory: PrefixFactory) -> None:
    snapshot = snapshot_of(factory)
    assert upgrade_named(snapshot, {"app": "app"}, {}).held == (Held("lib<5", "ofconda 1.0"),)
    assert upgrade_named(snapshot, {"circle-a": "Circle_A>1"}, {}).names == ("Circle_A>1",)
    assert upgrade_named(snapshot, {"circle-a": "circle-a"}, {}).held == ()
    lib = upgrade_named(snapshot, {"lib": "lib"}, {})
    assert lib.held == (Held("lib>=1", "app 1.0"), Held("lib<5", "ofconda 1.0"))
