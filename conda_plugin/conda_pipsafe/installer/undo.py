"""Put back what an install that did not end well had changed. It only looks at the disk: it may be begun again."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable

from conda_pipsafe.installer.journal import KEPT, STASHED, Journal, forget


def put_back(journal: Journal, also: Iterable[str] = ()) -> list[str]:
    """Make the prefix what it was before the install.

    Args:
        journal: What had begun.
        also: Paths that were written and had not been planned.

    Returns:
        What could not be put back, as sentences; then the journal stays, for another try.
    """
    prefix, changes = journal.prefix, journal.changes
    failed: list[str] = []
    for folder in changes.fresh:
        _remove_tree(os.path.join(prefix, folder), changes.written, prefix, failed)
    for path in (*changes.written, *(path for path in also if path not in changes.replaced)):
        _remove(os.path.join(prefix, path), failed)
    for folder, before in changes.stashes.items():
        _remove_stashes(os.path.join(prefix, folder), before, failed)
    replaced = set(changes.replaced)
    for folder in (folder for folder in journal.folders if folder.endswith(".dist-info")):
        # A distribution that is there again as it was: without the installer's half-written notes.
        for name in _files_in(os.path.join(prefix, folder)):
            if f"{folder}/{name}" not in replaced:
                _remove(os.path.join(prefix, folder, name), failed)
    for number, path in enumerate(changes.replaced):
        try:
            _restore(journal, path, os.path.join(prefix, KEPT, str(number)))
        except OSError as error:
            failed.append(f"{path}: {error.strerror}")
    if not failed:
        forget(prefix)
    return failed


def _restore(journal: Journal, path: str, copy: str) -> None:
    target = os.path.join(journal.prefix, path)
    kept = os.lstat(copy)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        now = os.lstat(target)
        if os.path.samestat(now, kept) or _same_copy(target, copy, now, kept):
            return
        if stat.S_ISDIR(now.st_mode):
            shutil.rmtree(target)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        os.makedirs(folder)
        for parent, mode in journal.folders.items():
            if parent == os.path.dirname(path):
                os.chmod(folder, mode)
    temporary = f"{target}.pipsafe"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        os.link(copy, temporary, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(copy, temporary, follow_symlinks=False)
    os.replace(temporary, target)


def _same_copy(target: str, copy: str, now: os.stat_result, kept: os.stat_result) -> bool:
    if (now.st_size, now.st_mtime_ns, now.st_mode) != (kept.st_size, kept.st_mtime_ns, kept.st_mode):
        return False
    if not stat.S_ISREG(now.st_mode):
        return False
    with open(target, "rb") as one, open(copy, "rb") as other:
        return one.read() == other.read()


def _remove_tree(folder: str, written: Iterable[str], prefix: str, failed: list[str]) -> None:
    """Remove a folder that was not there: below site-packages all of it, elsewhere only what was planned."""
    if not os.path.isdir(folder) or os.path.islink(folder):
        return
    if "site-packages" in folder.split(os.sep):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            failed.append(f"{error.filename}: {error.strerror}")
        return
    for path in written:
        absolute = os.path.join(prefix, path)
        if absolute.startswith(folder + os.sep):
            _remove(absolute, failed)
    for below, _, _ in sorted(os.walk(folder), reverse=True):
        with contextlib.suppress(OSError):  # someone else's file is in it
            os.rmdir(below)


def _remove(path: str, failed: list[str]) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        # A folder where a file was planned: it was there before, and is why the file could not be written.
        if not os.path.isdir(path):
            failed.append(f"{path}: {error.strerror}")


def _files_in(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [entry.name for entry in os.scandir(folder) if not entry.is_dir(follow_symlinks=False)]
    return []


def _remove_stashes(folder: str, before: Iterable[str], failed: list[str]) -> None:
    """What pip moved aside to remove it later (`~name`, its AdjacentTempDirectory), and uv's halves (`.tmpNAME`)."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith(STASHED) and name not in before]
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        except OSError as error:
            failed.append(f"{path}: {error.strerror}")
