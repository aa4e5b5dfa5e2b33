"""`install` on real environments with their own real pip."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conftest import MakeEnv
from support.indexes import private_index
from support.packages import simple
from support.pasting import commands_in
from support.projects import project
from support.running import Conda, pip, run
from support.states import wait_for

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheelhouse: Path) -> None:
    """No setting of the machine or the user; packages from the wheelhouse alone."""
    settings = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheelhouse),
        "PIP_ROOT_USER_ACTION": "ignore",
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_DIRS": str(tmp_path / "etc"),
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
    return main(["install", "-p", str(prefix), *map(str, words)])


def state(prefix: Path) -> dict[str, tuple[int, int, int]]:
    """Every path of the prefix with its inode, size and time."""
    found = {}
    for folder, folders, files in os.walk(prefix):
        for name in [*folders, *files]:
            info = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (info.st_ino, info.st_size, info.st_mtime_ns)
    return found


def events(prefix: Path) -> list[dict[str, Any]]:
    ledger = prefix / "conda-meta" / "pipsafe" / "ledger.jsonl"
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


def versions(prefix: Path) -> dict[str, str]:
    return {item["name"]: item["version"] for item in json.loads(pip(prefix, "list", "--format=json").ok().stdout)}


def test_a_fresh_install_is_planned_done_checked_and_recorded(env: Path, capfd: Capture) -> None:
    assert install(env, "piponly") == 0
    out = capfd.readouterr().out
    assert "piponly  1.0  new" in out
    assert "Successfully installed piponly-1.0" in out
    assert "1 as planned" in out
    event = events(env)[-1]
    assert (event["kind"], event["how"], event["certainty"]) == ("installed", "recorded", "certain")
    assert event["dist"]["requested"] is True
    assert event["dist"]["source"]["kind"] == "index"
    assert event["dist"]["source"]["hash"].startswith("sha256=")
    assert event["command"] == "pipsafe install piponly"


def test_dependencies_are_recorded_as_such(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip")
    assert install(prefix, "beta==1.0", "eta") == 0
    asked = {event["dist"]["key"]: event["dist"]["requested"] for event in events(prefix) if event.get("dist")}
    assert asked == {"beta": True, "eta": True, "alpha": False}


def test_json_is_one_value_and_pip_is_on_stderr(env: Path, capfd: Capture) -> None:
    assert install(env, "--json", "piponly") == 0
    captured = capfd.readouterr()
    value = json.loads(captured.out)
    assert value["installed"] == ["piponly==1.0"]
    assert value["plan"]["install"][0]["requested"] is True
    assert value["ledger"]["why_not"] is None
    assert value["refused"] == value["differences"] == []
    assert "Successfully installed" in captured.err


def test_nothing_to_do(env: Path, capfd: Capture) -> None:
    assert install(env, "alpha") == 0
    assert "Nothing to do" in capfd.readouterr().out
    assert events(env) == []


def test_upgrading_what_conda_owns_says_that_it_stays(env: Path, capfd: Capture) -> None:
    assert install(env, "-U", "alpha") == 0
    assert "alpha 1.0 is conda's and stays" in capfd.readouterr().err


def test_dry_run_shows_the_plan_and_writes_nothing(env: Path, tmp_path: Path, capfd: Capture) -> None:
    before = state(env)
    assert install(env, "--dry-run", "--report", tmp_path / "r.json", "piponly") == 0
    assert "piponly  1.0  new" in capfd.readouterr().out
    assert state(env) == before
    assert json.loads((tmp_path / "r.json").read_text())["install"][0]["metadata"]["name"] == "piponly"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["alpha>=2"], ["alpha 3.0 would replace conda's alpha 1.0", "you asked for alpha>=2", "'alpha>=2'"]),
        (["beta2"], ["alpha 3.0 would replace conda's alpha 1.0", "beta2 1.0 needs alpha>=2", "'alpha>=2'"]),
        (["--force-reinstall", "alpha==1.0"], ["would be written over conda's alpha 1.0", "leave out --force"]),
        (["-I", "alpha==2.0"], ["alpha 2.0 would replace conda's alpha 1.0"]),
        (["-I", "beta"], ["alpha"]),
    ],
)  # fmt: skip
def test_replacing_what_conda_owns_is_refused(env: Path, words: list[str], said: list[str], capfd: Capture) -> None:
    before = state(env)
    assert install(env, *words) == 4
    err = capfd.readouterr().err
    for text in [*said, "refused, nothing was changed", f"conda install -p {env}", "--allow-replace alpha"]:
        assert text in err
    assert state(env) == before


def test_a_refusal_as_json(env: Path, capfd: Capture) -> None:
    assert install(env, "--json", "alpha>=2") == 4
    value = json.loads(capfd.readouterr().out)
    assert value["installed"] == []
    assert value["refused"][0]["reason"] == "replaces-conda"
    assert value["refused"][0]["facts"]["conda_package"] == "alpha-1.0-py_0"
    assert value["exit_code"] == 4


def test_allow_replace_lets_one_through_on_the_record(env: Path, capfd: Capture) -> None:
    assert install(env, "--allow-replace", "Alpha", "alpha==2.0") == 0
    assert "as --allow-replace says" in capfd.readouterr().err
    assert versions(env)["alpha"] == "2.0"
    recorded = [event for event in events(env) if event.get("command")]
    assert recorded[0]["command"] == "pipsafe install --allow-replace alpha alpha==2.0"
    assert any(event["kind"] == "record-kept" for event in events(env))


def test_conda_versions_hold_pip_back_where_another_version_will_do(env: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(simple("choosy", "1.0", requires=("alpha<2",)), wheels)
    write_wheel(simple("choosy", "2.0", requires=("alpha>=2",)), wheels)
    assert install(env, "-f", wheels, "choosy") == 0
    assert versions(env)["choosy"] == "1.0"
    assert versions(env)["alpha"] == "1.0"


def test_writing_over_conda_under_another_name_is_refused(env: Path, tmp_path: Path, capfd: Capture) -> None:
    before = state(env)
    assert install(env, "gamma-core") == 4
    err = capfd.readouterr().err
    assert "gamma-core 1.0 would write over" in err
    assert "conda's gamma 1.0 owns it" in err
    assert "refused, nothing was changed" in err
    assert state(env) == before
    # Its twin: the same project beside, not over, what conda has.
    write_wheel(WheelSpec("gamma-extra", "1.0", {"gamma_extra.py": ""}), tmp_path)
    assert install(env, "-f", tmp_path, "gamma-extra") == 0
    assert install(env, "--allow-replace", "gamma-core", "gamma-core") == 0
    assert events(env)[-1]["command"] == "pipsafe install --allow-replace gamma-core gamma-core"


def test_without_dist_info_paths_still_tell(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python", "pip", "py-delta", "ns-a")
    assert install(prefix, "delta-python") == 4
    assert "conda's py-delta 1.0 owns it" in capfd.readouterr().err
    assert install(prefix, "ns-b") == 0
    assert "whoever is uninstalled first takes it along" in capfd.readouterr().err


def test_each_planned_path_is_written_and_no_other(make_env: MakeEnv, tmp_path: Path) -> None:
    from conda_pipsafe.installer.arguments import pip_arguments
    from conda_pipsafe.installer.install import Options, carry_out, preparing
    from conda_pipsafe.prefix.snapshot import read_snapshot

    prefix = make_env("python", "pip")
    write_wheel(
        WheelSpec(
            "every", "1.0", {"every/__init__.py": "", "every_top.py": ""}, data={"share/e/d.txt": "", "etc/e": ""},
            scripts={"e-script": "#!python\n"}, console_scripts=["e-cli = every:main"], requires_dist=["alpha"],
        ),
        tmp_path,
    )  # fmt: skip
    local = project(tmp_path / "local", "local")
    before = set(state(prefix))
    arguments = pip_arguments(
        ["--no-compile", "-f", str(tmp_path), "every", str(local), "-e", str(project(tmp_path / "ed", "ed"))]
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    with preparing(read_snapshot(str(prefix)), arguments, Options(), str(folder)) as prepared:
        assert set(prepared.wheels) == {"every", "alpha", "local", "ed"}
        assert set(state(prefix)) == before
        assert carry_out(prepared, None).succeeded
    new = {path for path in set(state(prefix)) - before if not os.path.isdir(path)}
    assert new == {str(prefix / path) for wheel in prepared.wheels.values() for path in wheel.paths.members}


def test_the_whole_plan_as_json(env: Path, capfd: Capture) -> None:
    assert install(env, "--dry-run", "--json", "piponly", "beta2") == 4
    assert install(env, "--dry-run", "beta") == 0
    assert "you asked for beta" in capfd.readouterr().out
    assert install(env, "--dry-run", "--json", "beta") == 0
    (planned,) = json.loads(capfd.readouterr().out)["plan"]["install"]
    assert planned["asked_by"] == ["you asked for beta"]
    assert 0 < planned["size"] < 5000
    assert planned["files"] > 4


def test_base_is_refused_unless_told_so(env: Path, capfd: Capture) -> None:
    record = {"name": "conda", "version": "26.1", "build": "0", "build_number": 0, "files": []}
    (env / "conda-meta" / "conda-26.1-0.json").write_text(json.dumps(record))
    before = state(env)
    assert install(env, "piponly") == 4
    assert "conda 26.1 itself runs in" in capfd.readouterr().err
    assert state(env) == before
    assert install(env, "--allow-base", "piponly") == 0
    assert events(env)[-1]["command"] == "pipsafe install --allow-base piponly"


def test_pins_bind_pip(env: Path, capfd: Capture) -> None:
    (env / "conda-meta" / "pinned").write_text("piponly <1\n")
    assert install(env, "piponly") == 4
    assert "ruled out by conda-meta/pinned: piponly <1" in capfd.readouterr().err
    (env / "conda-meta" / "pinned").write_text("piponly <2\n")
    assert install(env, "piponly") == 0


def test_a_pin_lets_pip_find_what_it_allows(make_env: MakeEnv) -> None:
    prefix = make_env("python", "pip")
    (prefix / "conda-meta" / "pinned").write_text("alpha <3.0a0  # of 1.0, 2.0 and 3.0\n")
    assert install(prefix, "alpha") == 0
    assert versions(prefix)["alpha"] == "2.0"


def test_a_private_indexes_credentials_are_nowhere(
    env: Path, wheelhouse: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with private_index(wheelhouse, "me", "s3cret") as (port, asked):
        address = f"http://me:s3cret@127.0.0.1:{port}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", f"http://nobody@127.0.0.1:{port}/simple")
        assert install(env, "--no-input", "piponly") == 1
        assert install(env, "-v", "--report", tmp_path / "r.json", "-i", address, "piponly", "beta") == 0
        assert asked
        assert install(env, "-i", address, "gamma-core") == 4
        # pip itself shows the password of a requirement's own address.
        direct = f"piponly @ {address.removesuffix('simple')}files/piponly-1.0-py3-none-any.whl"
        assert install(env, "--force-reinstall", "--no-deps", direct) == 0
        (tmp_path / "more.txt").write_text(f"{direct}\n")
        (tmp_path / "req.txt").write_text("# all of it\n-r more.txt\n")
        assert install(env, "--force-reinstall", "--no-deps", "-r", tmp_path / "req.txt") == 0
        assert install(env, "-d", f"{direct}#sha256={'0' * 64}") == 1
    captured = capfd.readouterr()
    assert captured.out.count("Successfully installed piponly-1.0") == 2
    written = [path for path in (env / "conda-meta").rglob("*") if path.is_file() and path.suffix != ".sha"]
    texts = [captured.out, captured.err, (tmp_path / "r.json").read_text()]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in written]
    assert not any("s3cret" in text for text in texts)
    sources = [event["dist"]["source"] for event in events(env) if "dist" in event]
    assert sources[0]["index"] == f"http://127.0.0.1:{port}/simple"


def test_what_raw_pip_did_before_is_not_taken_for_ours(env: Path, wheelhouse: Path) -> None:
    pip(env, "install", "--find-links", wheelhouse, "piponly").ok()
    assert install(env, "eta") == 0
    assert [(event["dist"]["key"], event["how"]) for event in events(env)[1:]] == [
        ("piponly", "observed"),
        ("eta", "recorded"),
    ]


def test_what_pip_replaced_before_is_not_told_as_new_harm(env: Path, wheelhouse: Path) -> None:
    pip(env, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert install(env, "-U", "alpha") == 0
    assert versions(env)["alpha"] == "3.0"


def test_all_that_pip_users_type(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("python", "pip")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(WheelSpec("extra-full", "1.0", {"extra_full.py": ""}, extras={"more": ["eta"]}), wheels)
    write_wheel(simple("early", "1.0"), wheels)
    write_wheel(simple("early", "2.0rc1"), wheels)
    (tmp_path / "req.txt").write_text("-c con.txt\nalpha>=1\nzeta; python_version < '3'\n")
    (tmp_path / "con.txt").write_text("alpha<3\n")
    links = ["--find-links", str(wheels)]
    assert install(prefix, *links, "-qr", tmp_path / "req.txt", "extra-full[more]", "early") == 0
    assert versions(prefix) | {"alpha": "2.0", "eta": "2.0", "early": "1.0"} == versions(prefix)
    assert "zeta" not in versions(prefix)
    assert install(prefix, *links, "-U", "--pre", "early", "alpha") == 0
    assert versions(prefix) | {"alpha": "3.0", "early": "2.0rc1"} == versions(prefix)
    assert install(prefix, "--no-deps", "beta", wheels / "early-1.0-py3-none-any.whl") == 0
    assert versions(prefix) | {"beta": "1.0", "early": "1.0"} == versions(prefix)
    last = {event["dist"]["key"]: event["dist"] for event in events(prefix) if event.get("dist")}
    assert last["extra-full"]["extras"] == ["more"]
    assert last["early"]["source"]["kind"] == "direct-url"


def test_hashes_are_required_where_asked(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path, capfd: Capture) -> None:
    import hashlib

    prefix = make_env("python", "pip", "alpha=1.0")
    digest = hashlib.sha256((wheelhouse / "piponly-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(f"piponly==1.0 --hash=sha256:{digest}\n")
    bad.write_text(f"eta==2.0 --hash=sha256:{digest}\n")
    # --no-deps: alpha, being conda's, has no hash in the file.
    assert install(prefix, "--require-hashes", "--no-deps", "-r", good) == 0
    assert install(prefix, "--require-hashes", "-r", bad) == 1
    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err
    assert "eta" not in versions(prefix)


def test_editable_local_and_vcs(make_env: MakeEnv, tmp_path: Path) -> None:
    prefix = make_env("python", "pip")
    assert install(prefix, "-e", project(tmp_path / "one", "one")) == 0
    assert install(prefix, project(tmp_path / "two", "two")) == 0
    repository = project(tmp_path / "three", "three")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x"]):
        run("git", "-C", repository, *words).ok()
    # Not as `three @ git+file://…`: pip before 23.1 takes no address without a host there.
    assert install(prefix, f"git+file://{repository}") == 0
    last = {event["dist"]["key"]: event["dist"]["source"] for event in events(prefix) if event.get("dist")}
    assert last["one"]["kind"] == "editable"
    assert last["two"]["kind"] == last["three"]["kind"] == "direct-url"
    assert last["three"]["revision"] == run("git", "-C", repository, "rev-parse", "HEAD").stdout.strip()


def test_a_project_that_takes_the_place_of_condas_is_refused(env: Path, tmp_path: Path, capfd: Capture) -> None:
    assert install(env, "-e", project(tmp_path / "alpha", "alpha")) == 4
    assert "alpha 0.1 would replace conda's alpha 1.0" in capfd.readouterr().err


@pytest.mark.parametrize("variable", ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"])
def test_variables_cannot_lead_elsewhere(
    env: Path, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setenv(variable, "1" if variable == "PIP_USER" else str(tmp_path / "no"))
    assert install(env, "piponly") == 0
    assert versions(env)["piponly"] == "1.0"
    assert not (tmp_path / "no").exists()
    assert f"{variable} is left aside" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("where", "setting"),
    [
        ("user", "user = true"),
        ("machine", "target = {no}"),
        ("environment", "prefix = {no}"),
        ("named", "root = {no}"),
        ("user", "dry-run = yes"),
    ],
)
def test_configuration_cannot_lead_elsewhere(
    make_env: MakeEnv, where: str, setting: str, tmp_path: Path, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = make_env("python", "pip")
    path = {
        "user": tmp_path / "home" / ".config" / "pip" / "pip.conf",
        "machine": tmp_path / "etc" / "pip" / "pip.conf",
        "environment": prefix / "pip.conf",
        "named": tmp_path / "mine.conf",
    }[where]
    path.parent.mkdir(parents=True, exist_ok=True)
    # The good settings beside the bad one are kept: without them nothing would be found.
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    good = f"[global]\nno-index = true\nfind-links =\n    {tmp_path}\n    {wheelhouse}\n"
    path.write_text(f"{good}[install]\n{setting.format(no=tmp_path / 'no')}\n")
    if where == "named":
        monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    assert install(prefix, "eta") == 0
    assert (prefix / "lib").exists()
    assert list(prefix.glob("lib/python*/site-packages/eta-2.0.dist-info"))
    assert not (tmp_path / "no").exists()
    assert not (tmp_path / "home" / ".local").exists()


def test_pythonpath_and_user_site_neither_satisfy_nor_take(
    env: Path, wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minor = run(python_of(env), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    user = tmp_path / "home" / ".local" / "lib" / f"python{minor}" / "site-packages"
    other = tmp_path / "other"
    for folder in (user, other):
        pip(env, "install", "--no-deps", "--find-links", wheelhouse, "--target", folder, "piponly").ok()
    before = state(tmp_path / "home") | state(other)
    monkeypatch.setenv("PYTHONPATH", str(other))
    assert install(env, "piponly") == 0
    assert list(env.glob("lib/python*/site-packages/piponly-1.0.dist-info"))
    assert state(tmp_path / "home") | state(other) == before


def test_a_folder_called_pip_is_not_run(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert install(env, "piponly") == 0


def test_credentials_are_in_no_file_and_no_output(env: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://me:s3cret-two@localhost:1/simple")
    assert install(env, "-i", "https://me:s3cret-one@localhost:1/simple", "piponly") == 0
    captured = capfd.readouterr()
    assert "s3cret" not in captured.out + captured.err
    written = [path.read_bytes() for path in (env / "conda-meta" / "pipsafe").rglob("*") if path.is_file()]
    assert written
    assert not any(b"s3cret" in content for content in written)


def test_no_such_package_is_pips_own_error(env: Path, capfd: Capture) -> None:
    before = state(env)
    assert install(env, "no-such-thing") == 1
    assert "No matching distribution found for no-such-thing" in capfd.readouterr().err
    assert state(env) == before


def test_pips_usage_error_is_shown(env: Path, capfd: Capture) -> None:
    assert install(env, "--no-such-option", "x") == 1
    assert "no such option: --no-such-option" in capfd.readouterr().err


def test_a_failed_build_is_recorded_and_leaves_the_rest(env: Path, tmp_path: Path, capfd: Capture) -> None:
    broken = project(tmp_path / "broken", "broken", build='raise RuntimeError("no compiler")')
    assert install(env, "piponly", broken) == 1
    captured = capfd.readouterr()
    assert "no compiler" in captured.out + captured.err
    assert "Nothing was installed" in captured.err
    assert "piponly" not in versions(env)
    assert events(env)[-1]["kind"] == "failed"
    assert events(env)[-1]["data"]["exit_code"] == 1


def test_interrupted_while_building(env: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    build = f"open({str(started)!r}, 'w').close(); import time; time.sleep(60)"
    slow = project(tmp_path / "slow", "slow", build=build)
    command = [sys.executable, "-m", "conda_pipsafe", "install", "-p", str(env), str(slow)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert events(env)[-1]["kind"] == "failed"
    assert events(env)[-1]["data"]["signal"] == signal.SIGINT


def test_ended_before_pip_is_asked_nothing_is_left(env: Path, tmp_path: Path) -> None:
    """SIGTERM where nobody waits for pip: it kills a Python at once, temporary folders and all."""
    temporary, ready = tmp_path / "tmp", tmp_path / "ready"
    temporary.mkdir()
    site = tmp_path / "site"
    site.mkdir()
    # Loaded while pip works, by the one who started it: here it takes long.
    (site / "filelock.py").write_text(f"open({str(ready)!r}, 'w').close()\nimport time\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "conda_pipsafe", "install", "--json", "-p", str(env), "eta"]
    variables = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(site)}
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert wait_for(ready.exists)
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 143, err
    assert json.loads(out)["exit_code"] == 143
    assert not list(temporary.iterdir())
    assert "eta" not in versions(env)


def test_interrupted_while_pip_loads_one_line_says_it(env: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    module = next(env.glob("lib/python3*/site-packages")) / "pip" / "_internal" / "cli" / "autocompletion.py"
    module.unlink()  # it may be a link to the cached package's
    module.write_text(f"open({str(started)!r}, 'w').close()\nimport time\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "conda_pipsafe", "install", "--json", "-p", str(env), "eta"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert wait_for(started.exists)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    told = json.loads(out)
    # The short one when it came before we had begun to wait for pip.
    assert told["error"] in {"interrupted", "interrupted while pip was looking for a plan; nothing was installed"}
    assert err.splitlines()[1:] == [f"pipsafe: {told['error']}"]
    assert told["exit_code"] == 130


def test_without_pip(make_env: MakeEnv, capfd: Capture) -> None:
    prefix = make_env("python")
    assert install(prefix, "eta") == 1
    err = capfd.readouterr().err
    assert f"the environment {prefix} has no pip" in err
    assert commands_in(err) == [f"conda install -p {prefix} pip", f"{prefix}/bin/python -m ensurepip"]


def test_where_pip_removed_itself(make_env: MakeEnv, conda: Conda, capfd: Capture) -> None:
    prefix = make_env("python", "pip", name="with space")
    pip(prefix, "uninstall", "-y", "pip").ok()
    assert install(prefix, "eta") == 1
    way_out = next(line for line in capfd.readouterr().err.splitlines() if "conda install" in line)
    assert main(["status", "-p", str(prefix)]) == 0
    assert "--force-reinstall pip" in capfd.readouterr().out
    words = shlex.split(way_out.partition("   (or")[0])
    conda.run(*words[1:], "-y").ok()
    pip(prefix, "--version").ok()


def bare(prefix: Path, pip_version: str = "24.0", python: str = "") -> Path:
    """An environment by hand: a Python that may be anything, and pip's metadata."""
    site = prefix / "lib" / "python3.12" / "site-packages" / f"pip-{pip_version}.dist-info"
    site.mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pip\nVersion: {pip_version}\n")
    if python:
        (prefix / "bin").mkdir()
        (prefix / "bin" / "python").write_text(textwrap.dedent(python))
        (prefix / "bin" / "python").chmod(0o755)
    return prefix


