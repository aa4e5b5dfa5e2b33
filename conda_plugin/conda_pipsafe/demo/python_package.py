"""A conda ``python`` package made from an interpreter of this machine.

First the interpreter's binary and standard library are copied, and the copy is asked where it
would install. Where it does not answer as a conda Python does, it is tried with what Debian changed
undone (`distributed`). Where that is not enough (others need libraries beside the binary), the
package is a virtual environment instead: the binary and a ``pyvenv.cfg`` that names the
interpreter's home; every Python follows that file (PEP 405), and a ``venv`` scheme is the same
everywhere.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conda_pipsafe.demo.distributed import undone
from conda_pipsafe.demo.package import (
    PREFIX_PLACEHOLDER,
    PackageFile,
    PackageSpec,
)

WINDOWS = sys.platform == "win32"

# What an environment for pip never needs, or must not get: other people's packages, and the
# marker that forbids pip to install (PEP 668).
_LEFT_OUT = frozenset({
    "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo",
    "lib2to3", "pydoc_data", "ensurepip", "EXTERNALLY-MANAGED",
})  # fmt: skip
_LEFT_OUT_SUFFIXES = (".a", ".opt-1.pyc", ".opt-2.pyc", ".orig", ".exe.config")
_LEFT_OUT_EXTENSIONS = ("_test", "_ctypes_test", "_xxtestfuzz", "xxlimited", "_xxsub", "_tkinter")

_FACTS = """
import json, sys, sysconfig
def works(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
names = "_ssl _socket _ctypes _hashlib _lzma _bz2 zlib pyexpat select _sqlite3".split()
print(json.dumps({
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "stdlib": sysconfig.get_path("stdlib"),
    "purelib": sysconfig.get_path("purelib"),
    "scripts": sysconfig.get_path("scripts"),
    "config_h": sysconfig.get_config_h_filename(),
    "wheels": sysconfig.get_config_var("WHEEL_PKG_DIR"),
    "modules": [name for name in names if works(name)],
    "path": sys.path,
}))
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Interpreter:
    """What a Python says of itself. Inside a virtual environment the base Python is described."""

    executable: Path
    prefix: Path
    version: str
    stdlib: Path
    purelib: Path
    scripts: Path
    config_h: Path
    wheels: Path | None
    modules: frozenset[str]
    path: tuple[str, ...]

    @property
    def short_version(self) -> str:
        """``"3.11"``."""
        return ".".join(self.version.split(".")[:2])


def ask_interpreter(executable: Path) -> Interpreter:
    """Ask a Python for its version, paths and working extension modules.

    Raises:
        RuntimeError: it cannot be run, or is not CPython 3.8 or newer.
    """
    facts = _facts(executable)
    if facts["prefix"] != facts["base_prefix"]:
        executable = Path(facts["executable"])
        facts = _facts(executable)
    version = tuple(facts["version"])
    if facts["implementation"] != "cpython" or version < (3, 8):
        raise RuntimeError(
            f"{executable} is {facts['implementation']} {version}: a conda package can be made "
            "of CPython 3.8 or newer; name another interpreter"
        )
    return Interpreter(
        executable=executable.resolve(),
        prefix=Path(facts["base_prefix"]),
        version=".".join(map(str, version)),
        stdlib=Path(facts["stdlib"]),
        purelib=Path(facts["purelib"]),
        scripts=Path(facts["scripts"]),
        config_h=Path(facts["config_h"]),
        wheels=Path(facts["wheels"]) if facts["wheels"] else None,
        modules=frozenset(facts["modules"]),
        path=tuple(facts["path"]),
    )


def site_packages_path(version: str) -> str:
    """Return where a conda Python of a version has site-packages, relative to the prefix."""
    short = ".".join(version.split(".")[:2])
    return "Lib/site-packages" if WINDOWS else f"lib/python{short}/site-packages"


def python_package(executable: Path | None = None) -> PackageSpec:
    """Make a conda ``python`` package of an interpreter.

    Args:
        executable: the interpreter; the one that runs this if None.

    Raises:
        RuntimeError: the interpreter does not run, or no working package can be made of it.
    """
    interpreter = ask_interpreter(executable or Path(sys.executable))
    library = site_packages_path(interpreter.version).rpartition("/")[0]
    files = _copied(interpreter)
    if not _installs_like_conda(files, interpreter):
        files = undone(files, library)
    if not _installs_like_conda(files, interpreter):
        files = _virtual(interpreter)
        if not _installs_like_conda(files, interpreter):
            raise RuntimeError(
                f"neither a copy of {interpreter.executable} nor a virtual environment of it "
                "installs where a conda Python would; name another interpreter"
            )
    return PackageSpec(
        name="python",
        version=interpreter.version,
        build="0_cpython",
        depends=(),
        files=files,
        python_site_packages_path=site_packages_path(interpreter.version),
        license="Python-2.0",
    )


def _facts(executable: Path) -> dict[str, Any]:
    """Run the question in a Python, without the user's own settings."""
    command = [str(executable), "-I", "-c", _FACTS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        facts: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise RuntimeError(
            f"{executable} does not answer as a Python does; name another interpreter ({detail})"
        ) from error
    return facts


def _copied(interpreter: Interpreter) -> dict[str, PackageFile]:
    """Return the files of a copy: binary, shared libpython, standard library."""
    files: dict[str, PackageFile] = _programs(interpreter)
    library = site_packages_path(interpreter.version).rpartition("/")[0]
    for source, path in _library_files(interpreter.stdlib):
        files[f"{library}/{path}"] = _library_file(source, interpreter.prefix)
    if WINDOWS:
        for source in (interpreter.prefix / "DLLs").glob("*.*"):
            files[f"DLLs/{source.name}"] = PackageFile(source=source)
        return files
    for source in (interpreter.prefix / "lib").glob(f"libpython{interpreter.short_version}*"):
        if source.suffix != ".a":
            files[f"lib/{source.name}"] = PackageFile(source=source)
            if source.is_symlink():
                files[f"lib/{source.name}"] = PackageFile(link_to=source.readlink().name)
    if interpreter.config_h.is_file():
        include = f"include/python{interpreter.short_version}"
        files[f"{include}/pyconfig.h"] = PackageFile(source=interpreter.config_h)
    return files


def _virtual(interpreter: Interpreter) -> dict[str, PackageFile]:
    """Return the files of a virtual environment, and an empty site-packages."""
    files = _programs(interpreter)
    lines = [
        f"home = {interpreter.executable.parent}",
        "include-system-site-packages = false",
        f"version = {interpreter.version}",
        f"executable = {interpreter.executable}",
    ]
    files["pyvenv.cfg"] = PackageFile(source="".join(f"{line}\n" for line in lines).encode())
    readme = f"{site_packages_path(interpreter.version)}/README.txt"
    files[readme] = PackageFile(source=b"Packages of this environment live here.\n")
    return files


def _programs(interpreter: Interpreter) -> dict[str, PackageFile]:
    """Return the binary and the names by which conda's package has it."""
    if WINDOWS:
        wanted = [*interpreter.prefix.glob("python*.exe"), *interpreter.prefix.glob("*.dll")]
        return {source.name: PackageFile(source=source, executable=True) for source in wanted}
    name = f"python{interpreter.short_version}"
    program = PackageFile(source=interpreter.executable, executable=True)
    link = PackageFile(link_to=name)
    return {f"bin/{name}": program, "bin/python": link, "bin/python3": link}


def _library_files(folder: Path, below: str = "") -> Iterator[tuple[Path, str]]:
    """Yield the standard library's files: source, and path relative to the library."""
    for entry in sorted((folder / below).iterdir()):
        path = f"{below}{entry.name}"
        if entry.name in _LEFT_OUT or entry.name.endswith(_LEFT_OUT_SUFFIXES):
            continue
        if below == "lib-dynload/" and entry.name.startswith(_LEFT_OUT_EXTENSIONS):
            continue
        if entry.is_dir():
            yield from _library_files(folder, f"{path}/")
        elif entry.is_file():
            yield entry, path


def _library_file(source: Path, prefix: Path) -> PackageFile:
    """Return a file of the library; build settings get the placeholder, as conda's do."""
    settings = source.name.startswith("_sysconfigdata") or source.name == "Makefile"
    # A short prefix such as /usr would match within other paths: it stays as it is.
    if settings and source.suffix != ".pyc" and len(prefix.parts) > 3:  # noqa: PLR2004
        text = source.read_text(encoding="utf-8", errors="surrogateescape")
        replaced = text.replace(str(prefix), PREFIX_PLACEHOLDER)
        return PackageFile.of(replaced.encode("utf-8", errors="surrogateescape"))
    return PackageFile(source=source)


def _installs_like_conda(files: dict[str, PackageFile], interpreter: Interpreter) -> bool:
    """Unpack the files and ask the Python in them: is it at home there, and is it whole?"""
    with tempfile.TemporaryDirectory(prefix="pipsafe-python-") as temporary:
        prefix = Path(temporary).resolve()
        for path, file in files.items():
            _write(prefix / path, file)
        site_packages = prefix / site_packages_path(interpreter.version)
        site_packages.mkdir(parents=True, exist_ok=True)
        program = prefix / ("python.exe" if WINDOWS else "bin/python")
        # In isolated mode, but with `site`, which reads pyvenv.cfg and adds site-packages.
        command = [str(program), "-I", "-B", "-c", _FACTS]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return False
        facts = json.loads(done.stdout)
    return (
        Path(facts["prefix"]) == prefix
        and Path(facts["purelib"]) == site_packages
        and Path(facts["scripts"]) == prefix / ("Scripts" if WINDOWS else "bin")
        and str(site_packages) in facts["path"]
        and interpreter.modules <= set(facts["modules"])
    )


def _write(target: Path, file: PackageFile) -> None:
    """Write a file for a trial run."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.link_to is not None:
        target.symlink_to(file.link_to)
    elif isinstance(file.source, bytes):
        target.write_bytes(file.source)
        target.chmod(0o755 if file.executable else 0o644)
    else:
        shutil.copy2(file.source, target)
