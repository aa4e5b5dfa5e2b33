"""The checks there are: ours, and those that other packages offer, each of which may be wrong in any way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pluggy

from conda_pipsafe.audit import catalogue, checks
from conda_pipsafe.audit.catalogue import Entry
from conda_pipsafe.audit.findings import CRASHED, SEVERITIES, Finding
from conda_pipsafe.audit.hookspec import ENTRY_POINT_GROUP, NAMESPACE, Check, CheckSpecs


class Offered(NamedTuple):
    """What runs in every audit.

    Attributes:
        own: The built-in checks.
        others: Those of other packages.
        crashed: Findings about packages whose checks could not be had.
    """

    own: tuple[Check, ...]
    others: tuple[Check, ...]
    crashed: tuple[Finding, ...]

    @property
    def foreign(self) -> bool:
        """Whether other packages have a say: then nobody knows what an answer depends on."""
        return bool(self.others or self.crashed)


def offered_checks() -> Offered:
    """Every check; a package that fails to register is a finding.

    Looked for once in a process: they are not of the environment that is looked at, but of the one that we run in.
    """
    return _offered(tuple(sys.path))


@lru_cache(maxsize=1)
def _offered(search: tuple[str, ...]) -> Offered:
    own, _ = _collected([(module.__name__, lambda module=module: module) for module in checks.modules()])
    others, crashed = _collected(entry_points(search))
    return Offered(tuple(own), tuple(others), tuple(crashed))


def _collected(sources: Iterable[tuple[str, Any]]) -> tuple[list[Check], list[Finding]]:
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(CheckSpecs)
    crashed: list[Finding] = []
    for name, load in sources:
        try:
            plugin = load()
            # Seen twice where a package is installed and its sources are on the path, too.
            if not manager.is_registered(plugin):
                manager.register(plugin, name=name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's package
            crashed.append(crash(name, error))
    found: list[Check] = []
    # One by one, not through the hook's own call: an implementation that raises must not hide the others.
    for implementation in manager.hook.conda_pipsafe_checks.get_hookimpls():
        try:
            found.extend(_checked(implementation.function()))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's package
            crashed.append(crash(implementation.plugin_name, error))
    return sorted(found, key=lambda check: check.name), crashed


def _checked(offered: Any) -> list[Check]:  # noqa: ANN401 - whatever it is
    found = list(offered)
    for check in found:
        if not isinstance(check, Check):
            raise TypeError(f"it offers what is no check: {check!r:.80}")
        parts: tuple[Any, Any, tuple[Any, ...]] = (check.name, check.run, check.entries)
        name, run, entries = parts
        if not (isinstance(name, str) and callable(run) and all(isinstance(entry, Entry) for entry in entries)):
            raise TypeError(f"its check {name!r:.80} has a name, a run or entries that are none")
    return found


def crash(name: str, error: BaseException) -> Finding:
    """The finding about a check, or a package's checks, that stopped with an error."""
    kind, detail = type(error).__name__, _said(error)
    return Finding(
        code=CRASHED,
        severity=catalogue.entry(CRASHED).severity,
        subject=name,
        message=f"The check {name} crashed ({kind}: {detail}); what it looks for was not looked for.",
        fixes=("Report it to the authors of the check, with the output of `pipsafe audit --json`.",),
        facts={"check": name, "exception": kind, "detail": detail},
    )


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception is anybody's code, too
        return "it does not say what"


def sound(finding: Any) -> Finding:  # noqa: ANN401 - whatever it is
    """What another package's check reported as a finding that can be sorted, sent and shown.

    Raises:
        TypeError: When it is none.
    """
    if not isinstance(finding, Finding):
        raise TypeError(f"it reports what is no finding: {finding!r:.80}")
    several: tuple[Any, Any] = (finding.paths, finding.fixes)
    if any(isinstance(texts, str) for texts in several):
        raise TypeError("it reports a finding whose paths or fixes are a text, not several")
    words: list[Any] = [finding.code, finding.subject, finding.message, *finding.paths, *finding.fixes]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("it reports a finding whose code, subject, message, paths or fixes are not text")
    if finding.severity not in SEVERITIES:
        raise TypeError(f"it reports a finding of severity {finding.severity!r}; there are {', '.join(SEVERITIES)}")
    import json

    facts = json.loads(json.dumps(dict(finding.facts), default=str))
    return finding._replace(paths=tuple(finding.paths), fixes=tuple(finding.fixes), facts=facts)


def entry_points(search: Sequence[str]) -> Iterator[tuple[str, _Loader]]:
    """Entry points of our group on a search path: the module that each names, and its loader.

    `importlib.metadata.entry_points` parses every distribution's file (70 ms for 350); here a file is parsed only
    when the group's name is in it. Distributions in zip files are not looked at.
    """
    group = ENTRY_POINT_GROUP.encode()
    for folder in dict.fromkeys(search):
        try:
            names = sorted(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name, "entry_points.txt")
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                continue
            if group in content:
                yield from _parse_entry_points(content.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Loader:
    value: str

    def __call__(self) -> object:
        from importlib.metadata import EntryPoint

        loaded: object = EntryPoint(name="check", value=self.value, group=ENTRY_POINT_GROUP).load()
        return loaded


def _parse_entry_points(text: str) -> Iterator[tuple[str, _Loader]]:
    from configparser import ConfigParser, Error

    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    try:
        parser.read_string(text)
    except Error:
        return
    if parser.has_section(ENTRY_POINT_GROUP):
        for _name, value in parser.items(ENTRY_POINT_GROUP):
            # Not by its name: several packages may well call theirs "checks".
            yield value, _Loader(value)
