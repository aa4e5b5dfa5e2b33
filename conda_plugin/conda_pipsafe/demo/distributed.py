"""What Debian changed in its Python, undone in a copy of it.

Debian's ``sysconfig`` installs into ``local/lib/pythonX.Y/dist-packages``, and its ``site`` looks
there: a copy would not install as a conda Python does. A virtual environment of it would, but has
no user's site-packages: ``pip install --user``, which a conda Python takes, ends there.

``site`` is frozen into the binary since Python 3.11, and the file not read. So ``dist-packages``
becomes ``site-packages`` in both: as long as before, and one of the folders that Debian's ``site``
looks in is then the one of every Python. In ``sysconfig`` the function that Python has for
distributors (since 3.10) says again what it says in Python's own sources.
"""

from __future__ import annotations

from pathlib import Path

from conda_pipsafe.demo.package import PackageFile

_DEBIANS, _OURS = b"dist-packages", b"site-packages"

_ASKED = b"\ndef get_preferred_scheme(key):\n"
_SCHEMES = b"""
def _get_preferred_schemes():
    return {"prefix": "posix_prefix", "home": "posix_home", "user": "posix_user"}

"""

# Debian's additions for others to import, which change where these install.
_ADDED = ("_distutils_system_mod.py", "sitecustomize.py")


def undone(files: dict[str, PackageFile], library: str) -> dict[str, PackageFile]:
    """Return a copied Python's files as they were before Debian's changes.

    Args:
        files: path relative to the prefix, to content.
        library: where the standard library is, relative to the prefix.
    """
    gone = {f"{library}/{name}" for name in _ADDED}
    made = {path: _made(path, file, library) for path, file in files.items() if path not in gone}
    changed = {path for path, file in made.items() if file is not files[path]}
    # The bytecode of what was changed Python would write anew.
    return {path: file for path, file in made.items() if _source_of(path) not in changed | gone}


def _made(path: str, file: PackageFile, library: str) -> PackageFile:
    """Return a file as Python's own sources would make it; the same object where nothing changes."""
    if not isinstance(file.source, bytes):
        if path == f"{library}/site.py" or path.startswith(("bin/python", "lib/libpython")):
            return _replaced(file, file.source, _DEBIANS, _OURS)
        if path in {f"{library}/sysconfig.py", f"{library}/sysconfig/__init__.py"}:
            return _replaced(file, file.source, _ASKED, _SCHEMES + _ASKED)
    return file


def _replaced(file: PackageFile, source: Path, old: bytes, new: bytes) -> PackageFile:
    """Return a copied file with other content, or itself where it does not have the old."""
    content = source.read_bytes()
    return PackageFile(content.replace(old, new), executable=file.executable) if old in content else file


def _source_of(path: str) -> str:
    """Return the module that a file is the bytecode of, or an empty string."""
    folder, _, name = path.rpartition("/__pycache__/")
    return f"{folder}/{name.split('.')[0]}.py" if folder else ""
