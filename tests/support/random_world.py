"""Random conda packages and wheels that get in each other's way, and random commands over them."""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.package import PREFIX_PLACEHOLDER, PackageFile, PackageSpec
from conda_pipsafe.demo.wheel_package import MetadataStyle, Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import PKGUTIL_NAMESPACE, WheelSpec, write_wheel
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.running import Finished, run

NAMES = ("ash", "birch", "cedar", "elm", "fir")
FOREIGN = ("oak", "pine", "rowan")
VERSIONS = ("1.0", "2.0", "3.0")
OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"

# An in-tree build backend: an editable install then needs no index and no isolation.
BACKEND = """
import base64, hashlib, pathlib, zipfile

NAME, VERSION = {name!r}, {version!r}

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    source = str(pathlib.Path(__file__).parent / "src")
    files = {{
        f"__editable__.{{NAME}}-{{VERSION}}.pth": source + "\\n",
        f"{{info}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    def digest(text):
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    rows = [f"{{n}},sha256={{digest(t)}},{{len(t)}}" for n, t in files.items()]
    files[f"{{info}}/RECORD"] = "\\n".join([*rows, f"{{info}}/RECORD,,", ""])
    target = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target

def build_wheel(*args, **kwargs):
    raise NotImplementedError
"""


@dataclass
class World:
    """What one seed makes.

    Attributes:
        rng: The source of all choices.
        channel: Its conda packages.
        wheels: Folder of its wheels.
        editables: Checkouts that can be installed with `-e`.
        linked: A folder was moved and linked: a copy of conda's has conda's files in it twice, by both names.
    """

    rng: random.Random
    channel: Channel
    wheels: Path
    editables: list[Path]
    linked: bool = False

    @classmethod
    def make(cls, seed: int, folder: Path, pythons: tuple[str, ...], *, odd: bool = True) -> World:
        """Make the channel, the wheels and the checkouts.

        Args:
            seed: The same one makes the same world.
            folder: Where to.
            pythons: What packages of a platform are built for.
            odd: Some of them have a file where others have a folder, which py-rattler does not carry out.
        """
        rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
        staging, wheels = folder / "staging", folder / "wheels"
        staging.mkdir(parents=True)
        wheels.mkdir()
        channel = Channel(folder / "channel")
        packages: list[PackageSpec] = []
        for name in NAMES:
            style = rng.choice(("noarch", "noarch", "noarch", "arch", "data"))
            for version in VERSIONS:
                packages += _conda_packages(rng, staging, name, version, style, pythons, odd=odd)
        channel.add_all(packages)
        for name in (*NAMES, *FOREIGN):
            for version in rng.sample(VERSIONS, 2):
                write_wheel(_wheel(rng, name, version, odd=odd), wheels)
        editables = [make_checkout(folder / f"checkout-{name}", name) for name in rng.sample((*NAMES, *FOREIGN), 2)]
        return cls(rng, channel, wheels, editables)

    def conda_specs(self) -> list[str]:
        """A few conda packages to begin with."""
        return [
            f"{name}={self.rng.choice(VERSIONS)}" if self.rng.random() < 0.7 else name
            for name in self.rng.sample(NAMES, self.rng.randint(0, 4))
        ]

    def specs(self) -> list[str]:
        """One or two conda packages to install, some with their version."""
        some = self.rng.sample(NAMES, self.rng.randint(1, 2))
        return [f"{name}={self.rng.choice(VERSIONS)}" if self.rng.random() < 0.7 else name for name in some]

    def pip_arguments(self) -> list[list[str]]:
        """A few pip commands that come next, each with its options."""
        calls: list[list[str]] = []
        for wheel in self.rng.sample(sorted(self.wheels.glob("*.whl")), self.rng.randint(1, 5)):
            force = self.rng.choice(([], [], ["--force-reinstall"], ["--ignore-installed"]))
            calls.append(["install", "--no-deps", *force, str(wheel)])
        if self.rng.random() < 0.3:
            checkout = self.rng.choice(self.editables)
            calls.append(["install", "--no-deps", "--no-build-isolation", "-e", str(checkout)])
        return calls

    def command(self, prefix: Path, pythons: tuple[str, ...], revisions: int) -> list[str]:
        """One conda command that changes a prefix, without `-p` (clone and rename name it themselves)."""
        rng = self.rng
        installed = [record.name for record in read_snapshot(str(prefix)).records if record.name in NAMES]
        some = rng.sample(NAMES, rng.randint(1, 2))
        versioned = [f"{name}={rng.choice(VERSIONS)}" for name in some]
        archive = rng.choice(sorted(self.channel.root.glob("*/*.conda")))
        choices = [
            ["install", *versioned],
            ["install", *versioned],
            ["install", *some],
            ["install", *versioned, "--dry-run"],
            ["install", str(archive)],
            ["update", "--all"],
            *([] if self.linked else [["create", "--clone", str(prefix)], ["rename"]]),
            ["env", "update", "--file", str(self._environment_file(prefix, versioned))]
            + ([] if rng.random() < 0.5 else ["--prune"]),
        ]
        if installed:
            one = rng.choice(installed)
            choices += [["update", one], ["remove", one], ["remove", one, "--force"]]
            again = ["install", "--force-reinstall", one]
            choices += [[*again, *rng.choice(([], ["--copy"]))], ["remove", one], [*again, "--no-deps"]]
        if revisions > 1:
            choices.append(["install", "--revision", str(rng.randrange(revisions))])
        if len(pythons) > 1:
            choices.append(["install", f"python={rng.choice(pythons)}"])
        return rng.choice(choices)

    def _environment_file(self, prefix: Path, specs: list[str]) -> Path:
        file = prefix.parent / "environment.yml"
        python = read_snapshot(str(prefix)).python
        # JSON is YAML.
        file.write_text(json.dumps({"dependencies": [f"python={python}", "pip", *specs]}), encoding="utf-8")
        return file

    def disturb(self, prefix: Path) -> None:
        """What old tools and accidents leave: a distribution without RECORD, an egg-info with its list of files."""
        snapshot = read_snapshot(str(prefix))
        owned = [dist for dist in snapshot.pip_distributions() if dist.has_record]
        if owned and self.rng.random() < 0.3:
            (prefix / self.rng.choice(owned).path / "RECORD").unlink()
        if self.rng.random() < 0.2:
            _link_scripts(prefix / "bin")
        if self.rng.random() < 0.2:
            self.linked = _link_folder(prefix / "share")
        if self.rng.random() < 0.4:
            site = next(site.path for site in snapshot.sites if site.current)
            _write_egg_info(prefix / site, self.rng.choice((*NAMES, *FOREIGN)), self.rng)


