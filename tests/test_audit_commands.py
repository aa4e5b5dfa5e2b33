"""Commands, pins, marks, leftovers and runtime libraries: each harm beside its harmless twin."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.scripts import Script, parse_script
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.prefixes import SITE, PrefixFactory, metadata

ENTRY_POINT = {"path_type": "unix_python_entry_point"}


@pytest.fixture
def make(tmp_path: Path) -> PrefixFactory:
    return PrefixFactory(tmp_path / "env")


def findings(make: PrefixFactory) -> tuple[Finding, ...]:
    return engine.audit(AuditContext(read_snapshot(str(make.root)))).findings


def codes(make: PrefixFactory) -> list[str]:
    return [finding.code for finding in findings(make)]


def only(make: PrefixFactory) -> Finding:
    (finding,) = findings(make)
    return finding


def conda_text(python: str, module: str) -> str:
    return (
        f"#!{python}\nimport re\nimport sys\n\nfrom {module} import main\n\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    )


def pip_text(python: str, module: str) -> str:
    return f"#!{python}\n# -*- coding: utf-8 -*-\nimport sys\nfrom {module} import main\nsys.exit(main())\n"


def own(make: PrefixFactory) -> str:
    return f"{make.root}/bin/python"


def conda_command(make: PrefixFactory, name: str, module: str, command: str, python: str | None = None) -> None:
    """A noarch conda package with one entry point, whose script conda wrote."""
    info = f"{SITE}/{name}-1.0.dist-info"
    files = {
        f"bin/{command}": conda_text(python or own(make), module),
        f"{SITE}/{module}.py": "",
        f"{info}/METADATA": metadata(name, "1.0"),
        f"{info}/INSTALLER": "conda\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{command} = {module}:main\n",
    }
    facts = [{"_path": path, **(ENTRY_POINT if path.startswith("bin/") else {})} for path in files]
    make.record(name, "1.0", files, paths_data={"paths": facts})


def pip_command(make: PrefixFactory, name: str, module: str, command: str, python: str | None = None) -> None:
    make.pip_dist(
        name,
        files={
            f"{module}.py": "",
            f"../../../bin/{command}": pip_text(python or own(make), module),
            f"{name}-1.0.dist-info/entry_points.txt": f"# made\n[console_scripts]\n{command} = {module}:main [extra]\n",
        },
    )


@pytest.mark.parametrize(
    ("text", "script"),
    [
        (
            "#!/e/bin/python3.12\nimport sys\nfrom a.b import c\nsys.exit(c.d())\n",
            Script("/e/bin/python3.12", ("a.b", "c")),
        ),
        ("#!/bin/sh\n'''exec' \"/long path/bin/python\" \"$0\" \"$@\"\n' '''\n", Script("/long path/bin/python", None)),
        ("#!/bin/sh\n'''exec' /long/bin/python3.13t \"$0\" \"$@\"\n' '''\n", Script("/long/bin/python3.13t", None)),
        ("#!/bin/sh\necho\n", Script(None, None)),
        ("#!/usr/bin/env python\nfrom a import b\n", Script(None, None)),
        ("#!/usr/bin/perl\n", Script(None, None)),
        ("#!python\n", Script(None, None)),
        ("#!/e/\0x/bin/python\nfrom a import b\nsys.exit(b())\n", Script(None, ("a", "b"))),
        ("#!/bin/sh\n'''exec' \"/e/\0x/bin/python\" \"$0\" \"$@\"\n' '''\n", Script(None, None)),
    ],
)
def test_script_text(text: str, script: Script) -> None:
    assert parse_script(text) == script


def test_pip_takes_a_command_of_conda(make: PrefixFactory) -> None:
    conda_command(make, "tool", "tool_conda", "run")
    assert codes(make) == []
    pip_command(make, "tool-pip", "tool_pip", "run")
    finding = only(make)
    assert (finding.code, finding.severity, finding.subject) == ("PS108", "error", "tool-pip")
    assert finding.message == "The command run of conda's tool 1.0 starts pip's tool-pip 1.0."
    assert finding.facts["content"] == {"bin/run": "other"}


def test_conda_takes_a_command_of_pip(make: PrefixFactory) -> None:
    pip_command(make, "tool-pip", "tool_pip", "run")
    conda_command(make, "tool", "tool_conda", "run")
    finding = only(make)
    assert finding.code == "PS108"
    assert finding.message == "The command run of pip's tool-pip 1.0 starts conda's tool 1.0."


def test_a_command_that_calls_the_same_is_no_harm_whoever_wrote_it(make: PrefixFactory) -> None:
    conda_command(make, "tool", "tool", "run")
    make.pip_dist(
        "tool-pip",
        files={
            "../../../bin/run": pip_text(own(make), "tool"),
            "tool-pip-1.0.dist-info/entry_points.txt": "[console_scripts]\nrun = tool:main\n",
        },
    )
    finding = only(make)
    assert (finding.code, finding.severity) == ("PS105", "note")


def test_command_of_another_environment(make: PrefixFactory, tmp_path: Path) -> None:
    other = PrefixFactory(tmp_path / "other")
    pip_command(make, "stranger", "stranger", "stray", python=own(other))
    finding = only(make)
    assert (finding.code, finding.severity, finding.paths) == ("PS109", "warning", ("bin/stray",))
    assert finding.fixes == (f"{make.root}/bin/python -m pip install --force-reinstall --no-deps stranger==1.0",)


def test_command_of_conda_whose_python_is_gone(make: PrefixFactory) -> None:
    conda_command(make, "tool", "tool", "run", python=f"{make.root}/bin/python3.9")
    conda_command(make, "tool2", "tool2", "run2", python=f"{make.root}/bin/python3.9")
    finding = only(make)
    assert (finding.code, finding.severity, finding.paths) == ("PS109", "error", ("bin/run", "bin/run2"))
    assert "2 commands (run and run2) start " in finding.message
    assert len(finding.fixes) == 2


def test_script_with_the_python_of_another_environment(make: PrefixFactory, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    make.pip_dist("x", files={"../../../bin/x": f"#!{venv}/bin/python\nprint()\n"})
    assert codes(make) == []
    (venv / "pyvenv.cfg").write_text("")
    (venv / "bin/python").write_text("")
    assert codes(make) == ["PS109"]


@pytest.mark.skipif(sys.platform == "darwin", reason="there every name is UTF-8")
def test_a_python_below_a_folder_whose_name_is_no_text(make: PrefixFactory, tmp_path: Path) -> None:
    venv = os.path.join(os.fsencode(tmp_path), b"\xff")
    os.makedirs(os.path.join(venv, b"bin"))
    for name in (b"pyvenv.cfg", b"bin/python"):
        Path(os.fsdecode(os.path.join(venv, name))).write_text("")
    make.pip_dist("x", files={"../../../bin/x": ""})
    (make.root / "bin/x").write_bytes(b"#!" + venv + b"/bin/python\nprint()\n")
    assert codes(make) == ["PS109"]


def test_interpreters_that_are_right(make: PrefixFactory, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(make.root)
    pip_command(make, "by-link", "by_link", "linked", python=f"{link}/bin/python")
    make.pip_dist("system", files={"../../../bin/system": "#!/usr/bin/python3\n", "../../../bin/sh": "#!/bin/sh\n"})
    make.record("tools", "1.0", {"bin/as-built": f"#!{tmp_path}/nowhere/bin/python\nfrom a import b\nsys.exit(b())\n"})
    (tmp_path / "elsewhere").write_text(f"#!{tmp_path}/nowhere/bin/python\n")
    (make.root / "bin/to").symlink_to(tmp_path / "elsewhere")
    make.pip_dist("linked", files={})
    with (make.root / SITE / "linked-1.0.dist-info/RECORD").open("a") as file:
        file.write("../../../bin/to,,\n")
    assert codes(make) == []


def test_pin_that_pip_ignored(make: PrefixFactory) -> None:
    make.write("conda-meta/pinned", "# why\n\nalpha <2  # really\nother 1.*\nalone ==1.0\nodd [x]\n")
    make.conda_dist("other", "2.0")  # conda's own matter: pins may come later
    assert codes(make) == ["PS903"]
    make.pip_dist("alone", "1.0")
    assert codes(make) == ["PS903"]
    make.pip_dist("alpha", "3.0")
    (finding,) = [item for item in findings(make) if item.code == "PS111"]
    assert finding.message == "pip put alpha 3.0 there, but this environment is pinned to alpha <2."


def test_pin_of_a_package_that_pip_replaced(make: PrefixFactory) -> None:
    make.write("conda-meta/pinned", "alpha <2\n")
    make.conda_dist("alpha", "1.0")
    for name in ("METADATA", "INSTALLER", "RECORD"):
        (make.root / SITE / f"alpha-1.0.dist-info/{name}").unlink()
    (make.root / SITE / "alpha-1.0.dist-info").rmdir()
    make.pip_dist("alpha", "1.5")
    assert codes(make) == ["PS101"]
    make.pip_dist("alpha", "1.5", {"alpha/__init__.py": ""})
    make.write("conda-meta/pinned", "alpha <1.5\n")
    assert codes(make) == ["PS101", "PS111"]
    assert findings(make)[1].fixes[1].startswith("conda install -p ")


def test_pins_that_cannot_be_read_are_said(make: PrefixFactory) -> None:
    make.write("conda-meta/pinned", b"\xff\xfe")
    assert codes(make) == ["PS901"]


@pytest.mark.parametrize(("seconds", "expected"), [(3600, ["PS112"]), (86400, ["PS112"]), (30, []), (-3600, [])])
def test_frozen(make: PrefixFactory, seconds: int, expected: list[str]) -> None:
    info = make.pip_dist("late")
    assert codes(make) == []
    make.write("conda-meta/frozen", "{}")
    at = 1_700_000_000
    os.utime(make.root / "conda-meta/frozen", (at, at))
    os.utime(info, (at + seconds, at + seconds))
    assert codes(make) == expected


def test_a_frozen_environment_without_a_python_of_conda_s(tmp_path: Path) -> None:
    """A package of conda's tells that the mark has its own time, where no Python does."""
    make = PrefixFactory(tmp_path / "env", python=None)
    make.conda_dist("early")
    late = make.pip_dist("late")
    make.write("conda-meta/frozen", "{}")
    at = 1_700_000_000
    for path, time in ((make.root / SITE / "early-1.0.dist-info", at - 9), (make.root / "conda-meta/frozen", at)):
        os.utime(path, (time, time))
    for seconds, expected in ((30, ["PS112"]), (-3, [])):
        os.utime(late, (at + seconds, at + seconds))
        assert codes(make) == expected


