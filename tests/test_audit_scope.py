"""Several environments, the baseline, a project's configuration."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conda_pipsafe.audit import many
from conda_pipsafe.audit.condarc import Settings, read_settings
from conda_pipsafe.audit.configuration import find_configuration
from conda_pipsafe.cli.app import main
from conda_pipsafe.cli.environments import known_environments
from support.prefixes import SITE, PrefixFactory

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment and no project of whoever runs the tests."""
    for name in ("CONDA_PREFIX", "CONDA_EXE", "CONDA_ROOT", "MAMBA_ROOT_PREFIX", "CONDA_ENVS_DIRS", "CONDA_ENVS_PATH",
                 "CONDARC", "XDG_CONFIG_HOME"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)


def healthy(root: Path) -> PrefixFactory:
    make = PrefixFactory(root)
    make.pip_dist("fine")
    return make


def harmed(root: Path, *missing: str) -> PrefixFactory:
    make = PrefixFactory(root)
    make.record("foo", "1.0", {f"lib/f{number}.so": "" for number in range(9)})
    for path in missing or ("lib/f0.so",):
        (make.root / path).unlink()
    return make


def audit_json(capsys: Output, *words: str | Path, code: int) -> Any:  # noqa: ANN401
    assert main(["audit", "--json", *map(str, words)]) == code
    return json.loads(capsys.readouterr().out)


def test_several_in_one_process_and_in_many(tmp_path: Path, capsys: Output) -> None:
    one, two = healthy(tmp_path / "one"), harmed(tmp_path / "two")
    words = ("-p", one.root, "-p", two.root, "-p", one.root)
    value = audit_json(capsys, *words, "-j", "1", code=3)
    assert [item["prefix"] for item in value["environments"]] == [str(one.root), str(two.root)]
    assert value["summary"] == {"environments": 2, "clean": 1, "failed": 0, "errors": 1, "warnings": 0, "notes": 0}
    assert audit_json(capsys, *words, "-j", "2", code=3) == value


def test_text_of_several(tmp_path: Path, capsys: Output) -> None:
    one, two = healthy(tmp_path / "one"), harmed(tmp_path / "two")
    assert main(["audit", "-p", str(one.root), "-p", str(two.root)]) == 3
    out = capsys.readouterr().out
    assert f"== {one.root}\nclean: " in out
    assert out.endswith("2 environments: 1 clean, 1 with findings\n")


def test_one_that_cannot_be_audited_does_not_hide_the_others(tmp_path: Path, capsys: Output) -> None:
    two = harmed(tmp_path / "two")
    (tmp_path / "file").write_text("")
    done = list(many.audit_many([str(tmp_path / "file"), str(two.root)], many.Depth(), jobs=2))
    assert done[0].report is None
    assert done[0].error == f"{tmp_path / 'file'} is not a folder"
    assert done[1].report is not None
    assert len(done[1].report.findings) == 1
    # An environment to conda, none to us: conda-meta is a file by the time that it is read.
    odd = tmp_path / "odd"
    (odd / "conda-meta").mkdir(parents=True)
    assert main(["audit", "-p", str(odd)]) == 0
    capsys.readouterr()


