"""The failure modes that go through an installer (groups A, D and G of the project's list), with real pip and real uv.

Each is refused or told, with the words that say what to do; its harmless twin passes. Where another file has the test:

- versions, here: pip-upgrades-conda-pkg, pip-self-upgrade, uv-upgrade, name-mapping-double, no-record-refusal,
  uv-no-record (what pip owns: test_install_uv.py)
- paths, here: foreign-name-overlap, entry-script-overwrite, shared-data-overwrite, namespace-init-lost,
  pip-breaks-conda-deps, pinned-ignored, pip-pulls-conda-pkg
- again, here: pip-same-version-reinstall, ignore-installed-dup
- the state of the environment, here: frozen-ignored, base-broken-by-pip, externally-managed-bypass, phantom-dist-info
- test_install_uv.py: uv-pip-sync-prunes-conda (`--exact`; there is no `sync`), uv-picks-conda-base, wrong-interpreter
- test_cli_install.py: pip-user, pip-target, pip-prefix, user-site-shadow, pythonpath-leak (uv looks at neither)
- test_uninstall.py: uv-removes-both-duplicates
- test_targets.py, by `status`: notebook-bang-pip, readonly-falls-to-user

record-erased-by-read, husk-package, hardlink-write-through, uv-hardlinks-own-cache, pixi-order and mamba-blind go
through no installer of ours: the hooks and the audit have them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conftest import MakeEnv
from support.guard_matrix import find_uv
from support.packages import namespace, simple
from support.pasting import commands_in
from support.states import contents, versions

Capture = pytest.CaptureFixture[str]
BACKENDS = ["pip", "uv"]


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Projects that do harm, each with a twin that does not."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    specs = [
        WheelSpec("gamma-extra", "1.0", {"gamma_extra.py": ""}),
        WheelSpec("scripted", "1.0", {"scripted.py": ""}, console_scripts=["alpha-cli = scripted:main"]),
        WheelSpec("scripted-twin", "1.0", {"scripted_twin.py": ""}, console_scripts=["twin-cli = scripted_twin:main"]),
        WheelSpec("sharing", "1.0", {"sharing.py": ""}, data={"share/alpha/data.txt": "another"}),
        WheelSpec("sharing-twin", "1.0", {"sharing_twin.py": ""}, data={"share/alpha/twin.txt": ""}),
        WheelSpec("ns-other", "1.0", {"ns/__init__.py": "# another\n", "ns/other/__init__.py": ""}),
        WheelSpec("ns-twin", "1.0", {"ns/twin/__init__.py": ""}),
        namespace("ns-b", "b"),
        simple("wants-conda", requires=("conda",)),
        simple("conda", "4.3.16"),
        simple("iota-dist", "2.0"),
        simple("pip", "99.0"),
        simple("broken-by", "2.0"),
        simple("broken-by", "1.0"),
        simple("pinned", "2.0"),
        simple("pinned", "1.0"),
    ]
    for spec in specs:
        write_wheel(spec, folder)
    return folder


@pytest.fixture
def env(make_env: MakeEnv, tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = {
        "UV_CACHE_DIR": str(work / "uv-cache"),
        "PIP_ROOT_USER_ACTION": "ignore",
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_DIRS": str(tmp_path / "etc"),
        "PATH": os.pathsep.join([str(find_uv().parent), os.environ["PATH"]]),
    }
    variables = clean_environment(settings)
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    prefix = make_env("python", "pip", "alpha=1.0", "gamma", "py-delta", "ns-a", "iota-conda", "zeta")
    # As a conda package that depends on what only pip has.
    path = next((prefix / "conda-meta").glob("gamma-*.json"))
    record = json.loads(path.read_text())
    record["depends"] = [*record["depends"], "broken-by <2"]
    path.unlink()
    path.write_text(json.dumps(record))
    (prefix / "conda-meta" / "pinned").write_text("pinned <2\n")
    return prefix


@pytest.mark.parametrize("backend", BACKENDS)
def test_refused_and_the_harmless_twins_pass(
    env: Path, wheels: Path, wheelhouse: Path, backend: str, capfd: Capture
) -> None:
    def install(*words: str) -> tuple[int, str]:
        links = ["--no-index", "-f", str(wheels), "-f", str(wheelhouse)]
        code = main(["install", "--backend", backend, "-p", str(env), *links, *words])
        err = capfd.readouterr().err
        commands_in(err)
        return code, err

    before = contents(env)
    paths = ["gamma-core", "delta-python", "scripted", "sharing", "ns-other", "wants-conda"]
    # Of unversioned requirements pip takes the versions that fit: see test_install_overlap.py.
    needs = ["broken-by>=2", "pinned>=2"]
    versions = ["alpha>=2", "pip>=99", "iota-dist>=2", "zeta>=2"]
    again = ["--force-reinstall" if backend == "pip" else "--reinstall-package=alpha", "--no-deps", "alpha==1.0"]
    for words, expected in ((paths, PATHS), (needs, NEEDS), (versions, VERSIONS), (again, AGAIN)):
        code, err = install(*words)
        assert code == 4, err
        assert not [text for text in expected if text.format(prefix=env) not in err], err
    if backend == "pip":
        code, err = install("--ignore-installed", "--no-deps", "alpha==2.0")
        assert (code, "alpha 2.0 would replace conda's alpha 1.0" in err) == (4, True), err
    assert contents(env) == before
    twins = ["alpha==1.0", "pip", "Iota.Dist", "zeta", "gamma-extra", "scripted-twin", "sharing-twin", "ns-twin"]
    code, err = install(*twins, "ns-b", "broken-by<2", "pinned<2", "piponly")
    assert code == 0, err
    assert "ns/__init__.py, the same in both: whoever is uninstalled first takes it along" in err


PATHS = [
    "gamma-core 1.0 would write over lib/python",
    "delta-python 1.0 would write over lib/python",
    "conda's py-delta 1.0 owns it",
    "scripted 1.0 would write over bin/alpha-cli: conda's alpha 1.0 owns it",
    "sharing 1.0 would write over share/alpha/data.txt: conda's alpha 1.0 owns it",
    "ns-other 1.0 would write over lib/python",
    "conda 4.3.16 from PyPI is not the conda that you know",
    "wants-conda 1.0 needs conda",
    "or:      --allow-replace scripted",
]
NEEDS = [
    "broken-by 2.0 would break conda's packages: gamma 1.0 needs broken-by <2",
    "pinned 2.0 is ruled out by conda-meta/pinned: pinned <2",
]
VERSIONS = [
    "alpha 3.0 would replace conda's alpha 1.0",
    "instead: conda update -p {prefix} pip",
    "iota-dist 2.0 would replace conda's iota-dist 1.0",
    "conda install -p {prefix} 'iota-conda>=2'",
    "zeta 2.0 would replace conda's zeta 1.0",
]
AGAIN = ["alpha 1.0 would be written over conda's alpha 1.0", "leave out --force-reinstall"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_state_of_the_environment_counts(
    env: Path, wheels: Path, wheelhouse: Path, backend: str, capfd: Capture
) -> None:
    def install(*words: str) -> tuple[int, str]:
        links = ["--no-index", "-f", str(wheels), "-f", str(wheelhouse)]
        code = main(["install", "--backend", backend, "-p", str(env), *links, *words])
        err = capfd.readouterr().err
        commands_in(err)
        return code, err

    (env / "conda-meta" / "frozen").write_text('{"message": "ask first"}')
    code, err = install("eta")
    assert (code, "is frozen (conda-meta/frozen): ask first" in err) == (4, True), err
    (env / "conda-meta" / "frozen").unlink()
    record = {"name": "conda", "version": "26.1", "build": "0", "build_number": 0, "files": []}
    (env / "conda-meta" / "conda-26.1-0.json").write_text(json.dumps(record))
    code, err = install("eta")
    assert (code, "conda 26.1 itself runs in" in err) == (4, True), err
    assert commands_in(err) == ["conda create -n myenv python pip"]
    (env / "conda-meta" / "conda-26.1-0.json").unlink()
    library = next(env.glob("lib/python3*"))
    (library / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=ask your administrator\n")
    before = contents(env)
    code, err = install("eta")
    assert (code, "ask your administrator" in err) == (1, True), err
    assert contents(env) == before
    assert install("--break-system-packages", "eta")[0] == 0
    (library / "EXTERNALLY-MANAGED").unlink()
    assert versions(env)["eta"] == "2.0"
    # What conda leaves of a package that pip had installed over.
    (library / "site-packages" / "broken_by-1.0.dist-info").mkdir()
    (library / "site-packages" / "broken_by-1.0.dist-info" / "REQUESTED").write_text("")
    code, err = install("broken-by<2")
    said = "is a leftover without metadata" if backend == "pip" else "ailed to read metadata"
    if "due to invalid metadata entry" in err:  # pip 23.0 does not take it for an installation
        assert (code, versions(env)["broken-by"]) == (0, "1.0")
        return
    assert said in err, (code, err)
    assert f"{library.relative_to(env)}/site-packages/broken_by-1.0.dist-info" in err


@pytest.mark.parametrize("words", [["-I", "alpha==2.0"], ["--force-reinstall", "--no-deps", "alpha==1.0"]])
def test_what_is_allowed_goes_through_all_the_same(env: Path, wheelhouse: Path, words: list[str]) -> None:
    links = ["--no-index", "-f", str(wheelhouse)]
    assert main(["install", "-p", str(env), *links, "--allow-replace", "alpha", *words]) == 0
    assert (
        next(env.glob(f"lib/python3*/site-packages/alpha-{words[-1][-3:]}.dist-info/INSTALLER")).read_text() == "pip\n"
    )