@pytest.mark.parametrize(("version", "expected"), [("4.3.16", ["PS113"]), ("3.9.1", ["PS113"]), ("26.7.1", [])])
def test_conda_of_pypi(make: PrefixFactory, version: str, expected: list[str]) -> None:
    make.pip_dist("conda", version)
    assert codes(make) == expected


def test_marker_left_behind(make: PrefixFactory) -> None:
    make.write("lib/python3.11/EXTERNALLY-MANAGED")
    make.write("lib/python3.10/EXTERNALLY-MANAGED")
    assert codes(make) == ["PS303", "PS303"]
    make.write("lib/python3.12/EXTERNALLY-MANAGED")
    assert codes(make) == []


@pytest.mark.twin("PS303")
def test_marker_that_conda_owns_is_no_leftover(make: PrefixFactory) -> None:
    make.record("marker", "1.0", {"lib/python3.11/EXTERNALLY-MANAGED": ""})
    make.write("lib/not-python/EXTERNALLY-MANAGED")
    assert codes(make) == []


@pytest.mark.damage("PS505", by_hand="on Windows a file that is in use does this")
def test_halves_of_packages(make: PrefixFactory) -> None:
    make.write(f"{SITE}/~ip/__init__.py")
    make.write(f"{SITE}/~ip-24.0.dist-info/METADATA", metadata("pip", "24.0"))
    finding = only(make)
    assert (finding.code, len(finding.paths)) == ("PS505", 2)
    assert finding.message.startswith("2 leftovers of an interrupted pip in ")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (metadata("six", "1.16"), "six==1.16"),
        (metadata("six", ""), None),
        (metadata("../six", "1.16"), None),
        (metadata("there", "1.0"), None),
        (metadata("Conda_S", "1.0"), None),
        (None, None),
    ],
)
def test_what_was_set_aside_and_not_put_back_is_to_be_installed(
    make: PrefixFactory, text: str | None, gone: str | None
) -> None:
    make.pip_dist("there", "2.0")
    make.record("conda-s", "1.0", {f"{SITE}/conda_s.py": ""})
    half = f"{SITE}/~ix-1.16.dist-info"
    make.write(f"{half}/RECORD" if text is None else f"{half}/METADATA", text or "")
    finding = only(make)
    assert (finding.code, finding.paths) == ("PS505", (half,))
    again = [f"{make.root}/bin/python -m pip install {gone}"] if gone else []
    assert finding.fixes == (f"rm -r '{make.root}/{half}'", *again)
    assert finding.message.endswith(f"; {gone} is not installed any more." if gone else "~ix-1.16.dist-info.")


