"""The main job, end to end, as a user of a real conda sees it: real PyPI packages, real pip."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conda_pipsafe.demo.environment import PIP_NETWORK, clean_environment, python_of
from support.running import Conda, Finished, run
from test_hooks import DEBUG, tree

pytestmark = [pytest.mark.network, pytest.mark.slow]


def raw_pip(prefix: Path, *args: str) -> Finished:
    return run(python_of(prefix), "-m", "pip", *args, env=clean_environment(keep=PIP_NETWORK))


def pipsafe(*args: str | Path) -> Finished:
    return run(sys.executable, "-m", "conda_pipsafe", *args)


def facts(findings: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(finding["code"], finding["subject"], finding["paths"]) for finding in findings]


def test_the_main_job_on_a_real_conda(conda: Conda, tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    network = {
        **DEBUG,
        **{name: value for name, value in clean_environment(keep=PIP_NETWORK).items() if name in PIP_NETWORK},
    }
    conda.run("create", "-y", "-p", prefix, "python", "pip", "requests=2.31", env=DEBUG).ok()

    # Installs what conda has not, and records it.
    conda.run("pipsafe", "install", "-p", prefix, "rich<14.1", "httpx", env=network).ok()
    events = conda.run("pipsafe", "history", "-p", prefix, "--json").ok().json()["events"]
    recorded = {event["dist"]["key"]: event for event in events if event["kind"] == "installed"}
    assert {"rich", "httpx"} <= set(recorded)
    assert recorded["rich"]["how"] == "recorded"
    assert recorded["rich"]["dist"]["requested"] is True
    assert recorded["rich"]["dist"]["source"]["hash"].startswith("sha256=")
    assert conda.run("pipsafe", "audit", "-p", prefix).returncode == 0

    # Refused, with a way out, and nothing changed.
    before = tree(prefix)
    refused = conda.run("pipsafe", "install", "-p", prefix, "requests>=2.32", env=network)
    assert refused.returncode == 4
    assert "requests" in refused.stdout + refused.stderr
    assert f"conda install -p {prefix}" in refused.stdout + refused.stderr
    assert tree(prefix) == before

    # Raw pip is noticed at the next conda command.
    raw_pip(prefix, "install", "-q", "requests==2.32.4").ok()
    conda.run("install", "-y", "-p", prefix, "python", env=DEBUG).ok()
    newest = conda.run("pipsafe", "history", "-p", prefix, "--json").ok().json()["events"]
    assert [
        event["how"] for event in newest if event["kind"] == "installed" and event["dist"]["key"] == "requests"
    ] == ["observed"]

    # conda over pip's rich: by name before, what was overwritten after.
    done = conda.run("install", "-y", "-p", prefix, "rich=13.7.1", env=DEBUG).ok()
    warned, _, told = done.stderr.partition("what `conda install` did")
    assert "rich 14.0.0" in warned
    assert "rich 13.7.1" in warned
    assert "rich 14.0.0 (installed by pip): conda's rich=13.7.1=" in told
    assert "overwrote" in told
    assert "--force-reinstall" in told

    # `conda list` erases conda's record of requests; the audit still knows it, with and without conda.
    kept = conda.run("list", "-p", prefix, env=DEBUG).ok()
    assert "requests-2.31.0" in kept.stderr
    assert not list((prefix / "conda-meta").glob("requests-*.json"))
    audited = conda.run("pipsafe", "audit", "-p", prefix, "--json")
    assert audited.returncode == 3
    findings = audited.json()["findings"]
    assert any(finding["subject"] == "requests" and "2.31.0" in finding["message"] for finding in findings)
    alone = pipsafe("audit", "-p", prefix, "--json")
    assert alone.returncode == 3
    assert facts(alone.json()["findings"]) == facts(findings)


def test_nothing_is_said_or_written_where_pip_has_nothing(conda: Conda, tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    printed = [
        conda.run("create", "-y", "-p", prefix, "python", "pip", "requests=2.31", env=DEBUG).ok(),
        conda.run("install", "-y", "-p", prefix, "rich=13.7.1", env=DEBUG).ok(),
        conda.run("list", "-p", prefix, env=DEBUG).ok(),
        conda.run("update", "-y", "-p", prefix, "rich", env=DEBUG).ok(),
        conda.run("remove", "-y", "-p", prefix, "rich", env=DEBUG).ok(),
        conda.run("create", "-y", "-p", tmp_path / "copy", "--clone", prefix, env=DEBUG).ok(),
    ]
    assert not [done for done in printed if "conda-pipsafe" in done.stdout + done.stderr]
    assert not (prefix / "conda-meta" / "pipsafe").exists()
    assert not (tmp_path / "copy" / "conda-meta" / "pipsafe").exists()
