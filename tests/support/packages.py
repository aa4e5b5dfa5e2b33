"""The tiny packages that the tests' environments are made of, as wheels and as conda packages.

Their names and shapes are those of the project's list of failure modes, so that a mode's recipe can
be run as it stands there.
"""

from __future__ import annotations

from pathlib import Path

from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import PKGUTIL_NAMESPACE, WheelSpec, write_wheel


def alpha(version: str) -> WheelSpec:
    """A module, one module per version, an entry point, a data file."""
    only = f"alpha/only_{version.replace('.', '_')}.py"
    return WheelSpec(
        name="alpha",
        version=version,
        modules={
            "alpha/__init__.py": f'__version__ = "{version}"\n',
            "alpha/cli.py": (
                'from alpha import __version__\n\n\ndef main() -> None:\n    print("alpha", __version__)\n'
            ),
            only: f'ONLY = "{version}"\n',
        },
        data={"share/alpha/data.txt": f"alpha {version}\n"},
        console_scripts=["alpha-cli = alpha.cli:main"],
    )


def simple(name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> WheelSpec:
    """One package named as its distribution, with one module."""
    module = name.replace("-", "_")
    return WheelSpec(
        name=name,
        version=version,
        modules={f"{module}/__init__.py": f'NAME = "{name}"\nVERSION = "{version}"\n'},
        requires_dist=list(requires),
    )


def same_files(name: str, module: str) -> WheelSpec:
    """Another distribution that owns the files of `module`."""
    content = f'NAME = "{name}"\nVERSION = "1.0"\n'
    return WheelSpec(name=name, version="1.0", modules={f"{module}/__init__.py": content})


def namespace(name: str, portion: str) -> WheelSpec:
    """A portion of the pkgutil namespace package ``ns``; every portion ships ``ns/__init__.py``."""
    return WheelSpec(
        name=name,
        version="1.0",
        modules={"ns/__init__.py": PKGUTIL_NAMESPACE, f"ns/{portion}/__init__.py": ""},
    )


#: What `wheelhouse` holds, for `pip install --no-index --find-links`.
WHEELS = (
    alpha("1.0"),
    alpha("2.0"),
    alpha("3.0"),
    simple("beta", requires=("alpha>=1",)),
    simple("beta2", requires=("alpha>=2",)),
    simple("piponly", requires=("alpha>=1",)),
    same_files("gamma-core", "gamma"),
    same_files("delta-python", "delta"),
    namespace("ns-b", "b"),
    simple("zeta", "2.0"),
    simple("eta", "2.0"),
)


def write_wheelhouse(folder: Path) -> Path:
    """Write the wheels into a folder, made if missing, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for spec in WHEELS:
        write_wheel(spec, folder)
    return folder


def conda_packages(folder: Path, python: str) -> list[PackageSpec]:
    """Return the tiny conda packages.

    Args:
        folder: an existing folder for the wheels that they are made of.
        python: short version of the Python for which `epsilon`, the package with compiled modules
            and a real script, is built.
    """

    def wheel(spec: WheelSpec) -> Path:
        return write_wheel(spec, folder)

    recipes = [
        *(Recipe(wheel(alpha(version))) for version in ("1.0", "2.0", "3.0")),
        Recipe(wheel(simple("beta", requires=("alpha>=1",)))),
        Recipe(wheel(simple("gamma"))),
        # No dist-info, and a name of its own: pip does not see it, `import delta` does.
        Recipe(wheel(same_files("py-delta", "delta")), metadata="none"),
        Recipe(wheel(simple("zeta")), metadata="no-record"),
        Recipe(wheel(simple("eta")), metadata="egg-info-file"),
        Recipe(wheel(simple("theta")), metadata="egg-info-dir"),
        Recipe(wheel(namespace("ns-a", "a"))),
        # conda name, distribution name and import name all differ.
        Recipe(wheel(same_files("Iota.Dist", "iota_import")), name="iota-conda"),
        # One conda package with two distributions.
        Recipe(wheel(simple("kappa")), also=[wheel(simple("kappa-tools"))]),
        Recipe(wheel(epsilon()), python=python, pyc=True),
    ]
    return [package_from_wheel(recipe) for recipe in recipes]


def epsilon() -> WheelSpec:
    """A package of a platform: real script, entry point, data."""
    return WheelSpec(
        name="epsilon",
        version="1.0",
        modules={"epsilon/__init__.py": 'def main() -> None:\n    print("epsilon")\n'},
        data={"share/epsilon/data.txt": "epsilon\n"},
        scripts={"epsilon-script": "#!python\nimport epsilon\n\nepsilon.main()\n"},
        console_scripts=["epsilon-cli = epsilon:main"],
    )
