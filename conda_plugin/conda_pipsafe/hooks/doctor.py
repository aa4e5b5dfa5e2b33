"""`conda doctor`: the audit, in a few lines.

conda prints what a check prints and goes on; its exit code says nothing of what was found (up to 26.7). What leads out
is mostly a decision, and the audit's commands say which: `conda doctor --fix` prints them, and itself only removes what
nobody can miss, folders that hold nothing but bytecode whose sources are gone.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from conda_pipsafe.audit.findings import Finding
    from conda_pipsafe.audit.many import Audited

OK, BAD = "\u2705", "\u274c"


def check(prefix: str, *, verbose: bool) -> None:
    """Print what the audit finds; one line where nothing is wrong.

    Args:
        prefix: Absolute path of the environment.
        verbose: Print the findings themselves, not only how many.
    """
    from conda_pipsafe.audit.engine import entries
    from conda_pipsafe.audit.many import Depth, audit_one
    from conda_pipsafe.render.findings import Judged, audit_text
    from conda_pipsafe.render.terminal import printable

    try:
        audited = _chosen(audit_one(prefix, Depth()))
    except Exception as error:  # noqa: BLE001 - the doctor's other checks must run
        print(f"{BAD} conda and pip: the audit failed ({type(error).__name__}: {error}).\n")
        return
    if audited.report is None:
        print(f"{BAD} conda and pip: {printable(audited.error or 'not audited')}.\n")
        return
    bad = [finding for finding in audited.report.findings if finding.severity != "note"]
    if not bad:
        print(f"{OK} conda and pip did each other no harm.\n")
        return
    print(f"{BAD} conda and pip: {len(bad)} finding{'' if len(bad) == 1 else 's'}:\n")
    if verbose:
        print(printable("\n".join(audit_text([Judged(audited, ())], entries()))) + "\n")
    else:
        lines = [f"  {finding.code} {finding.message}" for finding in bad]
        print(printable("\n".join(line.replace("\n", "\\n") for line in lines)))
        print(f"  the way out:  conda pipsafe audit -p {printable(prefix)}\n")


def fix(prefix: str, confirm: Callable[[str], object]) -> int:
    """Print what leads out, and remove what is exactly safe to remove.

    Args:
        prefix: Absolute path of the environment.
        confirm: Asks the user; raises when the answer is no, and in a dry run.

    Returns:
        0 when nothing bad is left, else 1.
    """
    from conda_pipsafe.audit.engine import entries
    from conda_pipsafe.audit.many import Depth, audit_one
    from conda_pipsafe.render.findings import Judged, audit_text
    from conda_pipsafe.render.terminal import printable

    audited = _chosen(audit_one(prefix, Depth(cached=False)))
    if audited.report is None:
        print(f"{BAD} conda and pip: {printable(audited.error or 'not audited')}.")
        return 1
    bad = [finding for finding in audited.report.findings if finding.severity != "note"]
    if not bad:
        print("conda and pip did each other no harm: nothing to mend.")
        return 0
    removable = [finding for finding in bad if _holds_only_bytecode(finding)]
    left = [finding for finding in bad if finding not in removable]
    if left:
        print("conda and pip: what leads out is your decision. The commands, in order:\n")
        report = audited.report._replace(findings=tuple(left))
        print(printable("\n".join(audit_text([Judged(audited._replace(report=report), ())], entries()))) + "\n")
    if removable:
        paths = [path for finding in removable for path in finding.paths]
        print("Nothing is left in these folders but bytecode whose sources are gone; they import as empty packages:")
        for path in paths:
            print(printable("  " + path.replace("\n", "\\n")))
        confirm("Remove these folders?")
        for path in paths:
            _remove_bytecode(os.path.join(prefix, path))
    return 1 if left or any(os.path.lexists(os.path.join(prefix, *item.paths)) for item in removable) else 0


def _chosen(audited: Audited) -> Audited:
    """What conda's settings `pipsafe_audit_select` and `pipsafe_audit_ignore` leave of an audit."""
    if audited.report is None or "conda" not in sys.modules:
        return audited
    from conda_pipsafe.audit.choice import Choice
    from conda_pipsafe.audit.condarc import Settings, read_settings
    from conda_pipsafe.engines.conda_context import audit_settings

    known = audit_settings()
    said = Settings(*known) if known else read_settings([sys.prefix])
    return audited._replace(
        report=audited.report._replace(findings=Choice(said.select, said.ignore).of(audited.report.findings))
    )


def _holds_only_bytecode(finding: Finding) -> bool:
    files = finding.facts.get("files", ())
    return finding.code == "PS504" and all(path.endswith(".pyc") and "__pycache__/" in path for path in files)


def _remove_bytecode(folder: str) -> None:
    """Remove bytecode and then the folders that are empty: whatever else has come there meanwhile stays."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names if os.path.basename(root) == "__pycache__" else ():
            if name.endswith(".pyc"):
                os.unlink(os.path.join(root, name))
        if not os.listdir(root):
            os.rmdir(root)
