"""What raw pip and uv do in a guarded environment, tried one after the other; `docs/guard.md` holds the table.

`python -m support.guard_matrix` is not how it is made: run `PIPSAFE_WRITE_DOCS=1 pytest tests/test_guard_matrix.py`.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conda_pipsafe.cli.app import main
from conda_pipsafe.demo.environment import clean_environment, python_of
from conda_pipsafe.installer.guard_variables import STATE, variable
from conda_pipsafe.prefix.snapshot import read_snapshot
from support.running import Finished, pip, run

BEGIN, END = "<!-- matrix: made by tests/test_guard_matrix.py -->", "<!-- end of the matrix -->"


@dataclass(frozen=True)
class Case:
    """One command and what a user wants of it.

    Attributes:
        tool: `pip`, or `uv` in an activated or not activated environment.
        words: After `pip` or `uv pip`.
        harms: Whether it replaces, overwrites or removes what conda owns.
    """

    tool: str
    words: str
    harms: bool
    variables: Mapping[str, str] | None = None
    before: str = ""


CASES = (
    Case("pip", "install alpha==2.0", harms=True),
    Case("pip", "install -U alpha", harms=True),
    Case("pip", "install beta2", harms=True),
    Case("pip", "install alpha@file://{wheels}/alpha-2.0-py3-none-any.whl", harms=True),
    Case("pip", "install --force-reinstall alpha", harms=True),
    Case("pip", "install --force-reinstall alpha==2.0", harms=True),
    Case("pip", "install --ignore-installed alpha==2.0", harms=True),
    Case("pip", "install --no-deps alpha==2.0", harms=True),
    Case("pip", "install --isolated --no-index -f {wheels} alpha==2.0", harms=True),
    Case("pip", "install alpha==2.0", harms=True, variables={"PIP_CONSTRAINT": "{empty}"}),
    Case("pip", "uninstall -y alpha", harms=True),
    Case("pip", "install gamma-core", harms=True),
    Case("pip", "install piponly", harms=False),
    Case("pip", "install -U piponly", harms=False),
    Case("pip", "install -r {requirements}", harms=False),
    Case("pip", "install -c {empty} alpha==2.0", harms=True),
    Case("pip", "install -e {project}", harms=False),
    Case("pip", "install {project}", harms=False),
    Case("pip", "install --no-build-isolation {project}", harms=False),
    Case("pip", "install --target {elsewhere} alpha==2.0", harms=False),
    Case("pip", "uninstall -y piponly", harms=False, before="install piponly"),
    Case("uv, activated", "install alpha==2.0", harms=True),
    Case("uv, activated", "install beta2", harms=True),
    Case("uv, activated", "install --reinstall alpha", harms=True),
    Case("uv, activated", "uninstall alpha", harms=True),
    Case("uv, activated", "sync {requirements}", harms=True),
    Case("uv, activated", "install piponly", harms=False),
    Case("uv, activated", "install -e {project}", harms=False),
    Case("uv, not activated", "install alpha==2.0", harms=True),
)


def find_uv() -> Path:
    """The uv that the tests' environment has."""
    beside = Path(sysconfig.get_path("scripts")) / ("uv.exe" if sys.platform == "win32" else "uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    assert found, "uv is not installed: pip install 'conda-pipsafe[test]'"
    return Path(found)


def activated(prefix: Path) -> dict[str, str]:
    """The variables of an activated environment, as far as uv looks at them."""
    state = prefix / STATE
    constraint = variable(state.read_text(encoding="utf-8") if state.exists() else None)
    return {"CONDA_PREFIX": str(prefix), **({"UV_CONSTRAINT": constraint} if constraint else {})}


def homeless(places: Mapping[str, str]) -> dict[str, str]:
    """No settings of the machine or the user."""
    return {"HOME": places["cache"], "XDG_CONFIG_HOME": places["cache"], "XDG_CONFIG_DIRS": places["cache"]}


def run_case(case: Case, prefix: Path, places: Mapping[str, str]) -> Finished:
    """Run one command as a user would."""
    words = [word.format(**places) for word in case.words.split()]
    variables = {name: value.format(**places) for name, value in (case.variables or {}).items()}
    if case.tool == "pip":
        environment = {"PIP_FIND_LINKS": places["wheels"], "PIP_CONFIG_FILE": "", **homeless(places), **variables}
        return pip(prefix, *words, env=environment)
    more = activated(prefix) if case.tool == "uv, activated" else {}
    offline = {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": places["wheels"],
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": places["cache"],
    }
    if not more:
        words = [words[0], "--python", str(python_of(prefix)), *words[1:]]
    return run(find_uv(), "pip", *words, env=clean_environment({**offline, **more, **homeless(places), **variables}))


def verdict(case: Case, prefix: Path, done: Finished, before: Mapping[str, str]) -> str:
    """What happened: refused, done without harm, or done with harm."""
    now = conda_state(prefix)
    if done.returncode != 0:
        assert now == before, f"{case}: it failed and changed something\n{done.stderr}"
        return "refused" if case.harms or "--target" in case.words else "BROKEN"
    if now != before:
        assert case.harms, f"{case} harms"
        return "not stopped"
    return "nothing to do" if case.harms else "works"


def conda_state(prefix: Path) -> dict[str, str]:
    """What conda owns, as it is on the disk: every file of the tiny packages, and the owner of each distribution."""
    snapshot = read_snapshot(str(prefix))
    found = {dist.path: snapshot.owner_of(dist) for dist in snapshot.distributions if snapshot.record_of(dist)}
    files: dict[str, str] = dict(found)
    for record in snapshot.records:
        if record.name in {"alpha", "gamma"}:
            for path in record.files:
                if not path.endswith(".pyc"):
                    file = prefix / path
                    files[path] = f"{file.lstat().st_ino}" if file.exists() else "gone"
    return files


def matrix(make: Callable[[str], Path], places: Mapping[str, str]) -> list[tuple[Case, str, str]]:
    """Every case in an environment of its own, without the guard and with it."""
    found = []
    for number, case in enumerate(CASES):
        seen = []
        for guarded in (False, True):
            prefix = make(f"m{number}{'g' if guarded else ''}")
            if case.before:
                pip(prefix, *case.before.split(), "--find-links", places["wheels"]).ok()
            if guarded:
                assert main(["guard", "on", "-q", "-p", str(prefix)]) == 0
            before = conda_state(prefix)
            done = run_case(case, prefix, places)
            seen.append(verdict(case, prefix, done, before))
            shutil.rmtree(prefix)
        found.append((case, seen[0], seen[1]))
    return found


def as_markdown(rows: list[tuple[Case, str, str]]) -> str:
    """The table of the docs."""
    names = {
        "wheels": "FOLDER",
        "empty": "FILE",
        "requirements": "requirements.txt",
        "project": ".",
        "elsewhere": "DIR",
    }
    lines = [BEGIN, "", "| tool | command | without the guard | with the guard |", "|---|---|---|---|"]
    for case, without, guarded in rows:
        variables = "".join(f"{name}={value} " for name, value in (case.variables or {}).items())
        words = f"{variables}{case.tool.split(',')[0]} {'pip ' if case.tool != 'pip' else ''}{case.words}".format(
            **names
        )
        plain = {"not stopped": "harms conda", "works": "works", "nothing to do": "nothing to do"}.get(without, without)
        shown = f"**{guarded}**" if guarded != plain else guarded
        lines.append(f"| {case.tool} | `{words}` | {plain} | {shown} |")
    return "\n".join([*lines, "", END])
