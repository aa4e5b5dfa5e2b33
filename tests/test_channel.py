"""The hermetic channel: environments from it are real to pip and to conda."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import (
    PIP_NETWORK,
    clean_environment,
    create_with_conda,
    create_with_rattler,
    python_of,
    scripts_of,
)
from conda_pipsafe.demo.package import PREFIX_PLACEHOLDER, PackageFile, PackageSpec
from conda_pipsafe.demo.python_package import (
    _virtual,
    ask_interpreter,
    python_package,
    site_packages_path,
)
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.running import Conda, pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv


def record_of(prefix: Path, name: str) -> dict[str, Any]:
    (path,) = (prefix / "conda-meta").glob(f"{name}-[0-9]*.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def test_rattler_environment_runs_its_own_pip(make_env: MakeEnv) -> None:
    prefix = make_env("pip")
    assert str(prefix) in pip(prefix, "--version").ok().stdout
    assert run(python_of(prefix), "-c", "import ssl, ctypes, sqlite3").returncode == 0


def test_pip_replaces_what_conda_owns(make_env: MakeEnv, wheelhouse: Path) -> None:
    prefix = make_env("pip", "alpha=1.0")
    assert run(scripts_of(prefix) / "alpha-cli").ok().stdout == "alpha 1.0\n"
    done = pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert "Uninstalling alpha-1.0" in done.stdout
    assert run(scripts_of(prefix) / "alpha-cli").ok().stdout == "alpha 2.0\n"
    site = next(prefix.glob("lib/python3.*/site-packages"))
    assert (site / "alpha" / "only_2_0.py").exists()
    assert not (site / "alpha" / "only_1_0.py").exists()
    assert (prefix / "share/alpha/data.txt").read_text() == "alpha 2.0\n"


def test_noarch_record_lists_target_paths(make_env: MakeEnv) -> None:
    prefix = make_env("alpha=1.0")
    files = record_of(prefix, "alpha")["files"]
    (site,) = {path.split("/alpha/")[0] for path in files if path.endswith("alpha/cli.py")}
    assert site.startswith("lib/python3.")
    assert {"bin/alpha-cli", "share/alpha/data.txt"} <= set(files)
    missing = [path for path in files if not (prefix / path).exists()]
    assert [path for path in missing if "__pycache__" not in path] == []


def test_python_package_is_free_of_the_machines_packages(make_env: MakeEnv) -> None:
    prefix = make_env("python")
    files = record_of(prefix, "python")["files"]
    assert not [path for path in files if path.endswith("EXTERNALLY-MANAGED")]
    assert not [path for path in files if "/site-packages/" in path and "README" not in path]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    purelib = Path(run(python_of(prefix), "-c", code).ok().stdout.strip())
    assert purelib.is_relative_to(prefix)


def test_platform_package_has_scripts_and_compiled_modules(make_env: MakeEnv) -> None:
    prefix = make_env("epsilon")
    for name in ("epsilon-script", "epsilon-cli"):
        script = scripts_of(prefix) / name
        assert run(script).ok().stdout == "epsilon\n"
        assert script.read_text().startswith(f"#!{prefix}/bin/python\n")
    (pyc,) = prefix.glob("lib/python3.*/site-packages/epsilon/__pycache__/*.pyc")
    assert pyc.relative_to(prefix).as_posix() in record_of(prefix, "epsilon")["files"]


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("py-delta", ["delta"], ["*.dist-info", "*.egg-info"]),
        ("zeta", ["zeta-1.0.dist-info/METADATA"], ["zeta-1.0.dist-info/RECORD"]),
        ("eta", ["eta-1.0.egg-info"], ["*.dist-info"]),
        ("theta", ["theta-1.0.egg-info/PKG-INFO"], ["*.dist-info"]),
        ("kappa", ["kappa-1.0.dist-info", "kappa_tools-1.0.dist-info"], []),
        ("iota-conda", ["iota_dist-1.0.dist-info", "iota_import"], []),
        ("ns-a", ["ns/__init__.py", "ns/a"], []),
    ],
)
def test_oddities_of_real_packages(make_env: MakeEnv, name: str, there: list[str], absent: list[str]) -> None:
    prefix = make_env(name)
    site = next(prefix.glob("lib/python3.*/site-packages"))
    assert [path for path in there if not (site / path).exists()] == []
    assert [found.name for pattern in absent for found in site.glob(pattern)] == []


def test_metadata_is_as_a_conda_build_leaves_it(make_env: MakeEnv) -> None:
    prefix = make_env("alpha=1.0")
    info = next(prefix.glob("lib/python3.*/site-packages/alpha-1.0.dist-info"))
    assert (info / "INSTALLER").read_text() == "conda"
    assert not (info / "REQUESTED").exists()
    url = json.loads((info / "direct_url.json").read_text())["url"]
    assert url.startswith("file:///home/conda/feedstock_root/")
    rows = {row.split(",")[0]: row for row in (info / "RECORD").read_text().splitlines()}
    assert rows["../../../bin/alpha-cli"].split(",")[1].startswith("sha256=")
    assert "../../../share/alpha/data.txt" in rows


def test_pip_check_is_clean_with_real_packages(make_env: MakeEnv) -> None:
    prefix = make_env("pip", "requests=2.31", "rich=13.7.1", "click")
    assert "No broken requirements" in pip(prefix, "check").ok().stdout
    code = "import requests, rich; print(requests.__version__)"
    assert run(python_of(prefix), "-W", "ignore", "-c", code).ok().stdout == "2.31.0\n"


def test_second_python(make_env: MakeEnv, second_python: str) -> None:
    prefix = make_env(f"python={second_python}", "pip", "alpha=1.0")
    assert f"(python {second_python})" in pip(prefix, "--version").ok().stdout
    assert (prefix / f"lib/python{second_python}/site-packages/alpha").is_dir()


def test_other_formats_links_and_placeholders(tmp_path: Path, work: Path) -> None:
    binary = b"\0" + PREFIX_PLACEHOLDER.encode() + b"/share\0end"
    spec = PackageSpec(
        name="lambda-data",
        version="1.0",
        noarch="generic",
        constrains=("alpha <3",),
        files={
            "share/lambda/text": f"{PREFIX_PLACEHOLDER}/share\n",
            "share/lambda/binary": binary,
            "share/lambda/link": PackageFile(link_to="text"),
            "bin/lambda": PackageFile(source=b"#!/bin/sh\necho lambda\n", executable=True),
        },
        extra_index={"purls": ["pkg:pypi/lambda-data"]},
    )
    channel = Channel(tmp_path / "channel")
    channel.add(spec, extension=".tar.bz2")
    channel.index()
    prefix = tmp_path / "env"
    create_with_rattler(prefix, ["lambda-data"], [channel], work)
    assert (prefix / "share/lambda/text").read_text() == f"{prefix}/share\n"
    content = (prefix / "share/lambda/binary").read_bytes()
    assert content.startswith(b"\0" + str(prefix).encode() + b"/share\0")
    assert len(content) == len(binary)
    assert (prefix / "share/lambda/link").readlink() == Path("text")
    assert run(prefix / "bin/lambda").ok().stdout == "lambda\n"
    assert Channel(channel.root).records()[0]["purls"] == ["pkg:pypi/lambda-data"]


def test_channel_forgets_what_is_removed(tmp_path: Path) -> None:
    channel = Channel(tmp_path)
    archive = channel.add(PackageSpec(name="mu", version="1.0", noarch="generic"))
    channel.index()
    assert [record["name"] for record in Channel(tmp_path).records()] == ["mu"]
    channel.remove(archive)
    channel.index()
    assert Channel(tmp_path).records() == []
    assert not archive.exists()


def test_platform_wheel_without_a_python_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(WheelSpec("nu", "1.0", tag="cp311-cp311-linux_x86_64"), tmp_path)
    with pytest.raises(ValueError, match="say for which Python"):
        package_from_wheel(Recipe(wheel))
    assert package_from_wheel(Recipe(wheel, python="3.11")).build == "py311_0"


def test_python_as_a_virtual_environment(channel: Channel, make_env: MakeEnv, tmp_path: Path, wheelhouse: Path) -> None:
    interpreter = ask_interpreter(Path(sys.executable))
    other = Channel(tmp_path / "other")
    files = _virtual(interpreter)
    spec = PackageSpec(
        name="python",
        version=interpreter.version,
        build="1_cpython",
        files=files,
        python_site_packages_path=site_packages_path(interpreter.version),
    )
    other.add_all([spec])
    prefix = make_env("pip", f"python=={interpreter.version}", channels=[other, channel])
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert run(scripts_of(prefix) / "alpha-cli").ok().stdout == "alpha 2.0\n"
    assert (prefix / site_packages_path(interpreter.version) / "alpha").is_dir()


@pytest.mark.parametrize("script", ["echo hello", "exit 1"])
def test_what_is_no_python_is_refused(tmp_path: Path, script: str) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(RuntimeError, match="name another interpreter"):
        python_package(program)


def test_system_python_installs_into_the_environment(tmp_path: Path, work: Path) -> None:
    """Debian's installs elsewhere, and a virtual environment of it would have no user's site-packages."""
    system = Path("/usr/bin/python3")
    if not system.exists():
        pytest.skip("this machine has no /usr/bin/python3")
    spec = python_package(system)
    channel = Channel(tmp_path / "channel")
    channel.add_all([spec])
    prefix = tmp_path / "env"
    create_with_rattler(prefix, ["python"], [channel], work)
    code = "import sysconfig; print(sysconfig.get_path('purelib'), sysconfig.get_path('scripts'))"
    purelib, _, scripts = run(python_of(prefix), "-c", code).ok().stdout.strip().partition(" ")
    assert Path(purelib) == prefix / site_packages_path(spec.version)
    assert Path(scripts) == scripts_of(prefix)
    if ask_interpreter(system).purelib.name != "dist-packages":
        return
    code = "import site, sys; print(site.ENABLE_USER_SITE, sys.base_prefix, *site.getsitepackages())"
    user, base, *found = run(python_of(prefix), "-c", code).ok().stdout.split()
    assert (user, Path(base)) == ("True", prefix)
    assert purelib in found
    assert not [path for path in found if "dist-packages" in path]
    assert not list(prefix.rglob("__pycache__/site.*"))


def test_unsolvable_environment_says_what_is_missing(channel: Channel, tmp_path: Path, work: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-package") as caught:
        create_with_rattler(tmp_path / "env", ["no-such-package"], [channel], work)
    assert channel.url in str(caught.value)


def test_clean_environment_scrubs_what_steers_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "x")
    assert "PIP_INDEX_URL" not in clean_environment()
    assert clean_environment(keep=PIP_NETWORK)["PIP_INDEX_URL"] == "x"
    for name in ("PIP_TARGET", "PYTHONPATH", "CONDA_PREFIX", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "x")
    kept = clean_environment({"EXTRA": "1"})
    assert not {"PIP_TARGET", "PYTHONPATH", "CONDA_PREFIX", "VIRTUAL_ENV"} & set(kept)
    assert kept["EXTRA"] == "1"
    assert "PATH" in kept


def test_conda_works_on_an_environment_that_rattler_made(conda: Conda, make_env: MakeEnv, channel: Channel) -> None:
    prefix = make_env("pip", "alpha=1.0")
    # Without our plugin: what is shown here is about the environment.
    plain = {"PYTHONPATH": ""}
    listed = conda.run("list", "--prefix", prefix, "--json", env=plain).ok().json()
    assert {"alpha", "pip", "python"} == {package["name"] for package in listed}
    done = conda.run("install", "--prefix", prefix, "--yes", "--json", "gamma", env=plain).ok()
    linked = done.json()["actions"]["LINK"]
    # Only what was asked for: the history keeps alpha at 1.0.
    assert [package["name"] for package in linked] == ["gamma"]
    assert record_of(prefix, "gamma")["channel"].startswith(channel.url)
    assert record_of(prefix, "alpha")["version"] == "1.0"


def test_environment_made_by_conda(conda: Conda, channel: Channel, tmp_path: Path, wheelhouse: Path) -> None:
    prefix = tmp_path / "env"
    specs = ["pip", "alpha=1.0", "epsilon"]
    create_with_conda(conda.executable, prefix, specs, [channel], conda.work)
    assert str(prefix) in pip(prefix, "--version").ok().stdout
    record = record_of(prefix, "alpha")
    assert "bin/alpha-cli" in record["files"]
    assert any(path.endswith("site-packages/alpha/cli.py") for path in record["files"])
    assert [path for path in record["files"] if not (prefix / path).exists()] == []
    pip(prefix, "install", "--find-links", wheelhouse, "alpha==2.0").ok()
    assert run(scripts_of(prefix) / "alpha-cli").ok().stdout == "alpha 2.0\n"
    assert run(scripts_of(prefix) / "epsilon-cli").ok().stdout == "epsilon\n"


def test_conda_error_is_reported_whole(conda: Conda, channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-package"):
        create_with_conda(conda.executable, tmp_path / "env", ["no-such-package"], [channel], conda.work)


def test_conda_finds_the_plugin_of_this_checkout(conda: Conda) -> None:
    names = conda.run("info", "--json").ok().json()
    assert names["conda_version"]
    code = (
        "from importlib.metadata import entry_points\n"
        "import conda_pipsafe, filelock\n"
        "(found,) = [p for p in entry_points(group='conda') if p.name == 'conda-pipsafe']\n"
        "print(found.value, conda_pipsafe.__file__)\n"
    )
    base = Path(names["root_prefix"])
    done = run(python_of(base), "-c", code, env=conda.environment).ok()
    value, _, file = done.stdout.strip().partition(" ")
    assert value == "conda_pipsafe.plugin"
    assert Path(file).is_relative_to(Path(__file__).resolve().parent.parent)