def install_with_pip(prefix: Path, calls: list[list[str]]) -> Finished:
    """Run several pip commands by forks of one process: pip's start takes longer than its work."""
    quiet = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
    return run(python_of(prefix), "-c", _FORKING_PIP, json.dumps(calls), env=clean_environment(quiet))


_FORKING_PIP = """
import json, os, sys
from pip._internal.cli.main import main
for words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        os._exit(main(words) or 0)
    os.waitpid(child, 0)
"""


def _link_scripts(folder: Path) -> None:
    """One command as a link to another, as people make them."""
    if (folder / "saw").exists() and (folder / "axe").exists():
        (folder / "saw").unlink()
        (folder / "saw").symlink_to("axe")


def _link_folder(folder: Path) -> bool:
    """A folder that was moved, and a link where it was; whether there was one."""
    wood, timber = folder / "wood", folder / "timber"
    if not wood.is_dir() or wood.is_symlink():
        return False
    wood.rename(timber)
    (timber / "mine.txt").write_text("", encoding="utf-8")  # conda ends with an error where such a folder gets empty
    wood.symlink_to("timber")
    return True


def _write_egg_info(site: Path, name: str, rng: random.Random) -> None:
    """As `setup.py install --record` by an old pip: installed-files.txt is relative to the egg-info."""
    info = site / f"{name}_egg-{rng.choice(VERSIONS)}-py3.egg-info"
    info.mkdir(exist_ok=True)
    files = [f"{name}/__init__.py", f"{name}/egg.py", "trunk/bark.py"]
    for file in files:
        target = site / file
        target.parent.mkdir(exist_ok=True)
        replacement = target.with_suffix(".new")
        replacement.write_text("# egg\n", encoding="utf-8")
        replacement.replace(target)
    (info / "PKG-INFO").write_text(f"Metadata-Version: 1.1\nName: {name}-egg\nVersion: 1.0\n", encoding="utf-8")
    rows = [f"../{file}" for file in files] + ["PKG-INFO", "installed-files.txt"]
    (info / "installed-files.txt").write_text("\n".join([*rows, ""]), encoding="utf-8")