def test_half_in_another_site_and_names_that_are_none(make: PrefixFactory) -> None:
    make.write(f"{SITE}/backup.py~")
    make.record("odd", "1.0", {f"{SITE}/~odd.txt": ""})
    assert codes(make) == []
    make.write("lib/python3.11/site-packages/~umpy/core.so")
    assert codes(make) == ["PS505"]


def test_numpy_outside_of_what_conda_s_compiled_packages_need(make: PrefixFactory) -> None:
    make.record("pandas", "2.1", {f"{SITE}/pandas/_libs/lib.so": ""}, depends=["numpy >=1.26,<2"])
    make.pip_dist("numpy", "1.26.4")
    assert codes(make) == []
    (make.root / SITE / "numpy-1.26.4.dist-info").rename(make.root / SITE / "numpy-2.1.0.dist-info")
    make.pip_dist("numpy", "2.1.0")
    finding = only(make)
    assert (finding.code, finding.severity, finding.subject) == ("PS601", "error", "numpy")
    assert "pandas 2.1 needs numpy >=1.26,<2" in finding.message


def test_numpy_below_what_conda_s_compiled_packages_need(make: PrefixFactory) -> None:
    make.record("scipy", "1.14", {f"{SITE}/scipy/_lib.so": ""}, depends=["numpy >=2.1"])
    make.pip_dist("numpy", "1.26.4")
    assert codes(make) == ["PS601"]


