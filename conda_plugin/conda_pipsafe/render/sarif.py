"""An audit as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conda_pipsafe import __version__
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.render.findings import Judged, skipped_lines

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_MOST_LOCATIONS = 20  # a result's; all paths are in its properties


def sarif_text(judged: Sequence[Judged], entries: Mapping[str, Entry]) -> str:
    """The document as JSON text."""
    return json.dumps(sarif_value(judged, entries), indent=2, ensure_ascii=True, default=str)


def sarif_value(judged: Sequence[Judged], entries: Mapping[str, Entry]) -> dict[str, Any]:
    """One run with a result per finding; each environment is a `uriBaseId` of its own."""
    used = sorted({finding.code for item in judged for finding in (*item.findings, *item.known)})
    index = {code: number for number, code in enumerate(used)}
    results = []
    for number, item in enumerate(judged):
        for known, findings in ((False, item.findings), (True, item.known)):
            results += [_result(finding, f"ENV{number}", index, known=known) for finding in findings]
    run = {
        "tool": {
            "driver": {
                "name": "conda-pipsafe",
                "version": __version__,
                "informationUri": "https://pypi.org/project/conda-pipsafe/",
                "rules": [_rule(code, entries.get(code)) for code in used],
            }
        },
        "originalUriBaseIds": {f"ENV{number}": {"uri": _base(item.prefix)} for number, item in enumerate(judged)},
        "invocations": [
            {
                "executionSuccessful": all(item.report is not None for item in judged),
                "toolExecutionNotifications": [
                    {"level": "error" if item.report is None else "note", "message": {"text": text}}
                    for item in judged
                    for text in _said(item)
                ],
            }
        ],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _said(item: Judged) -> list[str]:
    """What a reader has to know beside the results."""
    error = [item.audited.error] if item.audited.error else []
    return [*item.audited.problems, *(skipped_lines(item.report) if item.report else []), *error]


def _rule(code: str, entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"id": code}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in entry.name.split("-")),
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.meaning},
        "help": {"text": f"{entry.meaning}\n\nHow it comes about: {entry.causes}\n\nHow to get out: {entry.way_out}"},
        "defaultConfiguration": {"level": entry.severity},
        "properties": {"tags": ["conda", "pip", entry.step]},
    }


def _result(finding: Finding, base: str, index: Mapping[str, int], *, known: bool) -> dict[str, Any]:
    fixes = "".join(f"\n{number}. {fix}" for number, fix in enumerate(finding.fixes, 1))
    # conda-meta stands for an environment whose finding names no path: code scanning wants a place.
    paths = finding.paths[:_MOST_LOCATIONS] or ("conda-meta",)
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": finding.severity,
        "message": {"text": finding.message + fixes},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(paths[0]), "uriBaseId": base}}}],
        "relatedLocations": [
            {"id": number, "physicalLocation": {"artifactLocation": {"uri": _uri(path), "uriBaseId": base}}}
            for number, path in enumerate(paths[1:], 1)
        ],
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        "baselineState": "unchanged" if known else "new",
        "properties": {"subject": finding.subject, "paths": list(finding.paths), "facts": dict(finding.facts)},
    }


def _uri(path: str) -> str:
    # A colon in the first segment would be read as a scheme.
    return quote(_bytes(path), safe="/~")


def _base(prefix: str) -> str:
    return Path(prefix).as_uri().rstrip("/") + "/"


def _fingerprint(finding: Finding) -> str:
    words = "\0".join((finding.code, finding.subject, *finding.paths))
    return hashlib.sha256(_bytes(words)).hexdigest()[:32]


def _bytes(text: str) -> bytes:
    """The bytes that a file's name has on the disk; of a record's text that none can have, something that tells it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
