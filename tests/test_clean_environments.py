"""Environments in which nothing is wrong: the audit says nothing, at its default depth and with every file hashed."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.package import PREFIX_PLACEHOLDER, PackageFile, PackageSpec
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.packages import namespace, simple
from support.random_world import make_checkout
from support.real_damage import command, look, site_of, uv
from support.running import pip, run

if TYPE_CHECKING:
    from conftest import MakeEnv

_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
EVERY_SHAPE = (
    "pip", "alpha=1.0", "beta", "gamma", "py-delta", "zeta", "eta", "theta", "ns-a", "iota-conda", "kappa", "epsilon",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Maker:
    """What the recipes below need."""

    env: MakeEnv
    channel: Channel
    wheels: Path
    folder: Path
    driver: Driver | None = None
    second: str = ""

    def pip(self, prefix: Path, *words: str | Path) -> None:
        pip(prefix, "install", "--find-links", self.wheels, *words).ok()

    def conda(self, *words: str | Path) -> None:
        assert self.driver is not None
        self.driver.run(*words).ok()

    def wheel(self, spec: WheelSpec) -> Path:
        return write_wheel(spec, self.folder)


Recipes = Callable[[Maker], Path]


@pytest.fixture
def maker(make_env: MakeEnv, channel: Channel, rival_wheels: Path, tmp_path: Path) -> Maker:
    return Maker(make_env, channel, rival_wheels, tmp_path)


def conda_only(make: Maker) -> Path:
    """Several dist-infos in one package, none, one without RECORD, egg-infos, noarch and arch, entry points."""
    return make.env(*EVERY_SHAPE)


def without_python(make: Maker) -> Path:
    return make.env("llvm-openmp", channels=[_generic(make)])


def _generic(make: Maker) -> Channel:
    files: dict[str, PackageFile | bytes | str | Path] = {
        "lib/libomp.so.5": b"x",
        "lib/libomp.so": PackageFile(link_to="libomp.so.5"),
        "etc/omp.conf": b"prefix\n",
    }
    made = Channel(make.folder / "generic")
    made.add_all([PackageSpec("llvm-openmp", "19.1", files=files)])
    return made


def pip_only(make: Maker) -> Path:
    prefix = make.env("python", "pip")
    make.pip(prefix, "alpha", "beta", "gamma-core", "stray", "torchlike", "zeta", "eta")
    return prefix


def mixed(make: Maker) -> Path:
    prefix = make.env(*EVERY_SHAPE)
    make.pip(prefix, "piponly", "stray", "plain", "needs-numpy")
    return prefix


def moved_python(make: Maker) -> Path:
    """What was made for the first Python is gone; pip's things were installed again."""
    prefix = make.env("pip", f"python<{make.second}", "alpha=1.0")
    make.pip(prefix, "stray")
    pip(prefix, "uninstall", "-y", "stray").ok()
    make.conda("install", "-y", "-p", prefix, f"python={make.second}")
    make.pip(prefix, "stray", "piponly")
    return prefix


def other_python(make: Maker) -> Path:
    """An environment of the other Python, beside those of the first."""
    prefix = make.env("pip", f"python={make.second}", "alpha=1.0", "kappa")
    make.pip(prefix, "stray")
    return prefix


def editable(make: Maker) -> Path:
    prefix = make.env("pip", "alpha=1.0")
    make.pip(prefix, "--no-build-isolation", "--no-deps", "-e", make_checkout(make.folder / "checkout", "mine"))
    return prefix


def editable_by_uv(make: Maker) -> Path:
    prefix = make.env("pip", "alpha=1.0")
    uv(prefix, "install", "--no-build-isolation", "--no-deps", "-e", make_checkout(make.folder / "checkout", "mine"),
       wheels=make.wheels).ok()  # fmt: skip
    return prefix


def egg_link(make: Maker) -> Path:
    """As `setup.py develop` leaves it; the pips of today write no such link any more."""
    prefix, checkout = make.env("pip", "alpha=1.0"), make.folder / "old"
    (checkout / "old.egg-info").mkdir(parents=True)
    (checkout / "old.py").write_text("")
    (checkout / "old.egg-info/PKG-INFO").write_text("Metadata-Version: 1.1\nName: old\nVersion: 1.0\n")
    (site_of(prefix) / "old.egg-link").write_text(f"{checkout}\n.")
    (site_of(prefix) / "easy-install.pth").write_text(f"{checkout}\n")
    return prefix