def test_all_that_conda_knows_of(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {
        name: tmp_path / name for name in ("listed", "by-dirs/a", "by-path/b", "rc/c", "rc2/d", "root", "root/envs/e")
    }
    for root in homes.values():
        healthy(root)
    (tmp_path / "by-dirs/no-environment").mkdir()
    dot = tmp_path / "home/.conda"
    dot.mkdir(parents=True)
    (dot / "environments.txt").write_text(f"{homes['listed']}\n\n{tmp_path}/gone\n{homes['by-dirs/a']}\n")
    (tmp_path / "home/.condarc").write_text(
        f"channels:\n  - x\nenvs_dirs:\n  - '{tmp_path}/rc'  # mine\n  - {tmp_path}/missing\nauto: x\n"
    )
    (tmp_path / "root/.condarc").write_text(f"envs_path: [{tmp_path}/rc2]\n")
    monkeypatch.setenv("CONDA_ENVS_DIRS", str(tmp_path / "by-dirs"))
    monkeypatch.setenv("CONDA_ENVS_PATH", f"{tmp_path / 'by-path'}{os.pathsep}{tmp_path / 'nowhere'}")
    monkeypatch.setenv("CONDA_ROOT", str(tmp_path / "root"))
    for place, name in (("named", "f"), ("xdg/conda/condarc.d/a.yml", "g"), ("home/.config/conda/condarc", "h")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"envs_dirs:\n- {tmp_path}/rc-{name}\n")
        homes[name] = healthy(tmp_path / f"rc-{name}/{name}").root
    monkeypatch.setenv("CONDARC", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert sorted(known_environments()) == sorted(str(root) for root in homes.values())
    value = audit_json(capsys, "--all", code=0)
    assert value["summary"]["clean"] == len(homes)


def test_all_where_there_is_none(capsys: Output) -> None:
    value = audit_json(capsys, "--all", code=1)
    assert value["error"] == "no environment was found"


def test_below_a_folder(tmp_path: Path, capsys: Output) -> None:
    healthy(tmp_path / "work/a/.pixi/envs/default")
    healthy(tmp_path / "work/b/.pixi/envs/test")
    # As pixi has it with detached-environments.
    healthy(tmp_path / "elsewhere/c/default")
    (tmp_path / "work/c/.pixi").mkdir(parents=True)
    (tmp_path / "work/c/.pixi/envs").symlink_to(tmp_path / "elsewhere/c")
    root = healthy(tmp_path / "work/conda")
    harmed(tmp_path / "work/conda/envs/inner")
    healthy(root.root / "pkgs/not-looked-at")
    healthy(tmp_path / "work/1/2/3/4/5/6/7/8/9/too-deep")
    value = audit_json(capsys, "--below", tmp_path / "work", code=3)
    names = [os.path.relpath(item["prefix"], tmp_path / "work") for item in value["environments"]]
    assert sorted(names) == [
        "../elsewhere/c/default",
        "a/.pixi/envs/default",
        "b/.pixi/envs/test",
        "conda",
        "conda/envs/inner",
    ]
    assert audit_json(capsys, "--below", tmp_path / "nowhere", code=2)["error"].endswith("there is no such folder")


def test_the_one_environment_below_a_folder_is_a_list_too(tmp_path: Path, capsys: Output) -> None:
    env = healthy(tmp_path / "work/one").root
    value = audit_json(capsys, "--below", tmp_path / "work", code=0)
    assert [item["prefix"] for item in value["environments"]] == [str(env)]
    assert value["summary"]["environments"] == 1
    schema = json.loads((Path(__file__).parent.parent / "docs/schema/audit-1.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)
    assert audit_json(capsys, "-p", env, code=0)["prefix"] == str(env)


def test_progress_over_several_environments(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    words = [word for name in "abc" for word in ("-p", str(healthy(tmp_path / name).root))]
    assert main(["audit", *words, "-j", "1"]) == 0
    said = capsys.readouterr().err
    assert "auditing [##########....................] 1 of 3 environments" in said
    assert said.rpartition("\r")[2] == ""
    assert main(["audit", "-q", *words]) == 0
    assert capsys.readouterr().err == ""


def test_options_that_cannot_be_meant(tmp_path: Path, capsys: Output) -> None:
    env = healthy(tmp_path / "env").root
    assert "contradict" in audit_json(capsys, "-p", env, "--format", "sarif", code=2)["error"]
    assert "must be 1 or more" in audit_json(capsys, "-p", env, "--jobs", "0", code=2)["error"]
    assert main(["audit"]) == 2


def test_baseline(tmp_path: Path, capsys: Output) -> None:
    env = harmed(tmp_path / "env", "lib/f0.so", "lib/f1.so")
    file = tmp_path / "known.json"
    assert main(["audit", "-p", str(env.root), "--write-baseline", str(file)]) == 0
    assert "wrote 1 findings" in capsys.readouterr().err
    value = audit_json(capsys, "-p", env.root, "--baseline", file, code=0)
    assert (value["findings"], [item["code"] for item in value["known"]]) == ([], ["PS103"])
    env.write("lib/f0.so")  # less harm is no news
    assert audit_json(capsys, "-p", env.root, "--baseline", file, code=0)["findings"] == []
    (env.root / "lib/f7.so").unlink()  # more is
    assert len(audit_json(capsys, "-p", env.root, "--baseline", file, code=3)["findings"]) == 1
    env.write("lib/f7.so")
    env.write(f"{SITE}/~ip/x.py")  # another harm is
    value = audit_json(capsys, "-p", env.root, "--baseline", file, code=3)
    assert [item["code"] for item in value["findings"]] == ["PS505"]
    assert main(["audit", "-p", str(env.root), "--baseline", str(file)]) == 3
    assert "1 finding more that the baseline knows." in capsys.readouterr().out


def test_writing_a_baseline_with_json(tmp_path: Path, capsys: Output) -> None:
    env = harmed(tmp_path / "env").root
    file = tmp_path / "known.json"
    value = audit_json(capsys, "-p", env, "--write-baseline", file, code=0)
    assert [item["code"] for item in value["findings"]] == ["PS103"]  # the one value of --json
    assert main(["audit", "-p", str(env), "--baseline", str(file)]) == 0
    assert "baseline knows" in capsys.readouterr().out


def test_baseline_of_another_machine_is_found_by_name(tmp_path: Path, capsys: Output) -> None:
    here, file = harmed(tmp_path / "here/env"), tmp_path / "known.json"
    there, twin = harmed(tmp_path / "there/env"), harmed(tmp_path / "twin/env")
    main(["audit", "-p", str(there.root), "--write-baseline", str(file)])
    assert audit_json(capsys, "-p", here.root, "--baseline", file, code=0)["findings"] == []
    main(["audit", "-p", str(there.root), "-p", str(twin.root), "--write-baseline", str(file)])
    # Two of the name: which one is meant is not known.
    assert len(audit_json(capsys, "-p", here.root, "--baseline", file, code=3)["findings"]) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "is not a baseline"),
        ('{"format": 2}', "has format 2"),
        ('{"format": 1, "environments": {"/e": [{}]}}', "is not a baseline"),
    ],
)
def test_baseline_that_is_none(tmp_path: Path, capsys: Output, content: str | None, said: str) -> None:
    env, file = healthy(tmp_path / "env"), tmp_path / "known.json"
    if content is not None:
        file.write_text(content)
    value = audit_json(capsys, "-p", env.root, "--baseline", file, code=1)
    assert said in value["error"]
    assert "--write-baseline" in value["hint"]


def test_baseline_and_report_that_cannot_be_written(tmp_path: Path, capsys: Output) -> None:
    env, file = healthy(tmp_path / "env"), tmp_path / "no folder/file"
    assert "cannot be written" in audit_json(capsys, "-p", env.root, "--write-baseline", file, code=1)["error"]
    assert "cannot be written" in audit_json(capsys, "-p", env.root, "--output", file, code=1)["error"]


needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no TOML parser of its own")


@needs_toml
def test_configuration_of_a_project(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    env, project = harmed(tmp_path / "env"), tmp_path / "project"
    env.write(f"{SITE}/~ip/x.py")
    inner = project / "src/deep"
    inner.mkdir(parents=True)
    (project / "src/pyproject.toml").write_text("not [ toml, and not ours")
    monkeypatch.chdir(inner)
    (project / "pyproject.toml").write_text('[tool.conda-pipsafe]\nignore = ["PS505"]\nfail-on = "error"\n')
    assert [item["code"] for item in audit_json(capsys, "-p", env.root, code=3)["findings"]] == ["PS103"]
    assert len(audit_json(capsys, "-p", env.root, "--no-config", code=3)["findings"]) == 2
    (project / "pyproject.toml").write_text('[tool.conda-pipsafe]\nselect = ["PS5"]\nfail-on = "error"\n')
    assert [item["code"] for item in audit_json(capsys, "-p", env.root, code=0)["findings"]] == ["PS505"]
    assert len(audit_json(capsys, "-p", env.root, "--fail-on", "warning", code=3)["findings"]) == 1
    (project / "pyproject.toml").write_text('[tool.conda-pipsafe]\nbaseline = "known.json"\n')
    main(["audit", "-p", str(env.root), "--write-baseline", str(project / "known.json")])
    assert audit_json(capsys, "-p", env.root, code=0)["findings"] == []


@needs_toml
@pytest.mark.parametrize(
    ("text", "said", "code"),
    [
        ("[tool.conda-pipsafe]\nselct = []\n", "has no key 'selct'", 2),
        ("[tool.conda-pipsafe]\nselect = 'PS1'\n", "has select = 'PS1'", 2),
        ("[tool.conda-pipsafe]\nfail-on = 'never'\n", "has fail-on = 'never'", 2),
        ("[tool.conda-pipsafe]\nbaseline = 1\n", "a baseline that is not a path", 2),
        ("[tool]\nconda-pipsafe = 1\n", "is not a table", 2),
        ("conda-pipsafe [", "is not TOML", 1),
        ("[tool.conda-pipsafe]\nignore = ['PS777']\n", "there is no code 'PS777'", 2),
    ],
)
def test_configuration_that_is_wrong(tmp_path: Path, capsys: Output, text: str, said: str, code: int) -> None:
    env = healthy(tmp_path / "env")
    (tmp_path / "project/pyproject.toml").write_text(text)
    assert said in audit_json(capsys, "-p", env.root, code=code)["error"]


@needs_toml
@pytest.mark.parametrize("text", ["", "[project]\nname = 'conda-pipsafe'\n", "tool = 'conda-pipsafe'\n"])
def test_project_without_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "project/pyproject.toml").write_text(text)
    assert find_configuration(str(tmp_path / "project")).path is None


@pytest.mark.parametrize(
    "text",
    [
        "plugins:\n  pipsafe_audit_ignore:\n    - PS505  # x\n  pipsafe_mode: warn\n  pipsafe_audit_fail_on: 'note'\n",
        'c:\n- x\nplugins:\n  p:\n  - y\n  pipsafe_audit_ignore: ["PS505",]\n\n  pipsafe_audit_fail_on: note\n',
        '{"plugins": {"pipsafe_audit_ignore": ["PS505"], "pipsafe_audit_fail_on": "note", "pipsafe_mode": "off"}}',
    ],
)
def test_settings_of_conda_without_conda(tmp_path: Path, text: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.condarc").write_text(text)
    assert read_settings([]) == Settings((), ("PS505",), "note", ())


def test_settings_of_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "root/.condarc": "PS1", "xdg/conda/condarc.d/a.yml": "PS2", "xdg/conda/condarc.d/b.txt": "PS999",
        "home/.conda/condarc": "PS3", "active/condarc": "PS4", "named": "PS5",
    }  # fmt: skip
    for place, code in places.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"plugins:\n  pipsafe_audit_select: {code}\n  pipsafe_audit_fail_on: {code}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "active"))
    monkeypatch.setenv("CONDARC", str(tmp_path / "named"))
    found = read_settings([str(tmp_path / "root")])
    assert (found.select, found.fail_on) == (("PS1", "PS2", "PS3", "PS4", "PS5"), "PS5")
    monkeypatch.setenv("CONDA_PLUGINS_PIPSAFE_AUDIT_SELECT", "PS6, PS7")
    monkeypatch.setenv("CONDA_PLUGINS_PIPSAFE_AUDIT_FAIL_ON", "error")
    found = read_settings([])
    assert (found.select, found.fail_on) == (("PS6", "PS7", "PS2", "PS3", "PS4", "PS5"), "error")


@pytest.mark.parametrize(
    "text",
    [
        "plugins: {pipsafe_audit_ignore: [PS505]}\n", "pipsafe_audit_ignore: [PS505]\n", '{"plugins": [',
        "plugins:\n  pipsafe_audit_ignore: &a\n    - PS505\n", '{"plugins": {"pipsafe_audit_ignore": [5]}}',
    ],
)  # fmt: skip
def test_what_is_not_plain_is_said(tmp_path: Path, capsys: Output, text: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.condarc").write_text(text + "# pipsafe_audit_\n" * (text[0] == "{"))
    env = healthy(tmp_path / "env")
    assert main(["audit", "-p", str(env.root)]) == 0
    assert f"pipsafe_audit_… of {tmp_path}/home/.condarc is not read without conda" in capsys.readouterr().err


def test_settings_count_below_the_project_and_the_command_line(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the tests run in may have conda loaded, which then is asked.
    monkeypatch.delitem(sys.modules, "conda", raising=False)
    env = harmed(tmp_path / "env")
    env.write(f"{SITE}/~ip/x")
    (tmp_path / "home").mkdir()
    condarc = tmp_path / "home/.condarc"
    condarc.write_text("plugins:\n  pipsafe_audit_ignore: PS103\n  pipsafe_audit_fail_on: error\n")
    assert [item["code"] for item in audit_json(capsys, "-p", env.root, code=0)["findings"]] == ["PS505"]
    assert len(audit_json(capsys, "-p", env.root, "--fail-on", "warning", code=3)["findings"]) == 1
    assert len(audit_json(capsys, "-p", env.root, "--no-config", code=3)["findings"]) == 2
    condarc.write_text("plugins:\n  pipsafe_audit_fail_on: never\n")
    assert "pipsafe_audit_fail_on of conda's configuration is 'never'" in audit_json(capsys, code=2)["error"]
