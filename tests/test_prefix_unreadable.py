"""A record that cannot be read: its package stays conda's, for the guard, the list and the audit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from conda_pipsafe.prefix.snapshot import read_snapshot
from conftest import MakeEnv
from support.running import run


def truncate(prefix: Path, name: str) -> None:
    """Leave the beginning of a record, in a new file: the old one may be shared with a package cache."""
    (record,) = (prefix / "conda-meta").glob(f"{name}-[0-9]*.json")
    record.with_name("new").write_bytes(record.read_bytes()[:400])
    os.replace(record.with_name("new"), record)


def pipsafe(*args: str | Path) -> tuple[int, str]:
    done = run(sys.executable, "-m", "conda_pipsafe", *args)
    return done.returncode, done.stdout + done.stderr


def test_its_distribution_stays_conda_s(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("python", "pip", "alpha=1.0", "gamma")
    truncate(prefix, "alpha")
    truncate(prefix, "pip")
    snapshot = read_snapshot(str(prefix))
    assert {dist.key: snapshot.owner_of(dist) for dist in snapshot.distributions} == {
        "alpha": "conda", "gamma": "conda", "pip": "conda",
    }  # fmt: skip
    code, said = pipsafe("install", "-d", "-p", prefix, "--no-index", "-f", wheelhouse, "alpha==2.0")
    assert code == 4, said
    code, said = pipsafe("audit", "-p", prefix)
    assert code == 3
    assert "PS901" in said
    assert "PS106" not in said
    assert "uninstall" not in said


def test_a_distribution_of_pip_s_beside_it_stays_pip_s(make_env: MakeEnv, wheelhouse: Path) -> None:
    from support.running import pip

    prefix = make_env("python", "pip", "alpha=1.0")
    pip(prefix, "install", "--find-links", wheelhouse, "piponly").ok()
    truncate(prefix, "alpha")
    snapshot = read_snapshot(str(prefix))
    assert [snapshot.owner_of(dist) for dist in snapshot.distributions_named("piponly")] == ["pip"]
