"""PS9xx: the audit itself."""

from __future__ import annotations

from conda_pipsafe.audit.entries.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        code="PS901",
        name="unreadable-file",
        severity="error",
        step="audit",
        title="A file could not be read as what it should be",
        meaning=(
            "A conda-meta record or a distribution's metadata is damaged, too large, not a file, not readable for you, "
            "or names paths out of the environment. What it would have said is missing in the audit; the rest is "
            "complete. conda or pip may stop at the same file. An error, and to be mended first, where it is a "
            "record, or the history is no text, since conda refuses commands in the environment then; and where "
            "METADATA is no text, of which pip dies. Else a warning."
        ),
        causes="A full disk, an interrupted installation, a copy that failed, wrong permissions.",
        way_out=(
            "Have the installer of the package write it again, or mend the permissions; of conda's history, which "
            "nobody writes again, take out what is no text."
        ),
    ),
    Entry(
        code="PS902",
        name="check-crashed",
        severity="warning",
        step="audit",
        title="A check crashed",
        meaning="One check stopped with an error of its own. What it looks for was not looked for; all others ran.",
        causes="A mistake in the check, ours or that of another package.",
        way_out="Report it with the output of `pipsafe audit --json`.",
    ),
    Entry(
        code="PS903",
        name="not-checked",
        severity="note",
        step="audit",
        title="Something was not checked",
        meaning="A requirement is written in a way that is not understood here, so nothing is claimed about it.",
        causes="Rare forms of conda's or Python's requirement language, or metadata that does not follow its standard.",
        way_out="Nothing, unless you know the requirement to be broken.",
    ),
)
