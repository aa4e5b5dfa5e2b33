"""The tests' side of `conda_driver`: many conda commands from one process, each with its own settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.running import Conda, Finished, passed_through

SCRIPT = Path(__file__).parent / "conda_driver.py"


@dataclass(frozen=True)
class Driven(Finished):
    """A conda command that ended, and what our hooks knew at its end.

    Attributes:
        facts: See `conda_driver.session_facts`; empty when the command was killed.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)

    def forecast(self, prefix: Path) -> dict[str, Any]:
        """What was foreseen for a prefix; that nothing was when no forecast was made."""
        lists = ("paths", "orphaned", "shadowed", "doubled", "broken", "leftover", "link")
        nothing = {"exact": True, **{name: [] for name in lists}}
        found: dict[str, Any] = self.facts.get("forecasts", {}).get(str(prefix), nothing)
        return found

    def ok(self) -> Driven:
        """As `Finished.ok`."""
        super().ok()
        return self


class Server:
    """The process, started with the first command and stopped with the test run."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, conda: Conda, words: list[str], environment: Mapping[str, str]) -> Driven:
        process = self._process or self._start(conda)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"words": words, "environment": dict(environment)}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        code, stdout, stderr = (answer.pop(name) for name in ("code", "stdout", "stderr"))
        return Driven(["conda", *words], code, stdout, stderr, answer)

    def _start(self, conda: Conda) -> subprocess.Popen[str]:
        python = conda.run("info", "--json").ok().json()["sys.executable"]
        self._process = subprocess.Popen(
            [python, str(SCRIPT)],
            env={**conda.environment, **passed_through()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self._process

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate()


@dataclass(frozen=True)
class Driver:
    """`Conda.run` in a fraction of its time. Faults of our hooks are raised, so that no test passes over one."""

    server: Server
    conda: Conda

    def run(self, *args: str | Path, env: Mapping[str, str] | None = None) -> Driven:
        """Run ``conda ARGS``; `env` adds to its variables."""
        variables = {**self.conda.environment, **passed_through(), "PIPSAFE_DEBUG": "1", **(env or {})}
        return self.server.run(self.conda, [str(arg) for arg in args], variables)

    def configure(self, **settings: object) -> None:
        """As `Conda.configure`."""
        self.conda.configure(**settings)
