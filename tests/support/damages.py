"""The damaged environments of `damage_matrix.py`, by groups of failure modes; real pip, uv and conda make each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.demo.pip_package import find_pip_wheel
from conda_pipsafe.demo.python_package import ask_interpreter
from conda_pipsafe.demo.wheels import write_wheel
from support.packages import same_files
from support.random_world import make_checkout
from support.running import Finished, pip, run


@dataclass
class Bench:
    """One environment and what harms it.

    Attributes:
        other: Makes another environment, with pip.
        second: Short version of the channel's second Python, or None.
        uv: The executable, or None.
        extra: Variables that belong to the damage, for every tool.
    """

    prefix: Path
    other: Callable[[], Path]
    wheels: Path
    executable: Path
    variables: dict[str, str]
    second: str | None
    uv: str | None
    extra: dict[str, str] = field(default_factory=dict)

    def pip(self, *words: str, env: dict[str, str] | None = None) -> None:
        pip(self.prefix, "install", "--find-links", self.wheels, *words, env=env).ok()

    def unpip(self, *words: str) -> None:
        pip(self.prefix, "uninstall", "-y", *words).ok()

    def with_uv(self, verb: str, *words: str) -> None:
        assert self.uv is not None
        offline = {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(self.wheels), "UV_NO_CONFIG": "1"}
        offline |= {"UV_CACHE_DIR": str(self.prefix.parent / "uv-cache")}
        run(self.uv, "pip", verb, "--python", python_of(self.prefix), *words, env=clean_environment(offline)).ok()

    def conda(self, *words: str) -> Finished:
        return run(self.executable, *words, "-p", str(self.prefix), env={**self.variables, **self.extra})

    def site(self) -> Path:
        version = run(python_of(self.prefix), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        return Path(version.ok().stdout.strip())


class Damage(NamedTuple):
    """One row.

    Attributes:
        group: The letter of the failure modes' group; "-" for no harm.
        specs: What conda installs first, beside pip.
        subject: The package that is harmed: importing it tells what is the case.
        listed: The package's name where it is not that of the import.
        needs: "uv" or "second" where a machine may lack what makes it.
    """

    group: str
    title: str
    specs: tuple[str, ...]
    subject: str
    harm: Callable[[Bench], None]
    needs: str = ""
    listed: str = ""

    @property
    def name(self) -> str:
        """How `conda list` names the package."""
        return self.listed or self.subject


def _upgrade(bench: Bench) -> None:
    bench.pip("alpha==2.0")


def _erased(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("list").ok()


def _same(bench: Bench) -> None:
    bench.pip("--force-reinstall", "alpha==1.0")


def _ignore(bench: Bench) -> None:
    bench.pip("--ignore-installed", "alpha==2.0")


def _overlap(bench: Bench) -> None:
    bench.pip("gamma-core")


def _overlap_gone(bench: Bench) -> None:
    bench.pip("gamma-core")
    bench.unpip("gamma-core")


def _uninstalled(bench: Bench) -> None:
    bench.unpip("alpha")


def _over_pip(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("install", "-y", "alpha=1.0").ok()


def _removed_live(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("remove", "-y", "alpha").ok()


def _removed_need(bench: Bench) -> None:
    bench.pip("piponly")
    bench.conda("remove", "-y", "alpha").ok()


def _foreign_pip(bench: Bench) -> None:
    wheel = next(bench.wheels.glob("alpha-2.0-*.whl"))
    pip(bench.other(), "install", "--no-deps", "--prefix", bench.prefix, wheel).ok()


def _edited(bench: Bench) -> None:
    with (bench.site() / "alpha/__init__.py").open("a") as file:
        file.write("EDITED = True\n")


def _fine(bench: Bench) -> None:
    bench.pip("piponly")


def _ours_alone(bench: Bench) -> None:
    bench.pip("piponly", "delta-python")


def _ignore_zeta(bench: Bench) -> None:
    bench.pip("--ignore-installed", "zeta==2.0")


def _overlap_delta(bench: Bench) -> None:
    bench.pip("delta-python")


def _pin(bench: Bench) -> None:
    (bench.prefix / "conda-meta/pinned").write_text("alpha <2\n")
    bench.pip("beta2")


def _frozen(bench: Bench) -> None:
    frozen = bench.prefix / "conda-meta/frozen"
    frozen.write_text("{}")
    os.utime(frozen, (1, 1))
    bench.pip("alpha==2.0")


def _self(bench: Bench) -> None:
    """As pip itself advises, with the wheel that this Python brings."""
    wheel = find_pip_wheel(ask_interpreter(Path(sys.executable)), bench.prefix.parent)
    bench.pip("--force-reinstall", "--no-deps", str(wheel))


def _phantom(bench: Bench) -> None:
    _same(bench)
    bench.conda("remove", "-y", "alpha").ok()


def _downgraded_need(bench: Bench) -> None:
    bench.pip("beta2")
    bench.conda("install", "-y", "alpha=1.0").ok()


def _revision(bench: Bench) -> None:
    bench.conda("install", "-y", "gamma").ok()
    bench.pip("alpha==2.0")
    bench.conda("install", "-y", "alpha=3.0").ok()
    bench.conda("install", "-y", "--revision", "0").ok()


def _moved_python(bench: Bench) -> None:
    bench.pip("piponly")
    bench.conda("install", "-y", f"python={bench.second}").ok()


def _home(bench: Bench) -> None:
    base = bench.prefix.parent / "home"
    bench.extra = {"PYTHONUSERBASE": str(base)}
    bench.pip("--user", "--ignore-installed", "--no-deps", "alpha==2.0", env=bench.extra)


def _venv_pip(bench: Bench) -> None:
    venv = bench.prefix.parent / "venv"
    run(sys.executable, "-m", "venv", venv).ok()
    wheel = next(bench.wheels.glob("alpha-2.0-*.whl"))
    words = ("-m", "pip", "install", "--no-index", "--no-deps", "--prefix", bench.prefix, wheel)
    run(venv / "bin/python", *words).ok()


def _dead_constraint(bench: Bench) -> None:
    (bench.prefix / "pip.conf").write_text(f"[install]\nconstraint = {bench.prefix.parent}/gone.txt\n")


def _clone(bench: Bench) -> None:
    """What `conda create --clone` makes of pip's upgrade; the clone takes the environment's place."""
    bench.pip("alpha==2.0")
    source = bench.prefix.parent / "source"
    bench.prefix.rename(source)
    words = ("create", "-y", "-p", bench.prefix, "--clone", source)
    run(bench.executable, *words, env=bench.variables).ok()


def _needs_absent(bench: Bench) -> None:
    bench.pip("--no-deps", "piponly")


def _torn(bench: Bench) -> None:
    """As a full disk leaves it."""
    bench.pip("alpha==2.0")
    metadata = bench.site() / "alpha-2.0.dist-info/METADATA"
    metadata.write_bytes(b"")


def _half(bench: Bench) -> None:
    """As a pip that was killed leaves what it was replacing."""
    bench.pip("alpha==2.0")
    (bench.site() / "alpha").rename(bench.site() / "~lpha")


def _damaged_record(bench: Bench) -> None:
    record = next((bench.prefix / "conda-meta").glob("alpha-*.json"))
    record.write_bytes(record.read_bytes()[:200])


def _pip_file_gone(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    (bench.site() / "alpha/cli.py").unlink()


def _pip_edited(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    with (bench.site() / "alpha/__init__.py").open("a") as file:
        file.write("EDITED = True\n")


def _uv_upgrade(bench: Bench) -> None:
    bench.with_uv("install", "alpha==2.0")


def _uv_sync(bench: Bench) -> None:
    wanted = bench.prefix.parent / "requirements.txt"
    wanted.write_text("piponly==1.0\n")
    bench.with_uv("sync", str(wanted))


def _uv_two(bench: Bench) -> None:
    _ignore(bench)
    bench.with_uv("uninstall", "alpha")


def _moved(bench: Bench) -> None:
    """Moved by hand: commands start the Python that was."""
    bench.pip("alpha==2.0")
    was = bench.prefix.parent / "was"
    bench.prefix.rename(was)
    shutil.copytree(was, bench.prefix, symlinks=True)
    for script in (bench.prefix / "bin").glob("alpha-cli"):
        script.write_text(script.read_text().replace(str(bench.prefix), str(was)))


def _below_strict(bench: Bench) -> None:
    bench.pip("alpha==2.0")


def _command(bench: Bench) -> None:
    bench.pip("stray")


def _conda_itself(bench: Bench) -> None:
    bench.pip("needs-conda")


def _checkout(bench: Bench) -> Path:
    checkout = make_checkout(bench.prefix.parent / "checkout", "alpha")
    bench.pip("--no-build-isolation", "--no-deps", "-e", str(checkout))
    return checkout


def _hidden_checkout(bench: Bench) -> None:
    _checkout(bench)
    bench.conda("install", "-y", "alpha=1.0").ok()


def _checkout_gone(bench: Bench) -> None:
    shutil.rmtree(_checkout(bench))


def _mark(bench: Bench) -> None:
    """The mark that a distributor or a person put there stays with the Python that was."""
    (bench.site().parent / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    bench.conda("install", "-y", f"python={bench.second}").ok()


def _too_old(bench: Bench) -> None:
    bench.pip("--ignore-requires-python", "old-too")


def _redirected(bench: Bench) -> None:
    (bench.prefix / "pip.conf").write_text(f"[install]\ntarget = {bench.prefix.parent}/elsewhere\n")


def _pythonpath(bench: Bench) -> None:
    folder = bench.prefix.parent / "pythonpath"
    bench.pip("--no-deps", "--target", str(folder), "alpha==2.0")
    bench.extra = {"PYTHONPATH": str(folder)}


def _same_files(bench: Bench) -> None:
    write_wheel(same_files("vision", "cv2"), bench.wheels)
    bench.pip("opencv-python")
    bench.pip("vision")


def _dist_info_gone(bench: Bench) -> None:
    """As an antivirus or a hurried hand does; that it was there is known from a look before."""
    bench.pip("alpha==2.0")
    words = ("-m", "conda_pipsafe", "status", "-p", bench.prefix)
    run(sys.executable, *words, env=clean_environment()).ok()
    shutil.rmtree(bench.site() / "alpha-2.0.dist-info")


def _numpy(bench: Bench) -> None:
    bench.pip("numpy==2.0.0")


def _openmp(bench: Bench) -> None:
    bench.pip("torchlike")


DAMAGES: tuple[Damage, ...] = (
    Damage("-", "no harm: pip beside conda", ("alpha=1.0",), "alpha", _fine),
    Damage("-", "no harm: pip alone", (), "piponly", _ours_alone),
    Damage("A", "pip upgrades conda's package", ("alpha=1.0",), "alpha", _upgrade),
    Damage("A", "… then `conda list`", ("alpha=1.0",), "alpha", _erased),
    Damage("A", "pip reinstalls the same version", ("alpha=1.0",), "alpha", _same),
    Damage("A", "pip replaces itself", (), "pip", _self),
    Damage("A", "pip install --ignore-installed", ("alpha=1.0",), "alpha", _ignore),
    Damage("A", "… with a conda package without RECORD", ("zeta",), "zeta", _ignore_zeta),
    Damage("A", "pip uninstalls conda's package", ("alpha=1.0",), "alpha", _uninstalled),
    Damage("A", "another project overwrites conda's files", ("gamma",), "gamma", _overlap),
    Damage("A", "… and is uninstalled again", ("gamma",), "gamma", _overlap_gone),
    Damage("A", "… of a conda package without dist-info", ("py-delta",), "delta", _overlap_delta, listed="py-delta"),
    Damage("A", "pip breaks a pin", ("alpha=1.0",), "alpha", _pin),
    Damage("A", "pip changes a frozen environment", ("alpha=1.0",), "alpha", _frozen),
    Damage("A", "pip moves what conda's package needs", ("strict",), "strict", _below_strict),
    Damage(
        "A", "pip writes over a command of conda's", ("rival-conda",), "rival_conda", _command, listed="rival-conda"
    ),
    Damage("A", "pip installs PyPI's conda as a requirement", (), "conda", _conda_itself),
    Damage("A", "a file of conda's is edited in place", ("alpha=1.0",), "alpha", _edited),
    Damage("B", "conda installs over pip's package", (), "alpha", _over_pip),
    Damage("B", "conda removes what pip had upgraded", ("alpha=1.0",), "alpha", _removed_live),
    Damage("B", "conda removes what pip had reinstalled", ("alpha=1.0",), "alpha", _phantom),
    Damage("B", "conda removes what pip's package needs", ("alpha=1.0",), "alpha", _removed_need),
    Damage("B", "conda downgrades what pip's package needs", ("alpha=2.0",), "alpha", _downgraded_need),
    Damage("B", "conda goes back to an earlier revision", ("alpha=1.0",), "alpha", _revision),
    Damage("B", "conda hides an editable checkout", (), "alpha", _hidden_checkout),
    Damage("C", "conda changes Python's minor version", ("alpha=1.0",), "piponly", _moved_python, "second"),
    Damage("C", "… and EXTERNALLY-MANAGED stays behind", ("alpha=1.0",), "alpha", _mark, "second"),
    Damage("C", "a package that is not for this Python", (), "old_too", _too_old, listed="old-too"),
    Damage("D", "the home folder hides conda's package", ("alpha=1.0",), "alpha", _home),
    Damage("D", "another environment's pip installs here", ("beta",), "alpha", _foreign_pip),
    Damage("D", "a virtual environment's pip installs here", (), "alpha", _venv_pip),
    Damage("D", "pip.conf names a file that is gone", ("alpha=1.0",), "alpha", _dead_constraint),
    Damage("D", "pip.conf sends installs elsewhere", ("alpha=1.0",), "alpha", _redirected),
    Damage("D", "PYTHONPATH hides conda's package", ("alpha=1.0",), "alpha", _pythonpath),
    Damage("E", "conda clones an upgraded environment", ("alpha=1.0",), "alpha", _clone),
    Damage("E", "a requirement is missing", (), "piponly", _needs_absent),
    Damage("E", "METADATA is empty (a full disk)", (), "alpha", _torn),
    Damage("E", "a conda-meta record is cut off", ("alpha=1.0",), "alpha", _damaged_record),
    Damage("E", "a file of pip's is gone", (), "alpha", _pip_file_gone),
    Damage("E", "a file of pip's is edited in place", (), "alpha", _pip_edited),
    Damage("E", "an editable checkout is gone", (), "alpha", _checkout_gone),
    Damage("E", "two projects of pip's have the same files", (), "cv2", _same_files, listed="vision"),
    Damage("E", "the dist-info of pip's package is deleted", (), "alpha", _dist_info_gone),
    Damage("F", "pip moves NumPy below conda's compiled package", ("built",), "built", _numpy),
    Damage("F", "a wheel brings OpenMP beside conda's", ("llvm-openmp",), "torchlike", _openmp),
    Damage("G", "uv upgrades conda's package", ("alpha=1.0",), "alpha", _uv_upgrade, "uv"),
    Damage("G", "uv pip sync", ("alpha=1.0", "gamma"), "gamma", _uv_sync, "uv"),
    Damage("G", "uv uninstalls a package that is there twice", ("alpha=1.0",), "alpha", _uv_two, "uv"),
    Damage("H", "pip was killed while it replaced a package", (), "alpha", _half),
    Damage("H", "the environment was copied to another place", (), "alpha", _moved),
)
