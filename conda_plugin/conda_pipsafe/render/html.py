"""An audit as one self-contained page: no script, no address of another file, everything escaped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from conda_pipsafe import __version__
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.findings import SEVERITIES, Finding
from conda_pipsafe.audit.overview import Overview
from conda_pipsafe.audit.report import AuditReport
from conda_pipsafe.render.findings import Judged, grouped, skipped_lines
from conda_pipsafe.render.html_style import STYLE
from conda_pipsafe.render.terminal import printable
from conda_pipsafe.render.timeline import timeline
from conda_pipsafe.render.treemap import treemap

_OPEN = 4  # paths that are shown without being asked for


def page(judged: Sequence[Judged], entries: Mapping[str, Entry]) -> str:
    """The page: for each environment its findings, who owns what, contested paths, and what happened."""
    one = judged[0].prefix if len(judged) == 1 else ""
    title = (
        f"conda and pip in {os.path.basename(one) or one}" if one else f"conda and pip in {len(judged)} environments"
    )
    body = "\n".join(line for number, item in enumerate(judged) for line in _environment(number, item, entries))
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # Nothing may be loaded and nothing run, whatever the names of files try.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>",
        f"<body><h1>{_text(title)}</h1>",
        *(_index(judged) if not one else ()),
        body,
        f"<footer><p>Made by conda-pipsafe {_text(__version__)}.</p></footer></body></html>",
    ])  # fmt: skip


def _text(text: str) -> str:
    # Lone surrogates are what file names that are no UTF-8 are read as; a page cannot hold them.
    return escape(printable(text.replace("\r", "\\r")))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _index(judged: Sequence[Judged]) -> Iterator[str]:
    """A table of all environments, those to look at first above."""
    yield '<table><tr><th>Environment</th><th>Found</th><th class="number">conda packages</th>'
    yield '<th class="number">pip distributions</th></tr>'
    for number, item in sorted(enumerate(judged), key=lambda pair: _worst(pair[1])):
        report = item.report
        numbers = (f"{report.records:,}", f"{report.distributions:,}") if report else ("", "")
        yield f'<tr><td><a href="#e{number}">{_text(item.prefix)}</a></td><td>{_verdict(item)}</td>'
        yield "".join(f'<td class="number">{text}</td>' for text in numbers) + "</tr>"
    yield "</table>"


def _worst(item: Judged) -> tuple[int, ...]:
    if item.report is None:
        return (-1,)
    count = Counter(finding.severity for finding in item.findings)
    return (0, *(-count[severity] for severity in SEVERITIES))


def _verdict(item: Judged) -> str:
    """Pills: how many of each severity, or that all is well."""
    if item.report is None:
        return '<span class="pill error">not audited</span>'
    count = Counter(finding.severity for finding in item.findings)
    good = "" if count["error"] or count["warning"] else '<span class="pill good">clean</span>'
    pills = [
        f'<span class="pill {severity}">{_counted(count[severity], severity)}</span>'
        for severity in SEVERITIES
        if count[severity]
    ]
    known = f'<span class="pill none">{len(item.known)} known</span>' if item.known else ""
    return good + "".join(pills) + known


def _environment(number: int, item: Judged, entries: Mapping[str, Entry]) -> Iterator[str]:
    yield f'<section id="e{number}"><h2>{_text(item.prefix)}</h2><p>{_verdict(item)}</p>'
    if item.report is None:
        yield f'<p class="failed">{_text(item.audited.error or "not audited")}</p></section>'
        return
    report = item.report
    yield f'<p class="soft">{_looked_at(report)}</p>'
    if item.known:
        yield f'<p class="soft">{_counted(len(item.known), "finding")} more that the baseline knows.</p>'
    for text in (*(f"Note: {problem}" for problem in item.audited.problems), *skipped_lines(report)):
        yield f'<p class="soft">{_text(text)}</p>'
    for heading, group in grouped(report, entries):
        if group:
            yield f"<h3>{_text(heading.rstrip(':'))}</h3>"
            for finding in group:
                yield from _finding(finding, entries.get(finding.code))
    if item.audited.overview is not None:
        yield from _overview(item.audited.overview)
    yield "</section>"


def _looked_at(report: AuditReport) -> str:
    hashed = "" if report.hashed is None else f", {_counted(report.hashed, 'file')} compared with their hashes"
    return (
        f"{_counted(report.records, 'conda package')}, {_counted(report.distributions, 'pip distribution')}, "
        f"{_counted(report.paths, 'path')}{hashed}."
    )


def _finding(finding: Finding, entry: Entry | None) -> Iterator[str]:
    name = f" {entry.name}" if entry else ""
    yield f'<article class="{finding.severity}"><p><span class="badge">{_text(finding.code + name)}</span>'
    yield f' <span class="soft">({finding.severity})</span></p><p class="said">{_text(finding.message)}</p>'
    if finding.fixes:
        yield "<ol>" + "".join(f"<li><code>{_text(fix)}</code></li>" for fix in finding.fixes) + "</ol>"
    if finding.paths:
        paths = "\n".join(_text(path) for path in finding.paths)
        state = " open" if len(finding.paths) <= _OPEN else ""
        yield f"<details{state}><summary>{_counted(len(finding.paths), 'path')}</summary><pre>{paths}</pre></details>"
    if entry:
        yield f"<details><summary>What it means, and how it comes about</summary><p>{_text(entry.meaning)}</p>"
        yield f"<p>{_text(entry.causes)}</p><p>{_text(entry.way_out)}</p></details>"
    yield "</article>"


def _overview(overview: Overview) -> Iterator[str]:
    yield f"<h3>Who owns what{_text(f' (Python {overview.python})' if overview.python else '')}</h3>"
    yield '<p class="key">'
    for owner, label, noun in (("conda", "conda", "package"), ("pip", "pip and others", "distribution")):
        own = [owned for owned in overview.owners if owned.owner == owner]
        paths = _counted(sum(owned.paths for owned in own), "path")
        yield f'<span class="{owner}">{label}: {_counted(len(own), noun)}, {paths}</span>'
    yield ('<span class="both">has contested paths</span>' if overview.contested else "") + "</p>"
    yield treemap(overview.owners)
    if overview.contested:
        yield from _contested(overview.contested)
    if overview.events or overview.revisions:
        yield "<h3>What happened</h3>"
        if overview.earlier:
            yield f'<p class="soft">{overview.earlier:,} earlier are left out: <code>pipsafe history</code>.</p>'
        yield from timeline(overview.revisions, overview.events, _text)


def _contested(contested: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Who contests what: one row for each pair of owners, with its paths."""
    by_owners: dict[str, list[str]] = {}
    for path, owners in contested:
        by_owners.setdefault(owners, []).append(path)
    yield f"<h3>Contested paths ({len(contested):,})</h3><table>"
    yield '<tr><th>Owners</th><th class="number">Paths</th><th>Which</th></tr>'
    for owners, paths in sorted(by_owners.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        listed = "\n".join(_text(path) for path in paths)
        state = " open" if len(paths) <= _OPEN else ""
        which = f"<details{state}><summary>{_counted(len(paths), 'path')}</summary><pre>{listed}</pre></details>"
        yield f'<tr><td>{_text(owners)}</td><td class="number">{len(paths):,}</td><td>{which}</td></tr>'
    yield "</table>"
