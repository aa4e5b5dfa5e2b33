"""Real damage, made by real pip and conda, is found by one exact finding; what is no damage is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.deep import deep
from conda_pipsafe.audit.engine import AuditReport
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.gather import gather
from support.running import Conda, pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


def audit(prefix: Path) -> AuditReport:
    gathered = gather(str(prefix))
    assert gathered.problems == ()
    return engine.audit(gathered.context)


def codes(prefix: Path) -> list[str]:
    return [finding.code for finding in audit(prefix).findings]


def only(prefix: Path) -> Finding:
    findings = audit(prefix).findings
    assert len(findings) == 1, findings
    return findings[0]


def install(prefix: Path, wheelhouse: Path, *words: str) -> None:
    pip(prefix, "install", "--find-links", wheelhouse, *words).ok()


def run_pip_fix(command: str) -> None:
    for part in command.split(" && "):
        words = part.split()
        assert words[1:3] == ["-m", "pip"]
        pip(Path(words[0]).parent.parent, *words[3:]).ok()


EVERYTHING: Sequence[str] = (
    "pip", "alpha=1.0", "beta", "gamma", "py-delta", "zeta", "eta", "theta", "ns-a", "iota-conda", "kappa", "epsilon",
)  # fmt: skip


def test_every_shape_of_conda_package_is_clean(make_env: MakeEnv) -> None:
    report = audit(make_env(*EVERYTHING))
    assert report.findings == ()
    assert report.records == len(EVERYTHING) + 1  # and python
    assert report.distributions == 0


@pytest.mark.twin("PS101", "PS105")
def test_pip_packages_beside_conda_are_clean(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "ns-a")
    install(prefix, wheelhouse, "piponly", "delta-python")
    run(prefix / "bin/python", "-c", "import alpha, piponly, delta").ok()
    report = audit(prefix)
    assert report.findings == ()
    assert report.distributions == 2


@pytest.mark.damage("PS101")
def test_replaced(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta")
    install(prefix, wheelhouse, "alpha==2.0")
    finding = only(prefix)
    assert finding.code == "PS101"
    assert finding.message == "pip replaced conda's alpha 1.0 with 2.0."
    assert any(path.endswith("alpha-1.0.dist-info/METADATA") for path in finding.paths)
    assert "share/alpha/data.txt" in finding.paths
    assert finding.facts["needed_by"] == ["beta"]
    assert finding.fixes[0] == f"{prefix}/bin/python -m pip uninstall -y alpha"
    assert finding.fixes[1].startswith(f"conda install -p {prefix} --force-reinstall -c ")
    assert " alpha=1.0=" in finding.fixes[1]


def test_downgraded_is_replaced_too(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=3.0")
    install(prefix, wheelhouse, "alpha==1.0")
    assert only(prefix).message == "pip replaced conda's alpha 3.0 with 1.0."


def test_replaced_under_another_conda_name(make_env: MakeEnv, wheelhouse: Path, tmp_path: Path) -> None:
    from conda_pipsafe.demo.wheels import WheelSpec, write_wheel

    prefix = make_env("pip", "iota-conda")
    wheel = write_wheel(WheelSpec(name="iota_dist", version="2.0", modules={"iota_import/__init__.py": ""}), tmp_path)
    install(prefix, wheelhouse, str(wheel))
    finding = only(prefix)
    assert (finding.code, finding.subject) == ("PS101", "iota-conda")


@pytest.mark.damage("PS102")
def test_removed(make_env: MakeEnv) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta")
    pip(prefix, "uninstall", "-y", "alpha").ok()
    finding = only(prefix)
    assert finding.code == "PS102"
    assert "beta needs it" in finding.message


@pytest.mark.damage("PS103", "PS105")
def test_other_name_overwrites_then_deletes(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "gamma", "py-delta")
    install(prefix, wheelhouse, "gamma-core")
    finding = only(prefix)
    assert (finding.code, finding.severity, finding.subject) == ("PS105", "error", "gamma-core")
    assert list(finding.facts["content"].values()) == ["other"]
    pip(prefix, "uninstall", "-y", "gamma-core").ok()
    finding = only(prefix)
    assert (finding.code, finding.severity, finding.subject) == ("PS103", "error", "gamma")


def test_other_name_over_a_package_without_metadata(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "py-delta")
    install(prefix, wheelhouse, "delta-python")
    finding = only(prefix)
    assert (finding.code, finding.severity) == ("PS105", "error")


@pytest.mark.damage("PS103", "PS105")
def test_shared_namespace_file_is_a_note_until_it_is_lost(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "ns-a")
    install(prefix, wheelhouse, "ns-b")
    finding = only(prefix)
    assert (finding.code, finding.severity) == ("PS105", "note")
    pip(prefix, "uninstall", "-y", "ns-b").ok()
    assert codes(prefix) == ["PS103"]


@pytest.mark.damage("PS104")
def test_same_version_takeover(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "--force-reinstall", "alpha==1.0")
    finding = only(prefix)
    assert (finding.code, finding.severity) == ("PS104", "warning")
    assert deep(gather(str(prefix)).context).findings == ()


@pytest.mark.damage("PS104", "PS220")
def test_damage_after_a_takeover(make_env: MakeEnv, wheelhouse: Path) -> None:
    """What is there is as pip's RECORD says: a lost, an altered and an emptied file are told, and mended alike."""
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "--force-reinstall", "alpha==1.0")
    module = next(prefix.glob("lib/python*/site-packages/alpha"))
    (module / "__init__.py").write_text("changed = True\n")
    found = deep(gather(str(prefix)).context).findings
    assert [finding.code for finding in found] == ["PS220"]
    assert found[0].paths == (str((module / "__init__.py").relative_to(prefix)),)
    assert found[0].fixes == only(prefix).fixes

    (module / "__init__.py").write_text("")
    assert codes(prefix) == ["PS104", "PS220"]

    (module / "__init__.py").unlink()
    finding = only(prefix)
    assert (finding.code, finding.severity) == ("PS104", "error")
    assert finding.message.endswith("same version, other build; 1 file of it is missing.")
    assert finding.paths[0] == str((module / "__init__.py").relative_to(prefix))


