"""`conda doctor`: the audit, in a few lines.

conda prints what a check prints and goes on; its exit code says nothing of what was found (up to 26.7). There is no
fixer yet: what leads out is a decision, and the audit's commands say which.
"""

from __future__ import annotations

OK, BAD = "\u2705", "\u274c"


def check(prefix: str, *, verbose: bool) -> None:
    """Print what the audit finds; one line where nothing is wrong.

    Args:
        prefix: Absolute path of the environment.
        verbose: Print the findings themselves, not only how many.
    """
    from conda_pipsafe.audit.many import Depth, audit_one
    from conda_pipsafe.render.findings import Judged, audit_text
    from conda_pipsafe.render.terminal import printable

    try:
        audited = audit_one(prefix, Depth())
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
        from conda_pipsafe.audit.catalogue import ENTRIES

        entries = {entry.code: entry for entry in ENTRIES}
        print(printable("\n".join(audit_text([Judged(audited, ())], entries))) + "\n")
    else:
        lines = [f"  {finding.code} {finding.message}" for finding in bad]
        print(printable("\n".join(line.replace("\n", "\\n") for line in lines)))
        print(f"  the way out:  conda pipsafe audit -p {printable(prefix)}\n")
