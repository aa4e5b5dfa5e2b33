"""`uninstall` on real environments with their own real pip."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.pasting import commands_in
from support.running import pip, run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheelhouse: Path) -> None:
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "HOME": str(tmp_path / "home")}
    variables = clean_environment({**settings, "PIP_ROOT_USER_ACTION": "ignore"})
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def uninstall(prefix: Path, *words: str | Path) -> int:
    return main(["uninstall", "-p", str(prefix), *map(str, words)])


def names(prefix: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for dist in read_snapshot(str(prefix)).distributions:
        found.setdefault(dist.key, []).append(dist.version)
    return found


def contents(prefix: Path) -> dict[str, bytes]:
    files = (path for path in prefix.rglob("*") if path.is_file() and "pipsafe" not in path.parts)
    return {str(path.relative_to(prefix)): path.read_bytes() for path in files if path.suffix != ".pyc"}


def last_event(prefix: Path) -> dict[str, Any]:
    lines = (prefix / "conda-meta" / "pipsafe" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    event: dict[str, Any] = json.loads(lines[-1])
    return event


def test_what_pip_installed_goes_and_is_recorded(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    before = contents(prefix)
    pip(prefix, "install", "--find-links", wheelhouse, "piponly", "eta").ok()
    assert uninstall(prefix, "-y", "PipOnly==1.0", "eta") == 0
    assert contents(prefix) == before
    assert "Checked on disk and recorded" in capfd.readouterr().out
    event = last_event(prefix)
    assert (event["kind"], event["how"], event["command"]) == ("removed", "recorded", "pipsafe uninstall piponly eta")


def test_conda_owned_is_refused(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", "iota-conda")
    before = contents(prefix)
    assert uninstall(prefix, "-y", "alpha", "iota.dist") == 4
    err = capfd.readouterr().err
    assert "alpha 1.0 is conda's" in err
    assert f"conda remove -p {prefix} alpha" in err
    assert f"conda remove -p {prefix} iota-conda" in err
    assert contents(prefix) == before


def test_what_was_written_over_conda_is_refused(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "--force-reinstall", "--no-deps", "alpha==1.0").ok()
    assert uninstall(prefix, "-y", "alpha") == 4
    err = capfd.readouterr().err
    assert "alpha 1.0 was written over conda's alpha-1.0" in err
    remove, back = commands_in(err)
    assert remove == f"conda remove -p {prefix} alpha"
    assert back.startswith(f"conda install -p {prefix} --force-reinstall -c ")


def test_condas_and_pips_under_one_name_are_refused(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "--ignore-installed", "alpha==2.0").ok()
    assert uninstall(prefix, "-y", "alpha") == 4
    err = capfd.readouterr().err
    assert "alpha 2.0 was installed over it" in err
    away, back = commands_in(err)
    assert away == " && ".join([f"{prefix}/bin/python -m pip uninstall -y alpha"] * 2)
    assert back.startswith(f"conda install -p {prefix} --force-reinstall -c ")
    assert " alpha=1.0=" in back
    run("bash", "-c", away).ok()
    assert "alpha" not in names(prefix)


def test_two_of_pips_go_both(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    before = contents(prefix)
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==1.0").ok()
    pip(prefix, "install", "--find-links", wheelhouse, "--ignore-installed", "alpha==2.0").ok()
    assert sorted(names(prefix)["alpha"]) == ["1.0", "2.0"]
    assert uninstall(prefix, "-y", "alpha") == 0
    assert contents(prefix) == before


def test_shared_files_are_refused_then_kept(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "gamma-core").ok()
    before = contents(prefix)
    assert uninstall(prefix, "-y", "gamma-core") == 4
    err = capfd.readouterr().err
    assert "of the files of conda's gamma 1.0" in err
    assert "gamma/__init__.py" in err
    keep = f"conda pipsafe uninstall -p {prefix} --keep-shared gamma-core"
    assert commands_in(err) == [keep, f"conda remove -p {prefix} gamma"]
    assert contents(prefix) == before

    assert uninstall(prefix, "-y", "--keep-shared", "gamma-core") == 0
    assert "gamma-core" not in names(prefix)
    gone = set(before) - set(contents(prefix))
    assert gone
    assert all("gamma_core-1.0.dist-info" in path for path in gone)
    assert "--force-reinstall gamma=1.0=" in capfd.readouterr().out
    run(python_of(prefix), "-c", "import gamma").ok()


def test_shared_scripts_are_kept_though_pip_deletes_entry_points(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    other = WheelSpec(
        name="other-alpha", version="1.0", modules={"other.py": ""}, console_scripts=["alpha-cli = alpha.cli:main"]
    )
    write_wheel(other, tmp_path)
    pip(prefix, "install", "--find-links", tmp_path, "other-alpha").ok()
    assert uninstall(prefix, "-y", "other-alpha") == 4
    assert uninstall(prefix, "-y", "--keep-shared", "other-alpha") == 0
    assert run(prefix / "bin" / "alpha-cli").ok().stdout == "alpha 1.0\n"
    assert not list((prefix / "conda-meta" / "pipsafe").glob("kept-*"))


def test_who_would_miss_it_is_told(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    assert uninstall(prefix, "--dry-run", "alpha") == 0
    assert "piponly 1.0 needs alpha>=1 and will no longer have it" in capfd.readouterr().err
    assert uninstall(prefix, "--dry-run", "alpha", "piponly") == 0
    assert "will no longer" not in capfd.readouterr().err
    assert names(prefix)["alpha"] == ["3.0"]


@pytest.mark.parametrize(("keep", "said"), [("METADATA", "--ignore-installed --no-deps eta==2.0"), ("", "rm -r")])
def test_a_phantom_is_explained(make_env: MakeEnv, wheelhouse: Path, keep: str, said: str, capfd: Capture) -> None:
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "eta").ok()
    (info,) = prefix.glob("lib/python*/site-packages/eta-2.0.dist-info")
    for path in list(info.iterdir()):
        if path.name != keep:
            path.unlink()
    if not keep:
        (info / "REQUESTED").touch()
    assert uninstall(prefix, "-y", "eta") == 4
    err = capfd.readouterr().err
    assert said in err
    first = commands_in(err)[0]
    assert first.endswith(f" && conda pipsafe uninstall -p {prefix} eta" if keep else str(info))
    if keep:  # the way out leads out
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse)}
        run("bash", "-c", first.partition(" && ")[0], env=index).ok()
        assert uninstall(prefix, "-y", "eta") == 0
        assert "eta" not in names(prefix)


def test_requirements_files(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "eta", "zeta", "beta").ok()
    (tmp_path / "more.txt").write_text("beta ; python_version > '3'\n")
    listed = "# all\n--no-index\neta>=1 \\\n  --hash=sha256:00\nzeta[x] @ file:///nowhere # here\n-r more.txt\n"
    (tmp_path / "all.txt").write_text(listed)
    assert uninstall(prefix, "-y", "-r", tmp_path / "all.txt") == 0
    assert set(names(prefix)) & {"eta", "zeta", "beta"} == set()


def test_nothing_to_do_and_nobody_to_ask(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip")
    assert uninstall(prefix, "-y", "nothing-here") == 0
    assert "nothing-here is not installed" in capfd.readouterr().err
    pip(prefix, "install", "--find-links", wheelhouse, "eta").ok()
    assert uninstall(prefix, "eta") == 2
    assert "say -y" in capfd.readouterr().err
    assert uninstall(prefix) == 2
    assert uninstall(prefix, "-y", "-r", "no-such-file") == 2
    (tmp_path / "round.txt").write_text("eta\n-r ./round.txt\n")
    assert uninstall(prefix, "-y", "-r", tmp_path / "round.txt") == 2
    assert uninstall(prefix, "-y", "../x") == 2
    (prefix / "conda-meta" / "frozen").write_text("{}")
    assert uninstall(prefix, "-y", "eta") == 4
    assert uninstall(prefix, "-y", "--override-frozen", "eta") == 0


def test_json(make_env: MakeEnv, wheelhouse: Path, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "gamma")
    pip(prefix, "install", "--find-links", wheelhouse, "eta").ok()
    assert uninstall(prefix, "-y", "--json", "gamma") == 4
    refused = json.loads(capfd.readouterr().out)
    assert refused["refused"][0]["reason"] == "conda-owned"
    assert uninstall(prefix, "-y", "--json", "eta") == 0
    done = json.loads(capfd.readouterr().out)
    assert (done["command"], done["removed"], done["exit_code"]) == ("uninstall", ["eta"], 0)