def _content(rng: random.Random, name: str, version: str) -> WheelSpec:
    """A distribution whose paths may be those of others: few modules, scripts and data files for many names."""
    modules = {f"{name}/__init__.py": f"VERSION = {version!r}\n", f"{name}/v{version[0]}.py": ""}
    for shared in rng.sample(("trunk", "leaf", "root"), rng.randint(0, 2)):
        modules[f"{shared}/__init__.py"] = f"# {name} {version}\n"
        # Now and then one that no Python compiles.
        text = "def {{ name }}(:\n" if rng.random() < 0.15 else f"# {name} {version}\n"
        modules[f"{shared}/{rng.choice(('bark', name, 'bark.twig'))}.py"] = text
    if rng.random() < 0.3:
        modules["grove/__init__.py"] = PKGUTIL_NAMESPACE
        modules[f"grove/{name}.py"] = ""
    scripts = [f"{script} = {name}:main" for script in rng.sample(("saw", "axe", name), rng.randint(0, 2))]
    data = {f"share/{item}/table.txt": f"{name} {version}\n" for item in rng.sample(("wood", name), rng.randint(0, 2))}
    if rng.random() < 0.2:
        data[f"share/{name}/link.txt"] = name
    if rng.random() < 0.2:  # what conda copies nowhere
        data[rng.choice(("LICENSE.txt", "info/about.txt", f"share/{name}/table.txt~", "bin/activate"))] = name
    legacy = {"plane": f"#!python\nprint({name!r})\n"} if rng.random() < 0.3 else {}
    requires = [_requirement(rng) for _ in range(rng.choice((0, 0, 1, 2)))]
    return WheelSpec(
        name=name, version=version, modules=modules, data=data, scripts=legacy, console_scripts=scripts,
        requires_dist=requires,
    )  # fmt: skip


def _requirement(rng: random.Random) -> str:
    """What a distribution asks for: conda is not told, and pip runs with `--no-deps`."""
    spec = f"{rng.choice(NAMES)}{rng.choice(('', '>=2', '<3', '==1.0', '!=2.0'))}"
    return spec + rng.choice(("", "", f'; python_version < "{OWN}"', f'; python_version >= "{OWN}"', '; extra == "x"'))


def _wheel(rng: random.Random, name: str, version: str, *, odd: bool) -> WheelSpec:
    spec = _content(rng, name, version)
    if odd and not spec.data and rng.random() < 0.3:
        # A file where others have a folder.
        return replace(spec, data={f"share/{rng.choice(('wood', *NAMES))}": name})
    return spec


def _conda_packages(
    rng: random.Random, staging: Path, name: str, version: str, style: str, pythons: tuple[str, ...], *, odd: bool
) -> list[PackageSpec]:
    builds: list[PackageSpec] = []
    # Now and then a version is built anew, with other files.
    for number in range(1 if rng.random() < 0.8 else 2):
        builds += _one_build(rng, staging / str(number), name, version, style, pythons, number, odd=odd)
    return builds


def _one_build(
    rng: random.Random, staging: Path, name: str, version: str, style: str, pythons: tuple[str, ...], number: int, *,
    odd: bool,
) -> list[PackageSpec]:  # fmt: skip
    if style == "data":
        bare = PackageSpec(name=name, version=version, build=f"g_{number}", build_number=number, noarch="generic")
        if odd and rng.random() < 0.25:
            return [replace(bare, files={f"share/{name}": f"{name} {version}\n".encode()})]
        files: dict[str, PackageFile | bytes] = {
            f"share/{rng.choice(('wood', name))}/table.txt": f"{name} {version}\n".encode(),
            "bin/plane": f"#!{PREFIX_PLACEHOLDER}/bin/python\n".encode(),
            f"share/{name}/link.txt": PackageFile(link_to="../wood/table.txt"),
        }
        return [replace(bare, files=files)]
    folder = staging / f"{name}-{version}"
    folder.mkdir(parents=True)
    spec = _content(rng, name, version)
    wheel = write_wheel(spec, folder)
    metadata: MetadataStyle = rng.choice(("dist-info", "dist-info", "dist-info", "none", "no-record", "egg-info-dir"))
    recipe = Recipe(wheel, metadata=metadata, depends=["python"], build_number=number)
    if style != "arch":
        return [package_from_wheel(recipe)]
    # Compiled modules are for the Python that runs this.
    compiles = not any(text.startswith("def {{") for text in spec.modules.values() if isinstance(text, str))
    own = [
        replace(recipe, python=python, pyc=python == OWN and compiles, depends=[f"python {python}.*"])
        for python in pythons
    ]
    return [package_from_wheel(one) for one in own]


def make_checkout(folder: Path, name: str) -> Path:
    """A checkout that pip can install in place, with no index and nothing to build it with."""
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__init__.py").write_text("VERSION = 'checkout'\n", encoding="utf-8")
    (folder / "backend.py").write_text(BACKEND.format(name=name, version="9.0"), encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "9.0"\n',
        encoding="utf-8",
    )
    return folder
