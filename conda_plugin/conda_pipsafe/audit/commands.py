"""`--deep`: PS120, PS220: commands that were written for an entry point, by what they call.

conda keeps no hash of them. What it was asked to write stands in the package's `info/link.json`; where the package is
not in the cache any more, in the distribution's `entry_points.txt`, from which a package may differ on purpose: then
only a command counts that was written after conda's record was.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence

from conda_pipsafe.audit import fixes
from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.scripts import Target, command_paths, declared, declared_by_record, parse_targets, read_script
from conda_pipsafe.audit.wording import counted, installer
from conda_pipsafe.prefix.conda_meta import Record
from conda_pipsafe.prefix.dist_info import Distribution
from conda_pipsafe.prefix.files import UnreadableError, read_bytes, read_json
from conda_pipsafe.prefix.record_csv import sha256_hex

_ENTRY_POINT = "unix_python_entry_point"
_LATER_SECONDS = 2.0


def altered_commands(context: AuditContext) -> Iterator[Finding]:
    """Commands that call something else than is declared, or nothing; contested ones are told elsewhere."""
    contested = {path for paths in context.contested.values() for path in paths}
    for dist in context.recorded:
        wrong = [path for path in _of_dist(context, dist) if path not in contested]
        if wrong:
            who = f"{installer(dist)}'s {dist.name} {dist.version}"
            yield _finding("PS220", dist.name, who, wrong, fixes.whole(context.snapshot, dist))
    for health in context.health:
        record = health.record
        stale = record.meta_path in context.stale
        if stale or health.removed or health.replaced or health.taken or health.beside:
            continue
        wrong = [path for path in _of_record(context, record) if path not in contested]
        if wrong:
            ways = [fixes.conda_reinstall(context.snapshot.prefix, record)]
            yield _finding("PS120", record.name, f"conda's {record.name} {record.version}", wrong, ways)


def _finding(code: str, subject: str, who: str, wrong: list[str], ways: Sequence[str]) -> Finding:
    verb = "calls" if len(wrong) == 1 else "call"
    message = f"{counted(len(wrong), 'command')} of {who} {verb} something else than declared."
    return make(code, subject, message, paths=wrong, fixes=ways)


def _of_dist(context: AuditContext, dist: Distribution) -> Iterator[str]:
    # An egg-info's commands look their function up when they run: their text says nothing.
    paths = command_paths(context.paths(dist)) if dist.kind == "dist-info" else []
    targets = declared(context, dist) if paths else {}
    wrong = [path for path in paths if path in targets and _calls_other(context, path, targets[path])]
    hashes = dict(context.hashes(dist)) if wrong else {}
    for path in wrong:
        written = sha256_hex(hashes.get(path, ""))
        script = read_script(context.snapshot.prefix, path)
        unclear = script is None or script.calls is None
        # What is as pip wrote it is right, whatever it calls; conda's copies of environments change these hashes.
        if written != _sha256(context.snapshot.prefix, path) and not (unclear and written is None):
            yield path


def _of_record(context: AuditContext, record: Record) -> Iterator[str]:
    paths = [fact.path for fact in record.path_facts() if fact.path_type == _ENTRY_POINT]
    if not paths:
        return
    linked = _linked(record)
    targets = linked or declared_by_record(context, record)
    since = context.disk.modified(record.meta_path)
    for path in paths:
        if path not in targets or not _calls_other(context, path, targets[path]):
            continue
        written = context.disk.modified(path)
        if linked or (since is not None and written is not None and written > since + _LATER_SECONDS):
            yield path


def _linked(record: Record) -> Mapping[str, Target]:
    """What conda was asked to write, of the package in the cache; nothing where it is not there."""
    if not record.extracted_package_dir:
        return {}
    try:
        data = read_json(record.extracted_package_dir, "info/link.json")
    except UnreadableError:
        return {}
    noarch = data.get("noarch") if isinstance(data, dict) else None
    lines = noarch.get("entry_points") if isinstance(noarch, dict) else None
    texts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return parse_targets("\n".join(["[console_scripts]", *texts]))


def _calls_other(context: AuditContext, path: str, target: Target) -> bool:
    """Whether a command that is there is no installer's command for this target."""
    script = read_script(context.snapshot.prefix, path)
    if script is not None and script.calls is not None:
        return script.calls != target
    return _sha256(context.snapshot.prefix, path) is not None


def _sha256(prefix: str, path: str) -> str | None:
    """Hex digest of a regular file; None when it is none or cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(os.path.join(prefix, path)).st_mode):
            return None
        return hashlib.sha256(read_bytes(prefix, path)).hexdigest()
    except (OSError, ValueError, UnreadableError):
        return None
