"""What the tests of real damage share: packages that get in each other's way, a look, and the ways out as printed."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conda_pipsafe.audit import engine
from conda_pipsafe.audit.deep import deep
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.gather import gather
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.package import PackageSpec
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from support.driving import Driver
from support.guard_matrix import find_uv
from support.packages import same_files, simple
from support.running import Finished, pip, run

#: An entry as `told` gives it: code, severity, subject.
Told = tuple[str, str, str]


def look(prefix: Path, *others: Path, hashes: bool = False) -> tuple[Finding, ...]:
    """Audit an environment as `pipsafe audit` does; with `hashes` as `--deep` does, beside `others`."""
    gathered = gather(str(prefix))
    assert gathered.problems == ()
    report = engine.audit(gathered.context)
    if hashes:
        found = deep(gathered.context, [str(other) for other in others])
        report = engine.with_findings(report, found.findings, "deep")
    return report.findings


def told(prefix: Path, *others: Path, hashes: bool = False) -> list[Told]:
    """Code, severity and subject of every finding, in the order of the report."""
    return [(item.code, item.severity, item.subject) for item in look(prefix, *others, hashes=hashes)]


def the(findings: Iterable[Finding], code: str, subject: str | None = None) -> Finding:
    """The one finding of a code (and subject)."""
    (found,) = [item for item in findings if item.code == code and subject in {None, item.subject}]
    return found


def site_of(prefix: Path) -> Path:
    """The folder of an environment's only Python."""
    (site,) = prefix.glob("lib/python3*/site-packages")
    return site


def inside(prefix: Path, *names: str) -> tuple[str, ...]:
    """Prefix-relative paths of what lies in site-packages, sorted as findings have them."""
    site = site_of(prefix).relative_to(prefix)
    return tuple(sorted(str(site / name) for name in names))


def uv(prefix: Path, *words: str | Path, wheels: Path, env: dict[str, str] | None = None) -> Finished:
    """Run `uv pip WORDS` on an environment, with a cache beside it and no index but the folder."""
    offline = {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(wheels), "UV_NO_CONFIG": "1"}
    offline |= {"UV_CACHE_DIR": str(prefix.parent / "uv-cache")}
    verb, *rest = words
    command = [find_uv(), "pip", verb, "--python", python_of(prefix), *rest]
    return run(*command, env=clean_environment({**offline, **(env or {})}))


@dataclass(frozen=True)
class Ways:
    """Follows the ways out that a finding prints, word by word.

    Attributes:
        wheels: Where pip finds packages.
        driver: Runs conda commands; None where the test has none.
    """

    wheels: Path
    driver: Driver | None = None

    def follow(self, prefix: Path, lines: Sequence[str]) -> None:
        """Do what the lines say, in order; a line that is no command has to be one of the few known."""
        for line in lines:
            command = re.sub(r"^[A-Z][^:]*: ", "", line)
            for part in command.split(" && "):
                self._run(prefix, shlex.split(part)).ok()

    def follow_all(self, prefix: Path, findings: Iterable[Finding]) -> None:
        """Do what all findings say, in fewer commands: deletions, then pip's, then conda's reinstalls in one."""
        lines = list(dict.fromkeys(line for item in findings for line in item.fixes))
        uninstall = f"{python_of(prefix)} -m pip uninstall -y "
        again = f"conda install -p {prefix} --force-reinstall "
        self.follow(prefix, [line for line in lines if line.startswith("rm ")])
        names = [line.split(" && ") for line in lines if line.startswith(uninstall)]
        for turn in range(max(map(len, names), default=0)):
            words = [parts[turn].removeprefix(uninstall) for parts in names if turn < len(parts)]
            self.follow(prefix, [uninstall + " ".join(words)])
        done = ("rm ", uninstall, again)
        self.follow(prefix, [line for line in lines if not line.startswith(done)])
        specs = [shlex.split(line.removeprefix(again)) for line in lines if line.startswith(again)]
        if specs:
            options = dict.fromkeys(shlex.join(line[:-1]) for line in specs)
            self.follow(prefix, [again + " ".join([*options, *(line[-1] for line in specs)])])

    def _run(self, prefix: Path, words: list[str]) -> Finished:
        if words[0] == str(python_of(prefix)):
            assert words[1:3] == ["-m", "pip"]
            return pip(prefix, *words[3:], env={"PIP_FIND_LINKS": str(self.wheels)})
        if words[:2] == ["uv", "pip"]:
            assert words[3:5] == ["--python", str(python_of(prefix))]
            return uv(prefix, words[2], *words[5:], wheels=self.wheels)
        if words[0] == "conda":
            assert self.driver is not None
            return self.driver.run(*words[1:], "-y")
        paths = words[2:] if words[0] == "rm" else words[1:]
        assert words[:2] == ["rm", "-r"] or words[0] == "touch", words
        assert all(Path(word).is_relative_to(prefix.parent) for word in paths)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return Finished(words, done.returncode, done.stdout, done.stderr)