def test_without_python(tmp_path: Path, capfd: Capture) -> None:
    assert install(bare(tmp_path / "e"), "eta") == 1
    assert f"conda install -p {tmp_path / 'e'} python pip" in capfd.readouterr().err


def test_with_an_old_pip(tmp_path: Path, capfd: Capture) -> None:
    assert install(bare(tmp_path / "e", "22.3.1", "#!/bin/sh\n"), "eta") == 1
    assert "pip 22.3.1" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("#!/bin/sh\nkill -SEGV $$\n", "killed by signal 11"),
        ("not a program", "cannot be run"),
        ("#!/bin/sh\nexit 0\n", "Nothing was installed"),
        ("#!/bin/sh\necho broken >&2; exit 1\n", "broken"),
    ],
)
def test_with_a_python_that_does_not_run(tmp_path: Path, python: str, said: str, capfd: Capture) -> None:
    assert install(bare(tmp_path / "e", python=python), "eta") == 1
    assert said in capfd.readouterr().err


def test_a_frozen_environment_is_refused_unless_overridden(env: Path, capfd: Capture) -> None:
    (env / "conda-meta" / "frozen").write_text('{"message": "ask the admins"}')
    before = state(env)
    assert install(env, "piponly") == 4
    assert "is frozen (conda-meta/frozen): ask the admins" in capfd.readouterr().err
    assert state(env) == before
    assert install(env, "--override-frozen", "piponly") == 0