@pytest.mark.damage("PS107")
def test_ignore_installed(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "--ignore-installed", "alpha==2.0")
    finding = only(prefix)
    assert finding.code == "PS107"
    assert finding.message == "pip installed alpha 2.0 over conda's alpha 1.0, without removing it."
    assert finding.fixes[0].endswith("pip uninstall -y alpha")


def test_broken_requirement_of_conda(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0", "beta")
    meta = next((prefix / "conda-meta").glob("beta-*.json"))
    record = json.loads(meta.read_text())
    meta.unlink()
    meta.write_text(json.dumps(record | {"depends": [*record["depends"], "alpha >=1.0,<2.0a0"]}))
    assert codes(prefix) == []
    install(prefix, wheelhouse, "alpha==2.0")
    broken = next(finding for finding in audit(prefix).findings if finding.code == "PS110")
    assert broken.message == "pip put alpha 2.0 there, but conda's beta 1.0 needs alpha >=1.0,<2.0a0."
    assert codes(prefix) == ["PS101", "PS110"]


@pytest.mark.damage("PS510")
@pytest.mark.twin("PS510")
def test_unmet_requirement_of_pip(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    install(prefix, wheelhouse, "--no-deps", "piponly")
    finding = only(prefix)
    assert finding.code == "PS510"
    assert finding.message == "pip's piponly 1.0 needs alpha>=1 (not installed)."
    install(prefix, wheelhouse, "alpha")
    assert codes(prefix) == []


@pytest.mark.damage("PS210")
def test_conda_has_another_version_than_pip_needs(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "--no-deps", "beta2")
    finding = only(prefix)
    assert finding.code == "PS210"
    assert finding.message == "pip's beta2 1.0 needs alpha>=2 (1.0 is there)."
    assert finding.fixes == (f"conda install -p {prefix} 'alpha>=2'",)


@pytest.mark.damage("PS501")
def test_two_of_pip(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    install(prefix, wheelhouse, "alpha==1.0")
    install(prefix, wheelhouse, "--ignore-installed", "alpha==2.0")
    finding = only(prefix)
    assert (finding.code, finding.facts["versions"]) == ("PS501", ["1.0", "2.0"])


@pytest.mark.parametrize("cause", ["history", "vault"])
@pytest.mark.damage("PS106")
def test_conda_list_erases_a_record(make_env: MakeEnv, conda: Conda, wheelhouse: Path, cause: str) -> None:
    prefix = make_env("pip", "alpha=1.0")
    meta = next((prefix / "conda-meta").glob("alpha-*.json"))
    dist = meta.name.removesuffix(".json")
    if cause == "history":
        with (prefix / "conda-meta/history").open("a") as file:
            file.write(f"==> 2026-01-01 00:00:00 <==\n# cmd: conda create\n+https://x.test/c/noarch::{dist}\n")
    install(prefix, wheelhouse, "alpha==2.0")
    if cause == "vault":
        assert codes(prefix) == ["PS101"]  # the look that keeps a copy
    conda.run("list", "-p", prefix, env={"CONDA_NO_PLUGINS": "true"}).ok()
    assert not meta.exists()
    finding = only(prefix)
    assert (finding.code, finding.subject) == ("PS106", "alpha")
    assert finding.message == "conda installed alpha 1.0 and has lost its record; pip's alpha 2.0 stands in its place."
    assert dist.rsplit("-", 1)[1] in finding.fixes[1]


@pytest.mark.damage("PS201")
def test_conda_over_pip(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip")
    install(prefix, wheelhouse, "alpha==2.0")
    conda.run("install", "-y", "-p", prefix, "alpha=1.0").ok()
    finding = only(prefix)
    assert finding.code == "PS201"
    assert finding.message == "conda wrote alpha 1.0 over pip's alpha 2.0."
    run_pip_fix(finding.fixes[0])
    conda.run(*finding.fixes[1].split()[1:], "-y").ok()
    assert codes(prefix) == []


def test_fix_of_replaced_is_right(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "alpha==2.0")
    first, second = only(prefix).fixes
    run_pip_fix(first)
    conda.run(*second.split()[1:], "-y").ok()
    assert codes(prefix) == []


@pytest.mark.damage("PS202")
def test_conda_removes_the_files_of_pip(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "alpha==2.0", "piponly")
    conda.run("remove", "-y", "-p", prefix, "alpha").ok()
    finding = only(prefix)
    assert (finding.code, finding.severity) == ("PS202", "error")
    assert any(path.endswith("alpha/__init__.py") for path in finding.paths)


@pytest.mark.damage("PS502")
def test_phantom_after_takeover_and_removal(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "--force-reinstall", "alpha==1.0")
    conda.run("remove", "-y", "-p", prefix, "alpha").ok()
    finding = only(prefix)
    assert finding.code == "PS502"
    assert "only REQUESTED is left" in finding.message


@pytest.mark.damage("PS210")
def test_conda_removes_what_pip_needs(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    install(prefix, wheelhouse, "piponly")
    conda.run("remove", "-y", "-p", prefix, "alpha").ok()
    finding = only(prefix)
    assert (finding.code, finding.fixes[0]) == ("PS210", f"conda install -p {prefix} 'alpha>=1'")


@pytest.mark.twin("PS106", "PS202")
def test_removed_by_conda_then_installed_by_pip_is_clean(make_env: MakeEnv, conda: Conda, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    conda.run("remove", "-y", "-p", prefix, "alpha").ok()
    install(prefix, wheelhouse, "alpha==2.0")
    assert codes(prefix) == []


def test_editable_hidden(make_env: MakeEnv, conda: Conda, tmp_path: Path) -> None:
    prefix = make_env("pip")
    site = next(prefix.glob("lib/python3.*/site-packages"))
    info = site / "alpha-9.0.dist-info"
    info.mkdir()
    checkout = tmp_path / "alpha-checkout"
    (checkout / "alpha").mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: alpha\nVersion: 9.0\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "direct_url.json").write_text(json.dumps({"url": checkout.as_uri(), "dir_info": {"editable": True}}))
    (site / "__editable__.alpha-9.0.pth").write_text(f"{checkout}\n")
    names = ["METADATA", "INSTALLER", "RECORD", "direct_url.json"]
    rows = ["__editable__.alpha-9.0.pth,,", *(f"alpha-9.0.dist-info/{name},," for name in names)]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    assert codes(prefix) == []
    conda.run("install", "-y", "-p", prefix, "alpha=1.0").ok()
    finding = only(prefix)
    assert finding.code == "PS203"
    assert checkout.as_uri() in finding.message


@pytest.mark.damage("PS301")
def test_python_moves(make_env: MakeEnv, conda: Conda, wheelhouse: Path, second_python: str) -> None:
    first = f"{sys.version_info[0]}.{sys.version_info[1]}"
    prefix = make_env("pip", "alpha=1.0", f"python={first}")
    install(prefix, wheelhouse, "piponly", "delta-python")
    conda.run("install", "-y", "-p", prefix, f"python={second_python}").ok()
    finding = only(prefix)
    assert finding.code == "PS301"
    assert finding.message.startswith("2 distributions installed for Python 3.")
    assert finding.fixes[0].endswith("pip install delta-python==1.0 piponly==1.0")


@pytest.mark.parametrize("spec", ["alpha=1.0", "alpha=2.0"])
def test_environment_by_conda_is_clean(conda: Conda, tmp_path: Path, spec: str) -> None:
    prefix = tmp_path / "made"
    conda.run("create", "-y", "-p", prefix, "pip", spec, "beta", "kappa", "epsilon").ok()
    conda.run("install", "-y", "-p", prefix, "alpha=3.0").ok()
    conda.run("remove", "-y", "-p", prefix, "kappa").ok()
    assert codes(prefix) == []
