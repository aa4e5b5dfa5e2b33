"""Uninstall with the environment's own pip: only what was planned, checked on disk and recorded."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conda_pipsafe.errors import PipsafeError
from conda_pipsafe.installer.removal import Removal, Shared
from conda_pipsafe.installer.runner import Pip
from conda_pipsafe.installer.uv_runner import Uv
from conda_pipsafe.ledger.folder import LedgerError, ensure_folder
from conda_pipsafe.ledger.reconcile import Expected, Reconciled, reconcile
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_bytes
from conda_pipsafe.prefix.snapshot import Snapshot, read_snapshot

_AT_MOST = 10  # distributions of one name


@dataclass(frozen=True, slots=True)
class RemovalOutcome:
    """How it ended.

    Attributes:
        code: The exit code of the last pip that ran.
        left: Distributions that are still there.
        lost: Paths of conda's that went along, which must not be.
        altered: Records whose files stay, with another content than conda's.
    """

    code: int
    interrupted: bool
    after: Snapshot
    left: tuple[Distribution, ...]
    lost: tuple[str, ...]
    altered: tuple[Record, ...]
    recorded: Reconciled

    @property
    def succeeded(self) -> bool:
        """Whether all that was planned is gone, and nothing else."""
        return not (self.left or self.lost or self.interrupted)


def remove(tool: Pip | Uv, removal: Removal, command: str, *, stdout_to_stderr: bool = False) -> RemovalOutcome:
    """Run the environment's own pip, or uv, until every name is gone; look at the disk; record.

    Args:
        tool: The environment's pip, or a uv for it.
        removal: What was planned.
        command: What to record as the command.
        stdout_to_stderr: Keep stdout free of pip's output.

    Raises:
        PipsafeError: When something in the plan is refused, or copies of shared files cannot be kept.
    """
    if removal.refused:
        raise PipsafeError("a refused removal cannot be carried out")
    before = removal.before
    reconcile(before.prefix, before)  # what others did is not ours
    with _kept(removal):
        code, interrupted = _until_gone(tool, removal, stdout_to_stderr=stdout_to_stderr)
    after = read_snapshot(before.prefix)
    keys = {item.key for item in removal.items}
    left = tuple(dist for key in keys for dist in after.distributions_named(key) if dist.site.current)
    gone = keys - {dist.key for dist in left}
    expected = [Expected(key, None, command=command) for key in sorted(gone)]
    recorded = reconcile(before.prefix, after, expected=expected)
    shared = [item for removed in removal.items for item in removed.shared]
    lost = tuple(path for item in shared for path in item.paths if not after.exists(path))
    altered = {item.record.name: item.record for item in shared if _is_altered(before.prefix, item)}
    return RemovalOutcome(code, interrupted, after, left, lost, tuple(altered.values()), recorded)


def _until_gone(tool: Pip | Uv, removal: Removal, *, stdout_to_stderr: bool) -> tuple[int, bool]:
    """Uninstall every name; again where a second distribution of it was below the first."""
    todo = [item.key for item in removal.items]
    count = sum(len(item.dists) for item in removal.items)
    code = 0
    for _ in range(_AT_MOST):
        code, interrupted = _run(tool, todo, stdout_to_stderr=stdout_to_stderr)
        if code or interrupted:
            return code, interrupted
        now = read_snapshot(removal.before.prefix)
        left = [dist for key in todo for dist in now.distributions_named(key) if dist.site.current]
        if not left or len(left) >= count:
            break
        todo, count = list(dict.fromkeys(dist.key for dist in left)), len(left)
    return code, False


def _run(tool: Pip | Uv, names: Sequence[str], *, stdout_to_stderr: bool) -> tuple[int, bool]:
    if isinstance(tool, Uv):
        command = [tool.path, "pip", "uninstall", "--python", tool.python, *names]
    else:
        command = [tool.python, "-I", "-m", "pip", "--disable-pip-version-check", "uninstall", "-y", *names]
    sys.stdout.flush()
    stdout = None
    if stdout_to_stderr:
        try:
            stdout = sys.stderr.fileno()
        except (OSError, ValueError, AttributeError):
            stdout = subprocess.DEVNULL
    with subprocess.Popen(command, env=dict(tool.environment), stdin=subprocess.DEVNULL, stdout=stdout) as child:
        try:
            return child.wait(), False
        except KeyboardInterrupt:
            # The terminal told pip as well: it puts back what it has moved aside.
            return child.wait(), True


@contextlib.contextmanager
def _kept(removal: Removal) -> Iterator[None]:
    """Keep what conda's packages share, and put back what pip took of it.

    pip deletes entry points' scripts whether its list of files names them or not, so the list alone saves nothing.
    """
    prefix = removal.before.prefix
    paths = list(dict.fromkeys(path for item in removal.items for shared in item.shared for path in shared.paths))
    if not paths:
        yield
        return
    try:
        folder = tempfile.mkdtemp(prefix="kept-", dir=ensure_folder(prefix))
        for number, path in enumerate(paths):
            _copy(os.path.join(prefix, path), os.path.join(folder, str(number)))
    except (OSError, LedgerError) as error:
        raise PipsafeError(f"no copies of the shared files can be kept, so nothing is removed: {error}") from error
    try:
        yield
    finally:
        for number, path in enumerate(paths):
            target = os.path.join(prefix, path)
            if not os.path.lexists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(os.path.join(folder, str(number)), target)
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _is_altered(prefix: str, shared: Shared) -> bool:
    """Whether a file that stays is not as conda linked it; what has no hash counts when pip wrote it."""
    hashes = {fact.path: fact.sha256 for fact in shared.record.path_facts()}
    for path in shared.paths:
        try:
            content = hashlib.sha256(read_bytes(prefix, path)).hexdigest()
        except UnreadableError:
            continue
        if hashes.get(path) is not None and hashes[path] != content:
            return True
    return False
