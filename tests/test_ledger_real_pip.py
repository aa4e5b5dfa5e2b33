"""What raw pip does to a real environment, as the next look sees it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conda_pipsafe.ledger.events import Event
from conda_pipsafe.ledger.reconcile import reconcile
from conda_pipsafe.ledger.store import open_ledger
from conda_pipsafe.ledger.vault import kept_records
from support.running import Conda, pip

MakeEnv = Callable[..., Path]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def look(prefix: Path) -> list[tuple[str, str, str]]:
    events = reconcile(str(prefix)).events
    return [(event.kind, event.dist.key, event.dist.version) for event in events if event.dist is not None]


def last(prefix: Path) -> Event:
    return open_ledger(str(prefix)).events()[-1]


def test_install_upgrade_reinstall_and_removal_by_raw_pip(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    assert look(prefix) == []
    assert not (prefix / "conda-meta/pipsafe").exists()
    links = ("--find-links", wheelhouse)
    started = time.time()
    pip(prefix, "install", *links, "beta", "alpha==1.0").ok()
    assert sorted(look(prefix)) == [("installed", "alpha", "1.0"), ("installed", "beta", "1.0")]
    event = last(prefix)
    assert event.dist is not None
    assert (event.how, event.certainty, event.dist.installer, event.dist.owner) == ("observed", "likely", "pip", "pip")
    assert event.dist.requested is True
    assert event.happened is not None
    assert event.happened >= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started))
    pip(prefix, "install", "--upgrade", *links, "alpha==2.0").ok()
    assert look(prefix) == [("upgraded", "alpha", "2.0")]
    time.sleep(1.1)  # the ledger tells installations of one version apart by the second
    pip(prefix, "install", "--force-reinstall", "--no-deps", *links, "alpha==2.0").ok()
    assert look(prefix) == [("changed", "alpha", "2.0")]
    pip(prefix, "uninstall", "-y", "alpha").ok()
    assert look(prefix) == [("removed", "alpha", "2.0")]
    assert look(prefix) == []
    assert {state.key for state in open_ledger(str(prefix)).state().values()} == {"beta"}


def test_dependencies_of_what_was_asked_for_are_not_requested(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    reconcile(str(prefix))
    requested = {state.key: state.requested for state in open_ledger(str(prefix)).state().values()}
    assert requested == {"piponly": True, "alpha": False}


def test_pip_over_a_conda_package_keeps_condas_record(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    (record,) = (prefix / "conda-meta").glob("alpha-1.0-*.json")
    content = record.read_bytes()
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert look(prefix) == [("installed", "alpha", "2.0")]
    assert last(prefix).data == {"replaced_record": record.stem}
    (kept,) = kept_records(str(prefix))
    assert kept.read(str(prefix)) == content


def test_pip_over_a_conda_package_of_the_same_version_is_a_takeover(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--force-reinstall", "--no-deps", "--find-links", wheelhouse, "alpha==1.0").ok()
    assert look(prefix) == [("changed", "alpha", "1.0")]
    assert last(prefix).data["taken_from"].startswith("alpha-1.0-")
    assert kept_records(str(prefix)) == []


def test_credentials_of_a_direct_url_never_reach_the_ledger(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip")
    (wheel,) = wheelhouse.glob("alpha-1.0-*.whl")
    pip(prefix, "install", f"alpha @ {wheel.as_uri()}").ok()
    (direct,) = prefix.glob("lib/python*/site-packages/alpha-1.0.dist-info/direct_url.json")
    value = json.loads(direct.read_text())
    assert value["url"] == wheel.as_uri()
    value["url"] = "https://user:s3cr3t@host.example/alpha-1.0-py3-none-any.whl?token=s3cr3t"
    # pip 23.0 writes no hash of a local wheel.
    value["archive_info"] = value["archive_info"] or {"hash": "sha256=" + "0" * 64}
    direct.with_name("new").write_text(json.dumps(value))
    os.replace(direct.with_name("new"), direct)
    reconcile(str(prefix))
    event = last(prefix)
    assert event.dist is not None
    assert event.dist.source.kind == "direct-url"
    assert event.dist.source.url == "https://host.example/alpha-1.0-py3-none-any.whl?token=****"
    archive = value["archive_info"]
    # pip before 23.1 has the older form alone; PEP 610 knows both.
    digest = archive["hashes"]["sha256"] if "hashes" in archive else archive["hash"].removeprefix("sha256=")
    assert event.dist.source.hash == f"sha256={digest}"
    files = [path for path in (prefix / "conda-meta/pipsafe").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert not any(b"s3cr3t" in path.read_bytes() for path in files)


def test_a_record_that_conda_list_erased_is_told_and_kept(conda: Conda, tmp_path: Path, wheelhouse: Path) -> None:
    prefix = tmp_path / "env"
    conda.run("create", "-y", "-q", "-p", prefix, "python", "pip", "alpha=1.0", "beta").ok()
    assert look(prefix) == []
    conda.run("remove", "-y", "-q", "-p", prefix, "beta").ok()
    assert reconcile(str(prefix)).events == ()  # what conda itself removed is not lost
    (record,) = (prefix / "conda-meta").glob("alpha-1.0-*.json")
    content = record.read_bytes()
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert reconcile(str(prefix)).kept == (record.stem,)
    conda.run("list", "-p", prefix).ok()
    assert not record.exists()
    reconcile(str(prefix), force=True)
    lost = [event.data["record"] for event in open_ledger(str(prefix)).events() if event.kind == "record-lost"]
    assert lost == [record.stem]
    (kept,) = kept_records(str(prefix))
    assert kept.read(str(prefix)) == content
    conda.run("install", "-y", "-q", "-p", prefix, "alpha=1.0").ok()
    reconcile(str(prefix), force=True)
    kinds = [event.kind for event in open_ledger(str(prefix)).events()]
    assert kinds.count("record-lost") == 1
