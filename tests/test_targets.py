"""Which pip would run, and where it would install; each finding, and its harmless twin."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.installer.targets import Target, look
from conda_pipsafe.prefix.snapshot import read_snapshot
from conda_pipsafe.render.targets import target_finding_lines, target_lines
from support.pasting import commands_in
from support.prefixes import SITE, PrefixFactory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX systems")


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "PYTHON", "JUPYTER", "XDG_DATA")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def prefix(tmp_path: Path) -> PrefixFactory:
    """A conda environment with pip and alpha 1.0."""
    made = PrefixFactory(tmp_path / "env")
    made.conda_dist("pip", "24.0")
    made.conda_dist("alpha", "1.0")
    script(made.root / "bin" / "pip", made.root / "bin" / "python")
    program(made.root / "bin" / "python")
    return made


def program(path: Path) -> None:
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)


def script(path: Path, python: Path, *, long: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n" if long else f"#!{python}\n")
    path.chmod(0o755)


def ask(prefix: PrefixFactory, **variables: str) -> Target:
    own = {"CONDA_PREFIX": str(prefix.root), "PATH": str(prefix.root / "bin"), "HOME": os.environ["HOME"]}
    return look(read_snapshot(str(prefix.root)), {**own, "XDG_CONFIG_DIRS": os.environ["XDG_CONFIG_DIRS"], **variables})


def only(target: Target) -> Finding:
    (finding,) = target.findings
    assert finding.fixes
    commands_in("\n".join(target_finding_lines(target.findings)))
    return finding


def install_in_home(
    tmp_path: Path, name: str, version: str, folder: str = ".local/lib/python3.12/site-packages"
) -> Path:
    info = tmp_path / "home" / folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    return info.parent


def test_all_is_well(prefix: PrefixFactory) -> None:
    target = ask(prefix)
    assert target.findings == ()
    assert (target.active, target.folder) == (True, str(prefix.root / SITE))
    assert [program.prefix for program in target.programs] == [str(prefix.root)] * 2


@pytest.mark.parametrize("long", [False, True])
def test_another_pip_first_on_path(prefix: PrefixFactory, tmp_path: Path, long: bool) -> None:
    other = PrefixFactory(tmp_path / "other one")
    script(other.root / "bin" / "pip", other.root / "bin" / "python", long=long)
    (other.root / "bin" / "python").chmod(0o644)  # that of the environment is found
    path = f"{other.root / 'bin'}{os.pathsep}{prefix.root / 'bin'}"
    target = ask(prefix, PATH=path)
    if not long:  # the kernel cannot run a path with a blank either
        assert target.programs[0].path == str(other.root / "bin" / "pip")
    assert only(target).code == "PS401"
    assert target.folder == str(other.root / SITE)
    assert ask(prefix, PATH=path, CONDA_PREFIX="/elsewhere").findings == ()


def test_a_shim_does_not_say(prefix: PrefixFactory, tmp_path: Path) -> None:
    shim = tmp_path / "shims" / "pip"
    shim.parent.mkdir()
    shim.write_text("#!/usr/bin/env bash\nexec pyenv exec pip\n")
    shim.chmod(0o755)
    target = ask(prefix, PATH=f"{shim.parent}{os.pathsep}{prefix.root / 'bin'}")
    assert only(target).code == "PS401"
    assert target.folder is None


def test_a_virtual_environment_first_on_path(prefix: PrefixFactory, tmp_path: Path) -> None:
    script(tmp_path / "venv" / "bin" / "pip", tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    target = ask(prefix, PATH=f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{prefix.root / 'bin'}")
    assert f"of {tmp_path / 'venv'}" in only(target).message


def test_no_pip(tmp_path: Path) -> None:
    prefix = PrefixFactory(tmp_path / "env")
    program(prefix.root / "bin" / "python")
    finding = only(ask(prefix))
    assert (finding.code, finding.fixes) == ("PS402", (f"conda install -p {prefix.root} pip",))
    assert ask(prefix).why == "there is no pip on PATH"


def test_user_site(prefix: PrefixFactory, tmp_path: Path) -> None:
    install_in_home(tmp_path, "unrelated", "1.0")
    assert ask(prefix).findings == ()
    install_in_home(tmp_path, "pip", "24.0")
    assert only(ask(prefix)).severity == "note"
    folder = install_in_home(tmp_path, "Alpha", "3.0")
    finding = only(ask(prefix))
    assert (finding.code, finding.severity) == ("PS403", "warning")
    assert finding.message == (
        f"{folder} comes before the environment: what is imported is its alpha 3.0 (the environment has 1.0)."
    )
    assert set(finding.facts["shadowed"]) == {"alpha", "pip"}
    assert ask(prefix, PYTHONNOUSERSITE="1").findings == ()
    report = engine.audit(AuditContext(read_snapshot(str(prefix.root))))
    assert [found.code for found in report.findings if found.code.startswith("PS4")] == ["PS403"]
    prefix.write("conda-meta/state", '{"env_vars": {"PYTHONNOUSERSITE": "1"}}')
    assert ask(prefix).findings == ()


def test_user_base(prefix: PrefixFactory, tmp_path: Path) -> None:
    install_in_home(tmp_path, "alpha", "2.0", "base/lib/python3.12/site-packages")
    assert only(ask(prefix, PYTHONUSERBASE=str(tmp_path / "home" / "base"))).code == "PS403"


def test_python_path(prefix: PrefixFactory, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert ask(prefix, PYTHONPATH=str(tmp_path / "empty")).findings == ()
    folder = install_in_home(tmp_path, "other", "2.0", "path")
    assert only(ask(prefix, PYTHONPATH=str(folder))).severity == "note"
    install_in_home(tmp_path, "alpha", "2.0", "path")
    finding = only(ask(prefix, PYTHONPATH=str(folder)))
    assert (finding.code, finding.severity) == ("PS404", "warning")


@pytest.mark.parametrize("option", ["user", "target", "prefix", "root"])
def test_variables_that_redirect(prefix: PrefixFactory, tmp_path: Path, option: str) -> None:
    value = "1" if option == "user" else str(tmp_path / "no")
    target = ask(prefix, **{f"PIP_{option.upper()}": value})
    assert only(target).code == "PS405"
    assert target.folder == (f"{os.environ['HOME']}/.local/lib/python3.12/site-packages" if option == "user" else value)
    assert ask(prefix, PIP_USER="0", PIP_INDEX_URL="https://u:p@h").findings == ()


@pytest.mark.parametrize("where", ["user", "machine", "environment"])
def test_files_that_redirect(prefix: PrefixFactory, tmp_path: Path, where: str) -> None:
    path = {
        "user": tmp_path / "home" / ".config" / "pip" / "pip.conf",
        "machine": tmp_path / "etc" / "pip" / "pip.conf",
        "environment": prefix.root / "pip.conf",
    }[where]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[global]\nindex-url = https://u:p@h\nuser = no\n")
    assert ask(prefix).findings == ()
    path.write_text("[install]\ntarget = /no\n[list]\nformat = json\n")
    target = ask(prefix)
    assert str(path) in only(target).message
    assert target.folder == "/no"
    report = engine.audit(AuditContext(read_snapshot(str(prefix.root))))
    assert ("PS405" in {found.code for found in report.findings}) == (where == "environment")


def test_a_constraint_that_is_not_there(prefix: PrefixFactory, tmp_path: Path) -> None:
    named = tmp_path / "gone" / "conda-meta" / "pipsafe" / "constraints.txt"
    prefix.write("pip.conf", f"[install]\nconstraint = {named}\n")
    finding = only(ask(prefix))
    assert (finding.code, finding.severity) == ("PS409", "error")
    assert finding.fixes == (
        f"To have the guard right again: conda pipsafe guard on -p {prefix.root}",
        f"To be without it: conda pipsafe guard off -p {prefix.root}",
    )
    named.parent.mkdir(parents=True)
    named.write_text("")
    assert ask(prefix).findings == ()


@pytest.mark.damage("PS406")
@pytest.mark.twin("PS406")
def test_an_environment_of_another_user() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        prefix = PrefixFactory(Path(folder) / "env")
        prefix.conda_dist("pip", "24.0")
        program(prefix.root / "bin" / "python")
        script(prefix.root / "bin" / "pip", prefix.root / "bin" / "python")
        site = prefix.root / SITE
        site.chmod(0o555)
        assert ask(prefix).findings == () or os.geteuid() != 0  # and all modules are imported
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            target = ask(prefix)
        finally:
            if root:
                os.seteuid(0)
            site.chmod(0o755)
        assert [found.code for found in target.findings] == ["PS406"]
        assert target.folder == f"{os.environ['HOME']}/.local/lib/python3.12/site-packages"
        assert "falls back to your home" in target.why
        assert ask(prefix).findings == ()


def test_programs_that_are_not_there_or_do_not_say_whose_they_are(prefix: PrefixFactory) -> None:
    own = prefix.root / "bin"
    assert target_lines(ask(prefix))[1:3] == [
        f"`pip`         {own}/pip (of {prefix.root})",
        f"`python`      {own}/python (of {prefix.root})",
    ]
    (own / "pip").write_text("#!/bin/sh\nexec true\n")
    (own / "python").unlink()
    assert target_lines(ask(prefix))[1:3] == [
        f"`pip`         {own}/pip (does not say which Python it runs)",
        "`python`      none on PATH",
    ]


def test_base(prefix: PrefixFactory) -> None:
    prefix.record("conda", "26.7.1")
    assert only(ask(prefix)).code == "PS407"


def test_base_whose_conda_came_from_its_source(prefix: PrefixFactory) -> None:
    prefix.pip_dist("conda", "26.7.1")
    assert only(ask(prefix)).code == "PS407"


def kernel(folder: Path, name: str, program: str) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "kernel.json").write_text(json.dumps({"argv": [program, "-m", "ipykernel_launcher"]}))


def test_kernels(prefix: PrefixFactory, tmp_path: Path) -> None:
    own = prefix.root / "share" / "jupyter" / "kernels"
    home = tmp_path / "home" / ".local" / "share" / "jupyter" / "kernels"
    kernel(own, "python3", str(prefix.root / "bin" / "python"))
    kernel(own, "bare", "python")
    kernel(own, "bash", "/bin/sh")
    kernel(home, "unrelated", "/other/bin/python")
    (own / "python3" / "logo.png").write_bytes(b"")
    (own / "broken").mkdir()
    (own / "broken" / "kernel.json").write_text("{")
    assert ask(prefix).findings == ()
    kernel(own, "python3", "/other/env/bin/python3.12")
    finding = only(ask(prefix))
    assert (finding.code, finding.paths) == ("PS408", ("share/jupyter/kernels/python3/kernel.json",))
    assert "/other/env/bin/python3.12, which is not there" in finding.message
    kernel(own, "python3", str(prefix.root / "bin" / "python"))
    kernel(home, "python3", sys.executable)
    finding = only(ask(prefix))
    assert "comes before the environment's kernel of that name" in finding.message
    assert re.fullmatch(r"To be without it: rm -r \S+/kernels/python3", finding.fixes[0])
