"""Run programs as a user would, apart from the settings of whoever runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conda_pipsafe.demo.environment import clean_environment, python_of

#: Lets the coverage of the tests reach into the processes that they start.
_PASSED_THROUGH = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "COVERAGE_FILE")


@dataclass(frozen=True)
class Finished:
    """A program that ended."""

    args: Sequence[str]
    returncode: int
    stdout: str
    stderr: str

    def json(self) -> Any:  # noqa: ANN401 - the caller knows the command's output
        """Parse stdout, which has to be exactly one JSON value."""
        return json.loads(self.stdout)

    def ok(self) -> Finished:
        """Return itself; fail the test, with all that was printed, unless the exit code is 0."""
        assert self.returncode == 0, (
            f"{' '.join(map(str, self.args))}: exit {self.returncode}\n{self.stdout}\n{self.stderr}"
        )
        return self


def passed_through() -> dict[str, str]:
    """Return the variables for coverage that child processes get."""
    return {name: os.environ[name] for name in _PASSED_THROUGH if name in os.environ}


def run(
    *args: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
) -> Finished:
    """Run a program with `env`, by default the environment variables without PIP_*, CONDA_* …."""
    command = [str(arg) for arg in args]
    done = subprocess.run(
        command,
        env={**(clean_environment() if env is None else env), **passed_through()},
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return Finished(command, done.returncode, done.stdout, done.stderr)


def pip(prefix: Path, *args: str | Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run an environment's own pip, raw: not through pipsafe, no index unless `args` name one."""
    settings = {
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    variables = clean_environment({**settings, **(env or {})})
    return run(python_of(prefix), "-m", "pip", *args, env=variables)


@dataclass(frozen=True)
class Conda:
    """The user's conda with this checkout's plugin loaded, and everything else kept apart.

    Attributes:
        executable: conda.
        work: its home, settings (``condarc``), package cache and named environments.
        environment: the variables that it is run with.
    """

    executable: Path
    work: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
    ) -> Finished:
        """Run ``conda ARGS``; `env` adds to its variables."""
        variables = {**self.environment, **(env or {})}
        return run(self.executable, *args, env=variables, cwd=cwd, stdin=stdin)

    def version(self) -> tuple[int, ...]:
        """conda's version, such as ``(26, 7)``."""
        found = self.run("--version").ok().stdout.split()[-1]
        return tuple(int(part) for part in found.split(".")[:2])

    def configure(self, **settings: object) -> None:
        """Merge settings into the condarc: ``configure(plugins={"pipsafe_mode": "block"})``."""
        condarc = self.work / "condarc"
        current = json.loads(condarc.read_text(encoding="utf-8"))
        condarc.write_text(json.dumps(current | settings), encoding="utf-8")