def namespaces(make: Maker) -> Path:
    """Portions of one namespace package by conda and by pip, without an `__init__.py` that both would have."""
    portion = [make.wheel(WheelSpec(f"nn-{name}", "1.0", {f"nn/{name}/__init__.py": ""})) for name in ("a", "b")]
    mine = Channel(make.folder / "namespaces")
    mine.add_all([package_from_wheel(Recipe(portion[0]))])
    prefix = make.env("pip", "nn-a", channels=[make.channel, mine])
    make.pip(prefix, portion[1])
    run(prefix / "bin/python", "-c", "import nn.a, nn.b").ok()
    return prefix


def pkgutil_namespaces(make: Maker) -> Path:
    prefix = make.env("pip")
    make.pip(prefix, "ns-b", make.wheel(namespace("ns-c", "c")))
    run(prefix / "bin/python", "-c", "import ns.b, ns.c").ok()
    return prefix


def bytecode(make: Maker) -> Path:
    """Everything compiled at three levels, much of it taken away again."""
    prefix = make.env("pip", "alpha=1.0", "epsilon")
    make.pip(prefix, "stray", "plain")
    for level in ("-q", "-qO", "-qOO"):
        run(prefix / "bin/python", level[:1] + (level[2:] or "B"), "-m", "compileall", "-q", site_of(prefix)).ok()
    for folder in list((site_of(prefix) / "alpha").rglob("__pycache__")):
        shutil.rmtree(folder)
    shutil.rmtree(site_of(prefix) / "plain/__pycache__")
    return prefix


def converted_wheels(make: Maker) -> Path:
    """As conda-pypi converts them: the wheel's own dist-info, INSTALLER of its tool, no RECORD row of it."""
    spec = package_from_wheel(Recipe(make.wheel(simple("converted", requires=("alpha>=1",)))))
    files: dict[str, PackageFile | bytes | str | Path] = dict(spec.files)
    info = "site-packages/converted-1.0.dist-info"
    files[f"{info}/INSTALLER"] = b"conda-pypi"
    files[f"{info}/REQUESTED"] = b""
    mine = Channel(make.folder / "converted")
    mine.add_all([dataclasses.replace(spec, files=files)])
    prefix = make.env("pip", "converted", channels=[make.channel, mine])
    make.pip(prefix, "piponly")
    return prefix


def by_uv(make: Maker) -> Path:
    prefix = make.env("python", "gamma")
    uv(prefix, "install", "alpha", "beta", "stray", "torchlike", wheels=make.wheels).ok()
    return prefix


