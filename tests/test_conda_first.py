"""`install --conda-first` with a real conda, the tests' channel and real pip."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.channel import Channel, Extension
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import write_wheel
from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.driving import Driven, Driver
from support.packages import simple
from support.running import Conda, run

Capture = pytest.CaptureFixture[str]

SHARD = """
import hashlib, json, pathlib, sys
import msgpack
from conda._private.zstd import compress
for folder in map(pathlib.Path, sys.argv[1:]):
    repodata = json.loads((folder / "repodata.json").read_text())
    shards = {}
    for group in ("packages", "packages.conda"):
        for name, record in repodata[group].items():
            shard = shards.setdefault(record["name"], {"packages": {}, "packages.conda": {}})
            digests = {key: bytes.fromhex(record[key]) for key in ("md5", "sha256")}
            shard[group][name] = {**record, **digests}
    index = {}
    for name, shard in shards.items():
        packed = compress(msgpack.dumps(shard))
        digest = hashlib.sha256(packed)
        (folder / "shards").mkdir(exist_ok=True)
        (folder / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(packed)
        index[name] = digest.digest()
    info = {"subdir": folder.name, "base_url": "", "shards_base_url": "./shards/"}
    whole = msgpack.dumps({"version": 1, "info": info, "shards": index})
    (folder / "repodata_shards.msgpack.zst").write_bytes(compress(whole))
    (folder / "repodata.json").unlink()
"""


@pytest.fixture
def settings(wheelhouse: Path) -> dict[str, str]:
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "PIP_ROOT_USER_ACTION": "ignore"}


def install(driver: Driver, prefix: Path, *words: str | Path, env: dict[str, str], code: int = 0) -> Driven:
    done = driver.run("pipsafe", "install", "-p", prefix, *words, env=env)
    print(done.stdout, done.stderr)
    assert done.returncode == code
    return done


def value_of(done: Driven) -> dict[str, Any]:
    value: dict[str, Any] = done.json()
    return value


def of_conda(prefix: Path) -> dict[str, str]:
    parts = [path.stem.rsplit("-", 2) for path in (prefix / "conda-meta").glob("*.json")]
    return {name: version for name, version, _ in parts if name not in {"python", "pip"}}


def of_pip(prefix: Path) -> dict[str, str]:
    snapshot = read_snapshot(str(prefix))
    return {dist.key: dist.version for dist in snapshot.distributions if snapshot.owner_of(dist) == "pip"}


def test_what_conda_has_comes_from_there(driver: Driver, make_env: MakeEnv, settings: dict[str, str]) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    driver.configure(plugins={"pipsafe_conda_first": True})
    value = value_of(install(driver, prefix, "--json", "alpha>=2,<3", "beta", "beta2", env=settings))
    # The way out of a refusal is taken; what pip's beta2 needs is asked for as freely as it was.
    offers = {item["conda_name"]: item for item in value["conda_first"]["offers"]}
    assert {name: item["spec"] for name, item in offers.items()} == {"alpha": "alpha<3,>=1,>=2", "beta": "beta"}
    assert {item["evidence"] for item in offers.values()} <= {"name", "disk"}
    assert value["installed"] == ["beta2==1.0"]
    assert of_conda(prefix) == {"alpha": "2.0", "beta": "1.0"}
    assert of_pip(prefix) == {"beta2": "1.0"}
    ledger = (prefix / "conda-meta" / "pipsafe" / "ledger.jsonl").read_text()
    assert "pipsafe install --conda-first 'alpha>=2,<3' beta beta2" in ledger


def test_a_channel_on_this_disk_shows_what_its_packages_hold(
    driver: Driver, make_env: MakeEnv, settings: dict[str, str], tmp_path: Path
) -> None:
    """Another version than pip's counts where the archive says of which distribution it is one."""
    wheels = tmp_path / "own"
    wheels.mkdir()
    own = Channel(tmp_path / "own-channel")
    for name in ("first-told", "second-told", "not-it"):
        write_wheel(simple(name, "2.0"), wheels)
    style: dict[str, Extension] = {"first-told": ".conda", "second-told": ".tar.bz2", "not-it": ".conda"}
    for name, extension in style.items():
        wheel = write_wheel(simple("another" if name == "not-it" else name, "1.5"), tmp_path)
        own.add(package_from_wheel(Recipe(wheel, name=name, depends=["python"])), extension=extension)
    own.index()
    links = ["--channel", own.url, "--find-links", str(wheels)]
    done = install(driver, make_env("python", "pip"), "--json", "-d", "--conda-first", *links, *style, env=settings)
    offers = {item["conda_name"]: item for item in value_of(done)["conda_first"]["offers"]}
    assert {name: (item["version"], item["evidence"]) for name, item in offers.items()} == {
        "first-told": ("1.5", "disk"),
        "second-told": ("1.5", "disk"),
    }


def test_where_conda_or_we_refuse_nothing_is_done(
    driver: Driver, make_env: MakeEnv, settings: dict[str, str], tmp_path: Path
) -> None:
    prefix = make_env("python", "pip", "gamma")
    there = of_conda(prefix)
    # pip's part would be refused: conda's is not begun.
    write_wheel(simple("mamba"), tmp_path)
    settings["PIP_FIND_LINKS"] += f" {tmp_path}"
    done = install(driver, prefix, "--conda-first", "beta", "mamba", env=settings, code=4)
    assert "refused, nothing was changed" in done.stderr
    assert of_conda(prefix) == there
    driver.configure(pinned_packages=["alpha <1"])
    value = value_of(install(driver, prefix, "--json", "--conda-first", "beta", env=settings, code=1))
    assert "conda does not install this" in value["error"]
    assert "nothing was changed" in value["error"]
    assert value["hint"].startswith("-y: take all of it from pip then")
    assert of_conda(prefix) == there
    driver.configure(pinned_packages=[])
    # Only the wheel tells that pip's part harms conda: what conda did stays.
    done = install(driver, prefix, "--conda-first", "-y", "beta", "gamma-core", env=settings, code=4)
    assert "gamma-core 1.0 would write over" in done.stderr
    assert f"what conda installed before stays; to undo that: conda install -p {prefix} --revision 0" in done.stderr
    assert of_conda(prefix) == {**there, "alpha": "3.0", "beta": "1.0"}
    assert of_pip(prefix) == {}


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - its caller's names
            asked.append(str(args[0]))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_sharded_repodata(
    conda: Conda, driver: Driver, make_env: MakeEnv, settings: dict[str, str], channel: Channel, tmp_path: Path
) -> None:
    # What another test has extracted would be evidence of what a package holds.
    settings = {**settings, "CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    copied = tmp_path / "sharded"
    shutil.copytree(channel.root, copied, ignore=shutil.ignore_patterns("wheels"), copy_function=os.link)
    subdirs = [path.parent for path in copied.glob("*/repodata.json")]
    for subdir in subdirs:  # a copy: the link is the channel's own
        repodata = (subdir / "repodata.json").read_bytes()
        (subdir / "repodata.json").unlink()
        (subdir / "repodata.json").write_bytes(repodata)
    python = conda.run("info", "--json").ok().json()["sys.executable"]
    run(python, "-c", SHARD, *subdirs).ok()
    prefix = make_env("python", "pip")
    with served(copied) as (url, asked):
        driver.configure(channels=[url])
        words = ("--json", "--conda-first", "--dry-run", "beta", "zeta")
        value = value_of(install(driver, prefix, *words, env=settings))
        assert [item["name"] for item in value["plan"]["install"]] == ["zeta"]
        first = value["conda_first"]
        assert {item["conda_name"]: item["named"] for item in first["offers"]} == {"alpha": False, "beta": True}
        assert {item["name"] for item in first["transaction"]["link"]} == {"alpha", "beta"}
        assert first["transaction"]["command"][-1] == "beta"
        assert any("/shards/" in line for line in asked)
        assert not any("repodata.json" in line for line in asked)
        asked.clear()
        told = install(driver, prefix, "--dry-run", "beta", "eta", env=settings).stdout
        assert f"beta 1.0 and 1 more are on {url}: `--conda-first` takes them from there" in told
        assert f"{url} has a package named eta: `--conda-first` looks into it" in told
        assert asked == []
    # The server is gone, and what is cached is old: a note, and all of it from pip.
    variables = {**settings, "CONDA_REMOTE_MAX_RETRIES": "0", "CONDA_LOCAL_REPODATA_TTL": "0"}
    value = value_of(install(driver, prefix, "--json", "--conda-first", "--dry-run", "beta", env=variables))
    assert {item["name"] for item in value["plan"]["install"]} == {"alpha", "beta"}
    assert "cannot be looked at" in value["conda_first"]["notes"][0]


def test_without_conda_py_rattler_looks(
    make_env: MakeEnv, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    variables = clean_environment({**settings, "PATH": "/usr/bin:/bin", "CONDA_PLUGINS_PIPSAFE_CONDA_FIRST": "yes"})
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    prefix = make_env("python", "pip")
    assert main(["install", "-p", str(prefix), "--json", "--dry-run", "beta"]) == 0
    captured = capfd.readouterr()
    told = json.loads(captured.out)
    assert [item["conda_name"] for item in told["conda_first"]["offers"]] == ["beta", "alpha"]
    assert "there is no conda that could install" in captured.err
    assert {item["name"] for item in told["plan"]["install"]} == {"alpha", "beta"}