def test_the_conda_of_pypi_is_refused(env: Path, tmp_path: Path, capfd: Capture) -> None:
    write_wheel(simple("conda", "4.3.16"), tmp_path)
    write_wheel(simple("wants-conda", requires=("conda",)), tmp_path)
    assert install(env, "-f", tmp_path, "wants-conda") == 4
    err = capfd.readouterr().err
    assert "conda 4.3.16 from PyPI" in err
    assert "wants-conda 1.0 needs conda" in err


def test_a_ledger_that_cannot_be_written_stops_nothing(env: Path, capfd: Capture) -> None:
    (env / "conda-meta" / "pipsafe").write_text("a file where the folder should be")
    assert install(env, "piponly") == 0
    assert "not recorded" in capfd.readouterr().err
    assert versions(env)["piponly"] == "1.0"


@pytest.mark.network
def test_real_packages_from_the_users_index(make_env: MakeEnv, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name)
    prefix = make_env("python", "pip", "requests=2.31")
    assert install(prefix, "rich", "httpx") == 0
    assert {"rich", "httpx", "httpcore", "anyio"} <= {event["dist"]["key"] for event in events(prefix)[1:]}
    before = state(prefix)
    capfd.readouterr()
    assert install(prefix, "requests>=2.32") == 4
    assert "would replace conda's requests 2.31.0" in capfd.readouterr().err
    assert state(prefix) == before