def legacy_egg_info(make: Maker) -> Path:
    """As `setup.py install --single-version-externally-managed` of an old pip leaves it: with its list of files."""
    prefix = make.env("pip")
    info = site_of(prefix) / f"legacy-1.0-py{sys.version_info[0]}.{sys.version_info[1]}.egg-info"
    info.mkdir()
    (site_of(prefix) / "legacy.py").write_text("")
    (info / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: legacy\nVersion: 1.0\n")
    (info / "requires.txt").write_text("pip>=1\n\n[more]\nnot-there\n")
    (info / "installed-files.txt").write_text("../legacy.py\nPKG-INFO\nrequires.txt\ninstalled-files.txt\n")
    return prefix


def through_a_link(make: Maker) -> Path:
    prefix = make.env("pip", "alpha=1.0", "epsilon")
    link = make.folder / "link"
    link.symlink_to(prefix)
    make.pip(link, "stray")
    return link


def relocated(make: Maker) -> Path:
    """Moved, with the old path replaced by the new one in text and in binaries, as conda-unpack does."""
    binary = b"\x7fELF\0%b/lib:%b/share\0\0rest\0" % ((PREFIX_PLACEHOLDER.encode(),) * 2)
    mine = Channel(make.folder / "binaries")
    mine.add_all([PackageSpec("tool", "1.0", files={"bin/tool": PackageFile(binary, placeholder=PREFIX_PLACEHOLDER,
                                                                            file_mode="binary")})])  # fmt: skip
    old = make.env("pip", "alpha=1.0", "epsilon", "tool", name="before", channels=[make.channel, mine])
    make.pip(old, "stray")
    prefix = old.rename(old.parent / "behind")
    for script in (prefix / "bin").iterdir():
        content = b"" if script.is_symlink() else script.read_bytes()
        if bytes(old) in content:
            mode = script.stat().st_mode
            script.unlink()
            script.write_bytes(content.replace(bytes(old), bytes(prefix)))
            script.chmod(mode)
    return prefix


def packed(make: Maker) -> Path:
    """As conda-pack moves it: scripts look for the environment's Python on PATH."""
    scripts = package_from_wheel(Recipe(make.wheel(command("tools", "tools", "tool")), python=_PYTHON))
    mine = Channel(make.folder / "scripts")
    mine.add_all([scripts])
    prefix = make.env("pip", "tools", channels=[make.channel, mine])
    make.pip(prefix, "stray")
    for name in ("tool", "stray", "pip"):
        script = prefix / "bin" / name
        content = script.read_bytes().replace(b"#!%b/bin/" % bytes(prefix), b"#!/usr/bin/env ")
        assert content.startswith(b"#!/usr/bin/env python")
        script.unlink()
        script.write_bytes(content)
        script.chmod(0o755)
    return prefix


def by_conda(make: Maker) -> Path:
    prefix = make.folder / "made"
    make.conda("create", "-y", "-p", prefix, *EVERY_SHAPE)
    make.pip(prefix, "piponly", "stray")
    return prefix


def cloned(make: Maker) -> Path:
    source = make.env(*EVERY_SHAPE)
    make.pip(source, "piponly", "stray")
    make.conda("create", "-y", "-p", make.folder / "clone", "--clone", source)
    return make.folder / "clone"


def updated(make: Maker) -> Path:
    prefix = make.env("pip", "alpha=1.0", "beta", "kappa")
    make.pip(prefix, "piponly")
    make.conda("update", "-y", "-p", prefix, "--all")
    make.conda("remove", "-y", "-p", prefix, "kappa")
    make.conda("list", "-p", prefix)
    return prefix


def renamed(make: Maker) -> Path:
    source = make.env("pip", "alpha=1.0", "epsilon")
    make.pip(source, "piponly")
    make.conda("rename", "-p", source, make.folder / "renamed")
    return make.folder / "renamed"


def protected(make: Maker) -> Path:
    """Pinned, marked as frozen and as externally managed after all was installed."""
    prefix = make.env("pip", "alpha=1.0")
    make.pip(prefix, "piponly")
    (prefix / "conda-meta/pinned").write_text("alpha 1.*\n")
    (prefix / "conda-meta/frozen").write_text("{}")
    (site_of(prefix).parent / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    return prefix


RECIPES = (
    conda_only, without_python, pip_only, mixed, editable, editable_by_uv, egg_link, namespaces, pkgutil_namespaces,
    bytecode, converted_wheels, by_uv, legacy_egg_info, through_a_link, relocated, packed, protected,
)  # fmt: skip
BY_CONDA = (by_conda, cloned, updated, renamed)
TWO_PYTHONS = (moved_python, other_python)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.__name__)
def test_nothing_is_found(maker: Maker, recipe: Recipes) -> None:
    assert look(recipe(maker), hashes=True) == ()


@pytest.mark.parametrize("recipe", BY_CONDA, ids=lambda recipe: recipe.__name__)
def test_nothing_is_found_in_what_conda_made(maker: Maker, driver: Driver, recipe: Recipes) -> None:
    assert look(recipe(dataclasses.replace(maker, driver=driver)), hashes=True) == ()


@pytest.mark.parametrize("recipe", TWO_PYTHONS, ids=lambda recipe: recipe.__name__)
def test_nothing_is_found_with_two_pythons(maker: Maker, driver: Driver, second_python: str, recipe: Recipes) -> None:
    assert look(recipe(dataclasses.replace(maker, driver=driver, second=second_python)), hashes=True) == ()


def test_a_packed_script_that_was_edited_is_told(maker: Maker) -> None:
    prefix = packed(maker)
    with (prefix / "bin/tool").open("a") as file:
        file.write("print()\n")
    assert [(item.code, item.paths) for item in look(prefix, hashes=True)] == [("PS120", ("bin/tool",))]
