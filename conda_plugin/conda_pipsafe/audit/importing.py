"""`--imports`: PS520: start the environment's own Python and import what is installed.

The only part of the audit that runs code of the environment; it has to be asked for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conda_pipsafe.audit.catalogue import make
from conda_pipsafe.audit.context import AuditContext
from conda_pipsafe.audit.findings import Finding
from conda_pipsafe.audit.hookspec import Skipped
from conda_pipsafe.audit.wording import installer
from conda_pipsafe.prefix.metadata import canonical_name

SECONDS = 60.0  # for one module
_NOT_MEANT = {"tests", "test", "testing", "docs", "doc", "examples", "example", "setup", "conftest", "benchmarks"}
_ENDS = (".py", ".so", ".pyd")
_NO_ANSWER = "no answer in"
_NOT_FOUND = re.compile(r"No module named '(\w+)")
_NAME = re.compile(r"[\s<>=!~;\[(@]")

# Reports on a copy of stdout, before and after each module: what a module prints must not be mistaken for a report.
# faulthandler's watchdog ends the process also when compiled code hangs.
_CHILD = """
import faulthandler, importlib, json, os, sys
report = os.fdopen(os.dup(1), "w", encoding="ascii")
os.dup2(2, 1)
limit, names = json.load(sys.stdin)
null = open(os.devnull, "w")
for name in names:
    print(json.dumps([name, None]), file=report, flush=True)
    faulthandler.dump_traceback_later(limit, exit=True, file=null)
    try:
        importlib.import_module(name)
        said = ""
    except BaseException as error:
        said = type(error).__name__ + ": " + str(error)[:500]
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps([name, said]), file=report, flush=True)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Module:
    """A module that a package installed."""

    name: str
    owner: str
    version: str
    by: str
    path: str
    requires: tuple[str, ...]


def import_all(context: AuditContext, seconds: float = SECONDS) -> Iterator[Finding]:
    """Import every top-level module that a distribution installed; report those that fail.

    Args:
        context: What is looked at.
        seconds: Time limit for one module.

    Raises:
        Skipped: When there is no Python that could import anything.
    """
    prefix = context.snapshot.prefix
    if context.snapshot.record_named("python") is None and not os.path.lexists(_python(prefix)):
        raise Skipped("there is no Python in this environment")
    modules = {module.name: module for module in _modules(context)}
    for name, beside in _results(prefix, sorted(modules), seconds).items():
        failed = beside
        if beside and not beside.startswith(_NO_ANSWER):
            # Some modules do not go together in one process: what fails beside others is tried alone.
            failed = _results(prefix, [name], seconds).get(name, beside)
        if failed:
            module = modules[name]
            yield make(
                "PS520",
                module.owner,
                f"`import {name}` fails: {failed.splitlines()[0]} ({module.by}'s {module.owner} {module.version}).",
                severity="note" if _is_for_an_extra(module, failed) else None,
                paths=[module.path],
                facts={"module": name, "error": failed},
            )


def _is_for_an_extra(module: Module, said: str) -> bool:
    """Whether what is missing is something that the distribution asks for with one of its extras only."""
    missing = _NOT_FOUND.search(said)
    if missing is None:
        return False
    key = canonical_name(missing.group(1))
    asked = [text for text in module.requires if canonical_name(_NAME.split(text.strip(), maxsplit=1)[0]) == key]
    return bool(asked) and all("extra" in text.partition(";")[2] for text in asked)


def _modules(context: AuditContext) -> Iterator[Module]:
    for dist in context.current:
        record = context.snapshot.record_of(dist)
        paths = context.paths(dist) or (record.files if record else ())
        by = "conda" if record else installer(dist)
        start = f"{dist.site.path}/"
        for path in paths:
            name = _module(path[len(start) :]) if path.startswith(start) else None
            if name is not None and context.disk.exists(path):
                yield Module(name, dist.name, dist.version, by, path, dist.requires_dist)


def _module(path: str) -> str | None:
    first, _, rest = path.partition("/")
    if rest not in {"", "__init__.py"} or not (rest or first.endswith(_ENDS)):
        return None
    name = first.partition(".")[0]
    return name if name.isidentifier() and not name.startswith("_") and name not in _NOT_MEANT else None


def _results(prefix: str, names: list[str], seconds: float) -> Mapping[str, str]:
    """What each import said, empty where it went well; a process that dies takes only one module with it."""
    results: dict[str, str] = {}
    while left := [name for name in names if name not in results]:
        before = len(results)
        began = time.monotonic()
        lines, code = _run(prefix, left, seconds)
        unfinished = None
        for name, said in lines:
            unfinished = name if said is None else None
            if said is not None:
                results[name] = said
        if unfinished is not None:
            slow = code == 1 and time.monotonic() - began >= seconds
            results[unfinished] = f"{_NO_ANSWER} {seconds:g} s" if slow else f"Python died (exit code {code})"
        if len(results) == before:
            return {left[0]: f"the environment's Python does not run (exit code {code})"} | results
    return results


def _python(prefix: str) -> str:
    return os.path.join(prefix, "python.exe") if os.name == "nt" else os.path.join(prefix, "bin", "python")


def _run(prefix: str, names: list[str], seconds: float) -> tuple[list[tuple[str, str | None]], int]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [_python(prefix), "-I", "-B", "-W", "ignore", "-c", _CHILD],
            input=json.dumps([seconds, names]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            check=False,
            timeout=seconds * (len(names) + 1),
        )
    except (OSError, subprocess.SubprocessError):
        return [], -1
    lines: list[tuple[str, str | None]] = []
    for line in done.stdout.splitlines():
        try:
            name, said = json.loads(line)
        except ValueError:  # a module that writes to every descriptor
            continue
        lines.append((str(name), said if said is None else str(said)))
    return lines, done.returncode