def command(name: str, module: str, script: str, version: str = "1.0") -> WheelSpec:
    """A distribution with one module and one command."""
    return WheelSpec(
        name=name,
        version=version,
        modules={f"{module}.py": f'def main() -> None:\n    print("{module}")\n'},
        console_scripts=[f"{script} = {module}:main"],
    )


def with_files(name: str, version: str, *paths: str) -> WheelSpec:
    """A distribution with a package of its name, and further files in site-packages."""
    spec = simple(name, version)
    return replace(spec, modules={**spec.modules, **dict.fromkeys(paths, f"{name} {version}\n")})


WHEELS = (
    command("rival", "rival", "alpha-cli"),
    command("stray", "stray", "stray"),
    simple("numpy", "1.26.9"),
    simple("numpy", "2.0.0"),
    simple("conda", "4.3.16"),
    simple("needs-conda", requires=("conda",)),
    same_files("opencv-python", "cv2"),
    with_files("torchlike", "1.0", "torchlike/lib/libiomp5.so", "torchlike.libs/libgomp-a34b3233.so.1.0.0"),
    with_files("plain", "1.0", "plain/lib/libplain.so"),
    replace(simple("old"), requires_python="<3.4"),
    replace(simple("old", "2.0"), requires_python=">=3.8"),
    simple("left", "2.0"),
    WheelSpec(
        name="needs-numpy",
        version="1.0",
        modules={"needs_numpy.py": "import numpy\n"},
        requires_dist=["numpy>=1.20"],
    ),
    replace(simple("old-too"), requires_python="<3.4"),
    replace(simple("new"), requires_python=">=3.8"),
)


def write_wheels(folder: Path) -> Path:
    """Write the wheels into a folder, made if missing, beside those of the other tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for spec in WHEELS:
        write_wheel(spec, folder)
    return folder


def conda_packages(folder: Path, python: str) -> list[PackageSpec]:
    """Return conda packages that the wheels get in the way of.

    Args:
        folder: An existing folder for the wheels that they are made of.
        python: Short version of the Python that the packages of a platform are for.
    """

    def wheel(spec: WheelSpec) -> Path:
        return write_wheel(spec, folder)

    uses = WheelSpec(name="strict", version="1.0", modules={"strict.py": "import alpha.only_1_0\n"})
    strict = Recipe(wheel(uses), depends=["python", "alpha >=1.0,<2.0a0"])
    built = Recipe(
        wheel(with_files("built", "1.0", "built/_core.so")), python=python,
        depends=[f"python {python}.*", "numpy >=1.26,<2"],
    )  # fmt: skip
    recipes = [
        strict,
        built,
        Recipe(wheel(simple("numpy", "1.26.4"))),
        Recipe(wheel(simple("left"))),
        Recipe(wheel(simple("conda", "26.7.1"))),
        Recipe(wheel(same_files("py-opencv", "cv2")), metadata="none"),
        Recipe(wheel(command("rival-conda", "rival_conda", "stray"))),
    ]
    omp = PackageSpec(name="llvm-openmp", version="19.1", files={"lib/libomp.so": b"openmp"})
    return [*map(package_from_wheel, recipes), omp]