def test_numpy_under_a_pure_package_is_a_broken_requirement(make: PrefixFactory) -> None:
    make.record("pure", "1.0", {f"{SITE}/pure.py": ""}, depends=["numpy <2"])
    make.pip_dist("numpy", "2.1.0")
    assert codes(make) == ["PS110"]


@pytest.mark.parametrize(
    ("library", "package", "severity"),
    [
        ("torch/lib/libiomp5.so", "intel-openmp", "warning"),
        ("sk.dylibs/libomp.dylib", "llvm-openmp", "warning"),
        ("x.libs/libmkl_rt-1a2b.so.2", "mkl", "warning"),
        ("sklearn.libs/libgomp-a34b3233.so.1.0.0", "libgomp", "note"),
        ("y.libs/libstdc++-6b1.so.6.0.30", "libstdcxx", "note"),
        ("sklearn.libs/libgomp-a34b3233.so.1.0.0", "unrelated", None),
        ("sklearn.libs/libopenblas-1.so", "llvm-openmp", None),
        ("x.libs/libomp_docs.txt", "llvm-openmp", None),
        ("x.libs/libomp-1a2b3c.so.5", "llvm-openmp", "warning"),
        # PyPI's intel-openmp has its libraries in the environment's lib; so has conda's, where they meet (PS105).
        ("../../libiomp5.so", "llvm-openmp", "warning"),
        ("../../libiomp5_db.so", "llvm-openmp", None),
        ("../../libomptarget.rtl.level0.so", "llvm-openmp", None),
        ("../../libmkl_core.so.3", "mkl", "warning"),
    ],
)
def test_bundled_runtime(make: PrefixFactory, library: str, package: str, severity: str | None) -> None:
    make.pip_dist("wheel", files={library: "x"})
    assert codes(make) == []
    make.record(package, "1.0", {"lib/anything.so": ""})
    found = findings(make)
    assert [(item.code, item.severity) for item in found] == ([("PS602", severity)] if severity else [])


def test_uv_that_replaced_conda_s_package_is_named(make: PrefixFactory) -> None:
    make.conda_dist("alpha", "1.0")
    for name in ("METADATA", "INSTALLER", "RECORD"):
        (make.root / SITE / f"alpha-1.0.dist-info/{name}").unlink()
    (make.root / SITE / "alpha-1.0.dist-info").rmdir()
    info = make.pip_dist("alpha", "2.0", {"alpha/__init__.py": "", "alpha-2.0.dist-info/uv_cache.json": "{}"})
    (info / "INSTALLER").write_text("uv")
    assert only(make).message == "uv replaced conda's alpha 1.0 with 2.0."


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are not those of POSIX")
def test_a_command_that_may_not_be_read_is_no_finding(make: PrefixFactory) -> None:
    pip_command(make, "x", "x", "run", python="/nowhere/bin/python")
    assert codes(make) == ["PS109"]
    (make.root / "bin/run").unlink()
    os.mkfifo(make.root / "bin/run")
    assert codes(make) == []
