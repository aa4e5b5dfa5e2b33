"""An audit as one self-contained page: no script, no address of another file, everything escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from conda_pipsafe import __version__
from conda_pipsafe.audit.catalogue import STEPS, Entry
from conda_pipsafe.audit.findings import SEVERITIES, Finding
from conda_pipsafe.audit.overview import Overview
from conda_pipsafe.render.findings import Judged
from conda_pipsafe.render.history import history_text
from conda_pipsafe.render.terminal import printable
from conda_pipsafe.render.treemap import treemap

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --error: #c62828; --warning: #b26a00; --note: #607d8b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid var(--line); padding-top: 1rem; overflow-wrap: anywhere; }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
article { border-left: 4px solid var(--note); padding: 0 0 0 1rem; margin: 1rem 0; }
article.error { border-color: var(--error); } article.warning { border-color: var(--warning); }
.badge { font-weight: 600; } .error .badge { color: var(--error); } .warning .badge { color: var(--warning); }
svg { width: 100%; height: auto; border: 1px solid var(--line); }
rect { stroke: Canvas; stroke-width: 1; } rect.conda { fill: #7cb77c; } rect.pip { fill: #6fa3d8; }
rect.contested { stroke: var(--error); stroke-width: 3; }
svg text { font: 11px ui-monospace, monospace; fill: #000; }
.key span { padding: 0 .5rem; margin-right: .5rem; color: #000; } .key .conda { background: #7cb77c; }
.key .pip { background: #6fa3d8; } .key .both { background: #fff; outline: 3px solid var(--error); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .15rem .6rem .15rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; vertical-align: top; }
""".strip()


def page(judged: Sequence[Judged], entries: Mapping[str, Entry]) -> str:
    """The page: for each environment its findings, who owns what, contested paths, and what happened."""
    title = f"conda-pipsafe: {judged[0].prefix}" if len(judged) == 1 else f"conda-pipsafe: {len(judged)} environments"
    body = "\n".join(line for item in judged for line in _environment(item, entries))
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # Nothing may be loaded and nothing run, whatever the names of files try.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>",
        f"<body><h1>{_text(title)}</h1>",
        body,
        f"<footer><p>Made by conda-pipsafe {_text(__version__)}.</p></footer></body></html>",
    ])  # fmt: skip


def _text(text: str) -> str:
    # Lone surrogates are what file names that are no UTF-8 are read as; a page cannot hold them.
    return escape(printable(text.replace("\r", "\\r")))


def _environment(item: Judged, entries: Mapping[str, Entry]) -> Iterator[str]:
    yield f"<section><h2>{_text(item.prefix)}</h2>"
    if item.report is None:
        yield f'<p class="error">{_text(item.audited.error or "not audited")}</p></section>'
        return
    report = item.report
    count = Counter(finding.severity for finding in report.findings)
    numbers = ", ".join(f"{count[severity]} {severity}{'' if count[severity] == 1 else 's'}" for severity in SEVERITIES)
    known = f", {len(item.known)} known from the baseline" if item.known else ""
    yield (
        f"<p>{numbers}{known}; {report.records} conda packages, {report.distributions} pip distributions, "
        f"{report.paths} paths.</p>"
    )
    for step in STEPS:
        for finding in report.findings:
            entry = entries.get(finding.code)
            if (entry.step if entry else "cause") == step:
                yield from _finding(finding, entry)
    if item.audited.overview is not None:
        yield from _overview(item.audited.overview)
    yield "</section>"


def _finding(finding: Finding, entry: Entry | None) -> Iterator[str]:
    name = f" {entry.name}" if entry else ""
    yield f'<article class="{finding.severity}"><p><span class="badge">{_text(finding.code + name)}</span>'
    yield f" ({finding.severity})<br>{_text(finding.message)}</p>"
    if entry:
        yield f"<details><summary>What it means</summary><p>{_text(entry.meaning)}</p>"
        yield f"<p>{_text(entry.causes)}</p></details>"
    if finding.fixes:
        yield "<ol>" + "".join(f"<li><code>{_text(fix)}</code></li>" for fix in finding.fixes) + "</ol>"
    if finding.paths:
        paths = "\n".join(_text(path) for path in finding.paths)
        yield f"<details><summary>{len(finding.paths)} paths</summary><pre>{paths}</pre></details>"
    yield "</article>"


def _overview(overview: Overview) -> Iterator[str]:
    yield f"<h3>Who owns what{_text(f' (Python {overview.python})' if overview.python else '')}</h3>"
    yield '<p class="key"><span class="conda">conda</span><span class="pip">pip and others</span>'
    yield '<span class="both">has contested paths</span></p>'
    yield treemap(overview.owners)
    if overview.contested:
        yield f"<h3>Contested paths ({len(overview.contested)})</h3><table><tr><th>Path</th><th>Owners</th></tr>"
        for path, owners in overview.contested:
            yield f"<tr><td><code>{_text(path)}</code></td><td>{_text(owners)}</td></tr>"
        yield "</table>"
    if overview.events:
        yield f"<h3>What happened to pip's packages</h3><pre>{_text(history_text(overview.events))}</pre>"
    if overview.revisions:
        yield "<h3>What conda did</h3><table><tr><th>Revision</th><th>Time</th><th>Command</th></tr>"
        for revision in overview.revisions:
            changes = f"{len(revision.linked)} linked, {len(revision.unlinked)} unlinked"
            what = f"<code>{_text(revision.command)}</code> {changes}"
            yield f"<tr><td>{revision.number}</td><td>{_text(revision.time)}</td><td>{what}</td></tr>"
        yield "</table>"
