"""`install --backend uv` on real environments with a real uv: the same checks and the same record as with pip.

uv alone does harm in each of the refused cases: `support/guard_matrix.py` runs them raw.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.installer.journal import JOURNAL, KEPT, read_journal
from conda_pipsafe.prefix.dist_info import read_installed_files
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.guard_matrix import find_uv
from support.indexes import private_index
from support.packages import simple
from support.pasting import commands_in
from support.projects import project
from support.running import run
from support.states import contents, ledger_events, versions, wait_for

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, work: Path, wheelhouse: Path) -> None:
    """No setting of the machine or the user; packages from the wheelhouse alone; uv on PATH."""
    settings = {
        "UV_FIND_LINKS": str(wheelhouse),
        "UV_CACHE_DIR": str(work / "uv-cache"),
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_DIRS": str(tmp_path / "etc"),
        "PATH": os.pathsep.join([str(find_uv().parent), os.environ["PATH"]]),
    }
    variables = clean_environment(settings)
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def env(make_env: MakeEnv) -> Path:
    return make_env("python", "pip", "alpha=1.0", "gamma")


def install(prefix: Path, *words: str | Path) -> int:
    # Like UV_CONSTRAINT, UV_FIND_LINKS is hidden by an option.
    links = ["--find-links", os.environ["UV_FIND_LINKS"]]
    return main(["install", "--backend", "uv", "-p", str(prefix), "--no-index", *links, *map(str, words)])


def dist_events(prefix: Path) -> dict[str, dict[str, Any]]:
    return {event["dist"]["key"]: event for event in ledger_events(prefix) if event.get("dist")}


def test_a_fresh_install_is_rehearsed_done_compared_and_recorded(
    env: Path, tmp_path: Path, wheelhouse: Path, capfd: Capture
) -> None:
    before = contents(env)
    assert install(env, "--dry-run", "--report", tmp_path / "r.json", "piponly") == 0
    assert contents(env) == before
    assert install(env, "piponly") == 0
    captured = capfd.readouterr()
    assert "uv's plan for" in captured.out
    assert "1 as planned" in captured.out
    event = dist_events(env)["piponly"]
    assert (event["kind"], event["how"], event["certainty"]) == ("installed", "recorded", "certain")
    digest = hashlib.sha256((wheelhouse / "piponly-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    assert event["dist"]["installer"] == "uv"
    assert event["dist"]["requested"] is True
    assert event["dist"]["source"]["hash"] == f"sha256={digest}"
    assert event["command"] == f"pipsafe install --backend uv --no-index --find-links {wheelhouse} piponly"
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["version"], report["install"][0]["metadata"]["name"]) == ("1", "piponly")
    assert install(env, "piponly", "alpha") == 0
    assert "Nothing to do" in capfd.readouterr().out


def test_each_planned_path_is_written_and_no_other(make_env: MakeEnv, tmp_path: Path, wheelhouse: Path) -> None:
    from conda_pipsafe.installer.arguments import UV, pip_arguments
    from conda_pipsafe.installer.install import Options, carry_out
    from conda_pipsafe.installer.uv_install import preparing_with_uv

    prefix = make_env("python")  # uv needs no pip
    spec = WheelSpec(
        "every", "1.0", {"every/__init__.py": "", "every_top.py": ""}, data={"share/e/d.txt": "", "etc/e": ""},
        scripts={"e-script": "#!python\n"}, console_scripts=["e-cli = every:main"], requires_dist=["alpha"],
        extras={"more": ["eta"]},
    )  # fmt: skip
    write_wheel(spec, tmp_path)
    (tmp_path / "h").mkdir()
    headers = write_wheel(WheelSpec("heads", "1.0", {"heads-1.0.data/headers/h.h": "int x;"}), tmp_path / "h")
    local, editable = project(tmp_path / "local", "local"), project(tmp_path / "ed", "ed")
    words = [
        "--no-index",
        f"-f{tmp_path}",
        f"--find-links={wheelhouse}",
        "every[more]",
        str(headers),
        str(local),
        "-e",
        str(editable),
    ]
    before = set(contents(prefix))
    folder = tmp_path / "folder"
    folder.mkdir()
    with preparing_with_uv(
        read_snapshot(str(prefix)), pip_arguments(words, UV), Options(backend="uv"), str(folder)
    ) as prepared:
        assert set(prepared.wheels) == {"every", "alpha", "eta", "heads", "local", "ed"}
        assert set(contents(prefix)) == before
        outcome = carry_out(prepared, None)
        assert outcome.succeeded, outcome
    planned = {path for wheel in prepared.wheels.values() for path in wheel.paths.members}
    assert {path for path in set(contents(prefix)) - before if not (prefix / path).is_dir()} == planned
    assert any(path.startswith("include/python") for path in planned)
    asked = {dist.key: (dist.requested, dist.extras, dist.is_direct) for dist in prepared.plan.dists}
    assert asked["every"] == (True, ("more",), False)
    assert asked["alpha"] == (False, (), False)
    assert asked["ed"] == (True, (), True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["alpha>=2"], ["alpha 3.0 would replace conda's alpha 1.0", "you asked for alpha>=2", "'alpha>=2'"]),
        (["beta2"], ["alpha 3.0 would replace conda's alpha 1.0", "beta2 1.0 needs alpha>=2", "'alpha>=2'"]),
        (["--reinstall", "alpha==1.0"], ["would be written over conda's alpha 1.0", "leave out --force"]),
        (["--reinstall-package=alpha", "beta"], ["would be written over conda's alpha 1.0"]),
        (["--overrides", "OVERRIDE", "beta"], ["alpha 2.0 would replace conda's alpha 1.0"]),
        (["gamma-core"], ["gamma-core 1.0 would write over", "conda's gamma 1.0 owns it"]),
        (["PROJECT"], ["alpha 0.1 would replace conda's alpha 1.0"]),
        (["--exact", "beta"], ["--exact removes all that is not named, conda's packages too"]),
        (["--target", "x", "beta"], ["--target installs outside the environment"]),
        (["--system", "beta"], ["--system installs into another Python"]),
    ],
)  # fmt: skip
def test_refused(env: Path, words: list[str], said: list[str], tmp_path: Path, capfd: Capture) -> None:
    override = tmp_path / "override.txt"
    override.write_text("alpha==2.0\n")
    places = {"OVERRIDE": override, "PROJECT": tmp_path / "alpha"}
    project(tmp_path / "alpha", "alpha")
    before = contents(env)
    assert install(env, *(places.get(word, word) for word in words)) == 4
    err = capfd.readouterr().err
    assert not [text for text in said if text not in err], err
    assert contents(env) == before


def test_the_harmless_twins_of_what_is_refused(env: Path, tmp_path: Path, capfd: Capture) -> None:
    write_wheel(WheelSpec("gamma-extra", "1.0", {"gamma_extra.py": ""}), tmp_path)
    (tmp_path / "req.txt").write_text(f"--find-links {tmp_path}\nalpha>=1\nbeta\n")
    project(tmp_path / "beside", "beside")
    assert install(env, "-U", "alpha", "-r", tmp_path / "req.txt", "gamma-extra", tmp_path / "beside") == 0
    assert "alpha 1.0 is conda's and stays" in capfd.readouterr().err
    assert install(env, "--reinstall-package", "beta", "-f", tmp_path, "beta", "gamma-extra") == 0
    assert "beta  1.0  again" in capfd.readouterr().out
    assert {"beta", "gamma-extra", "beside"} <= versions(env).keys()
    assert versions(env)["alpha"] == "1.0"
    assert dist_events(env)["gamma-extra"]["dist"]["source"]["hash"]
    assert install(env, "--allow-replace", "Alpha", "alpha==2.0") == 0
    assert "as --allow-replace says" in capfd.readouterr().err
    assert versions(env)["alpha"] == "2.0"
    assert any(event["kind"] == "record-kept" for event in ledger_events(env))
    assert main(["uninstall", "--backend", "uv", "-p", str(env), "-y", "beta"]) == 0
    assert "beta" not in versions(env)
    assert main(["uninstall", "--backend", "uv", "-p", str(env), "-y", "gamma"]) == 4


def test_what_distutils_and_condas_without_record_left_is_condas_too(make_env: MakeEnv, capfd: Capture) -> None:
    """uv cannot uninstall the one, and would install over the other."""
    prefix = make_env("python", "pip", "eta", "zeta", "theta")
    for name in ("eta", "zeta"):
        assert install(prefix, f"{name}>=2") == 4
        assert f"{name} 2.0 would replace conda's {name} 1.0" in capfd.readouterr().err


def test_what_has_no_record_is_not_installed_over(env: Path, capfd: Capture) -> None:
    assert install(env, "zeta") == 0
    next(env.glob("lib/python3*/site-packages/zeta-2.0.dist-info/RECORD")).unlink()
    assert install(env, "--reinstall-package", "zeta", "zeta") == 4
    assert "has no list of its files" in capfd.readouterr().err


def test_nothing_leads_elsewhere(
    env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture, make_env: MakeEnv
) -> None:
    other = make_env("python", name="other")
    monkeypatch.setenv("UV_PYTHON", str(other / "bin" / "python"))
    monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
    monkeypatch.setenv("CONDA_PREFIX", str(other))
    monkeypatch.setenv("VIRTUAL_ENV", str(other))
    monkeypatch.setenv("UV_NO_INSTALLER_METADATA", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    (tmp_path / "empty.txt").write_text("eta<3\n")
    monkeypatch.setenv("UV_CONSTRAINT", str(tmp_path / "empty.txt"))
    before = contents(other)
    assert install(env, "eta") == 0
    assert "UV_PYTHON is left aside" in capfd.readouterr().err
    assert dist_events(env)["eta"]["dist"]["installer"] == "uv"
    assert contents(other) == before
    (tmp_path / "uv.toml").write_text(f'[pip]\ntarget = "{tmp_path / "no"}"\n')
    monkeypatch.chdir(tmp_path)
    assert install(env, "zeta") == 4
    assert "uv's configuration sets target" in capfd.readouterr().err
    assert install(env, "--no-config", "zeta") == 0
    # A setting of that name that is no setting of uv's.
    (tmp_path / "uv.toml").unlink()
    (tmp_path / "pyproject.toml").write_text('[tool.black]\ntarget-version = ["py311"]\nprefix = "x"\n')
    assert install(env, "beta") == 0
    assert not (tmp_path / "no").exists()


def test_a_version_that_a_pin_allows_is_found(env: Path) -> None:
    (env / "conda-meta" / "pinned").write_text("fresh <2\n")
    for version in ("1.0", "2.0"):
        write_wheel(simple("fresh", version), env)
    assert install(env, "--find-links", env, "fresh") == 0
    assert dist_events(env)["fresh"]["dist"]["version"] == "1.0"
    assert install(env, "--find-links", env, "fresh>=2") == 4


def test_without_uv(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install(env, "eta") == 1
    err = capfd.readouterr().err
    assert f"there is no uv on PATH nor in {env}/bin" in err
    assert commands_in(err) == [f"conda install -p {env} uv"]
    (env / "bin" / "uv").symlink_to(find_uv())
    assert install(env, "--dry-run", "eta") == 0


def test_hashes_editable_vcs_and_standard_input(
    make_env: MakeEnv, wheelhouse: Path, tmp_path: Path, capfd: Capture
) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    digest = hashlib.sha256((wheelhouse / "piponly-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(f"piponly==1.0 --hash=sha256:{digest}\n")
    bad.write_text(f"eta==2.0 --hash=sha256:{digest}\n")
    assert install(prefix, "--require-hashes", "--no-deps", "-r", good) == 0
    assert install(prefix, "--require-hashes", "-r", bad) == 1
    err = capfd.readouterr().err
    assert "Hash mismatch" in err
    assert "Nothing was installed" in err
    repository = project(tmp_path / "three", "three")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x"]):
        run("git", "-C", repository, *words).ok()
    assert install(prefix, f"git+file://{repository}", "-e", project(tmp_path / "one", "one")) == 0
    sources = {key: event["dist"]["source"] for key, event in dist_events(prefix).items()}
    assert sources["three"]["revision"] == run("git", "-C", repository, "rev-parse", "HEAD").stdout.strip()
    assert (sources["one"]["kind"], sources["three"]["kind"]) == ("editable", "direct-url")
    assert install(prefix, "-r", "-") == 1
    assert "write it to a file" in capfd.readouterr().err


def test_a_private_indexes_credentials_are_nowhere(
    make_env: MakeEnv, wheelhouse: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = make_env("python", "gamma")
    monkeypatch.delenv("UV_FIND_LINKS")
    with private_index(wheelhouse, "me", "s3cret") as (port, asked):
        address = f"http://me:s3cret@127.0.0.1:{port}/simple"
        command = ["install", "--backend", "uv", "-p", str(prefix)]
        assert main([*command, "--report", str(tmp_path / "r.json"), "-v", "-i", address, "piponly"]) == 0
        assert main([*command, "--index-url", address, "gamma-core"]) == 4
        assert main([*command, f"--default-index={address}", "no-such"]) == 1
        monkeypatch.setenv("UV_INDEX_URL", address)
        assert main([*command, "eta"]) == 0
        assert asked
    captured = capfd.readouterr()
    written = [path for path in (prefix / "conda-meta").rglob("*") if path.is_file() and path.suffix != ".sha"]
    texts = [captured.out, captured.err, (tmp_path / "r.json").read_text()]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in written]
    assert not any("s3cret" in text for text in texts)
    assert dist_events(prefix)["piponly"]["dist"]["source"]["index"] == f"http://127.0.0.1:{port}/simple"


def test_a_broken_build_says_so_and_changes_nothing(env: Path, tmp_path: Path, capfd: Capture) -> None:
    before = contents(env)
    assert (
        install(env, "piponly", project(tmp_path / "broken", "broken", build='raise RuntimeError("no compiler")')) == 1
    )
    err = capfd.readouterr().err
    assert "no compiler" in err
    assert "Nothing was installed" in err
    assert contents(env) == before


def test_what_is_not_as_rehearsed_is_put_back(env: Path, tmp_path: Path, capfd: Capture) -> None:
    """A project that is another one each time that it is built: uv builds a local project for each run."""
    build = "global CONTENT; import time; CONTENT = f'X = {time.time_ns()}'"
    changing = project(tmp_path / "changing", "changing", build=build)
    before = contents(env)
    assert install(env, changing) == 1
    err = capfd.readouterr().err
    assert "changing 0.1 is not what was looked into: 1 of its files differ" in err
    assert "the environment is as it was before" in err
    assert contents(env) == before
    assert ledger_events(env)[-1]["data"]["put_back"] is True


def test_a_second_package_that_fails_takes_the_first_back(env: Path, tmp_path: Path, capfd: Capture) -> None:
    # A folder where the other one has a module: in the rehearsal too, so uv fails before it writes anything.
    write_wheel(WheelSpec("first", "1.0", {"first.py": ""}), tmp_path)
    write_wheel(WheelSpec("wrong", "1.0", {"first.py/x.py": ""}, requires_dist=["first"]), tmp_path)
    before = contents(env)
    assert install(env, "-f", tmp_path, "wrong") == 1
    assert contents(env) == before
    # A folder that is in the way in the environment alone.
    site = next(env.glob("lib/python3*/site-packages"))
    (site / "zeta").write_text("a file")
    before = contents(env)
    assert install(env, "eta", "zeta") == 1
    assert "the environment is as it was before" in capfd.readouterr().err
    assert contents(env) == before


def test_what_a_killed_rehearsal_left_in_the_cache_goes_the_next_day(env: Path) -> None:
    cache = Path(os.environ["UV_CACHE_DIR"])
    assert install(env, "--dry-run", "eta") == 0
    yesterdays, todays = cache / "pipsafe-old", cache / "pipsafe-new"
    for folder in (yesterdays, todays):
        (folder / "held").mkdir(parents=True)
    os.utime(yesterdays, (time.time() - 90000, time.time() - 90000))
    assert install(env, "--dry-run", "eta") == 0
    assert [path.name for path in sorted(cache.glob("pipsafe-*"))] == ["pipsafe-new"]
    shutil.rmtree(todays)


@pytest.mark.parametrize("who", ["uv", "both"])
def test_killed_in_the_middle(make_env: MakeEnv, tmp_path: Path, who: str) -> None:
    env = make_env("python", "alpha=1.0")
    modules: dict[str, str | bytes] = {f"wide/m{number}.py": f"X = {number}\n" * 40 for number in range(400)}
    write_wheel(WheelSpec("wide", "1.0", {"wide/__init__.py": ""}, data={"share/wide/x": ""}), tmp_path)
    assert install(env, "-f", tmp_path, "wide") == 0
    wheel = write_wheel(WheelSpec("wide", "2.0", modules, data={"share/wide/y": ""}), tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("wide.libs/", "")  # as PyYAML 6.0.1 has one: uv makes it, and no RECORD names it
    before = contents(env)
    site = next(env.glob("lib/python3*/site-packages"))
    # It compiles after it has written all: long enough to be met.
    words = ["install", "--backend", "uv", "-p", str(env), "--no-index", "-f", str(tmp_path)]
    command = [sys.executable, "-m", "conda_pipsafe", *words, "--compile-bytecode", "wide==2.0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        written = (site / "wide" / "m7.py", site / "wide.libs")
        assert wait_for(lambda: all(path.exists() for path in written) or child.poll() is not None)
        journal = read_journal(str(env))
        assert journal is not None
        if who == "both":
            child.kill()
        os.kill(journal.processes[1][0], 9)
        _, err = child.communicate(timeout=60)
    if who == "both":
        assert wait_for(lambda: not os.path.exists(f"/proc/{journal.processes[1][0]}"))
        assert install(env, "--dry-run", "alpha") == 0
    else:
        assert "the environment is as it was before" in err
    assert contents(env) == before
    assert not (site / "wide.libs").exists()
    assert not (env / JOURNAL).exists()
    assert not (env / KEPT).exists()
    assert ledger_events(env)[-1]["data"]["put_back"] is True
    assert install(env, "-f", tmp_path, "wide==2.0") == 0
    (dist,) = read_snapshot(str(env)).distributions_named("wide")
    assert len(read_installed_files(str(env), dist)[0]) > 400


def test_extras_and_simple_names_are_seen_as_asked_for(env: Path, tmp_path: Path) -> None:
    write_wheel(WheelSpec("full", "1.0", {"full.py": ""}, extras={"more": ["eta"]}), tmp_path)
    write_wheel(simple("needs-full", requires=("full",)), tmp_path)
    (tmp_path / "req.txt").write_text("Full[more] >= 1  # why\n")
    assert install(env, "-f", tmp_path, "--quiet", "-r", tmp_path / "req.txt", "needs-full") == 0
    found = {key: (event["dist"]["requested"], event["dist"].get("extras")) for key, event in dist_events(env).items()}
    assert found["full"] == (True, ["more"])
    assert found["eta"][0] is False
