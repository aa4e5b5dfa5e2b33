"""The story that `pipsafe demo` tells: how conda and pip harm each other, and what is seen of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conda_pipsafe.demo.channel import Channel
from conda_pipsafe.demo.environment import clean_environment, conda_environment, create, python_of
from conda_pipsafe.demo.overlay import build_overlay
from conda_pipsafe.demo.pip_package import pip_package
from conda_pipsafe.demo.python_package import ask_interpreter, python_package
from conda_pipsafe.demo.wheel_package import Recipe, package_from_wheel
from conda_pipsafe.demo.wheels import WheelSpec, write_wheel
from conda_pipsafe.errors import Exit

Say = Callable[[str], None]
MOST_LINES = 18
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_CONFIG_FILE": os.devnull}


class DemoError(Exception):
    """A step did not end as it should; the message says which, with its output."""


def _package(name: str, version: str, requires: Sequence[str] = ()) -> WheelSpec:
    return WheelSpec(
        name=name,
        version=version,
        modules={
            f"{name}/__init__.py": f'VERSION = "{version}"\n\n\ndef main():\n    print("{name}", VERSION)\n',
            f"{name}/since_{version.replace('.', '_')}.py": "",
        },
        data={f"share/{name}/table.txt": f"{name} {version}\n"},
        console_scripts=[f"{name} = {name}:main"],
        requires_dist=list(requires),
    )


CONDA_PACKAGES = (
    _package("weather", "1.0"),
    _package("report", "1.0", ["weather>=1"]),
    _package("skyplot", "0.9", ["weather>=1"]),
)
WHEELS = (_package("weather", "3.0"), _package("skyplot", "1.0", ["weather>=1"]))


class Story:
    """One run of the demo below one folder.

    Args:
        folder: An empty folder; everything is written below it.
        conda: The user's conda, or None for py-rattler.
        say: Prints one line.
    """

    def __init__(self, folder: Path, conda: Path | None, say: Say) -> None:
        self.prefix = folder / "env"
        self._work = folder / "work"
        self._wheels = folder / "wheels"
        self._channel = Channel(folder / "channel")
        self._folder = folder
        self._conda = conda
        self._say = say
        self._step = 0

    def tell(self) -> None:
        """Run the story from the beginning to the end.

        Raises:
            DemoError: When a step does not end as it should.
            RuntimeError: When the channel or the environment cannot be made.
        """
        started = time.monotonic()
        self._prepare(started)
        self._guarded_install()
        self._raw_pip()
        self._conda_over_pip()
        self._look_back()
        self._say(f"\nThat took {time.monotonic() - started:.0f} s.")

    def _prepare(self, started: float) -> None:
        engine = f"with {self._conda}" if self._conda else "with py-rattler, since there is no conda here"
        self._title(f"A throw-away environment, {engine}")
        self._wheels.mkdir()
        for spec in WHEELS:
            write_wheel(spec, self._wheels)
        interpreter = ask_interpreter(Path(sys.executable))
        built = self._folder / "built"
        built.mkdir()
        self._channel.add_all([python_package(), pip_package(interpreter, built)])
        self._channel.add_all(package_from_wheel(Recipe(write_wheel(spec, built))) for spec in CONDA_PACKAGES)
        self._channel.index()
        create(self.prefix, ["python", "pip", "report"], [self._channel], self._work, self._conda)
        self._say(f"  {self.prefix}")
        self._say("  has from conda: python, pip, report 1.0 and weather 1.0, which report needs")
        self._say(f"  (channel, packages and environment made in {time.monotonic() - started:.1f} s)")

    def _guarded_install(self) -> None:
        self._title("pip through pipsafe: it adds what conda has not, and does not replace what conda owns")
        self._pipsafe("install", *self._pip_options(), "skyplot", expect=Exit.OK)
        self._pipsafe("install", *self._pip_options(), "weather>=3", expect=Exit.REFUSED)

    def _raw_pip(self) -> None:
        self._title("Raw pip does replace it, and the other tools are content")
        self._pip("install", "--quiet", *self._pip_options(), "weather==3.0")
        self._pip("check")
        self._pipsafe("audit", expect=Exit.FINDINGS)
        if self._conda:
            self._run_conda("list", "weather")

    def _conda_over_pip(self) -> None:
        self._title("conda overwrites pip's files without a word; pipsafe says so before and after")
        if self._conda:
            self._run_conda("install", "--yes", "--quiet", "skyplot=0.9")
        else:
            self._rattler_over_pip("skyplot=0.9")
        self._pip("check")

    def _look_back(self) -> None:
        self._title("What pipsafe knows")
        self._pipsafe("audit", expect=Exit.FINDINGS)
        self._pipsafe("history", expect=Exit.OK)

    def _rattler_over_pip(self, spec: str) -> None:
        from conda_pipsafe.engines.rattler import apply, solve
        from conda_pipsafe.forecast.effects import forecast
        from conda_pipsafe.prefix.snapshot import read_snapshot
        from conda_pipsafe.render.forecast import forecast_text

        self._say(f"\n  (py-rattler stands in for: conda install {spec})")
        snapshot = read_snapshot(str(self.prefix))
        solved = solve(snapshot, [spec], [self._channel.url], str(self._work))
        seen = forecast(snapshot, solved.transaction)
        if not seen:
            raise DemoError(f"installing {spec} over pip's should have been foreseen as harm")
        self._indent(forecast_text(seen, seen.harms))
        apply(solved, str(self._work))

    def _pip_options(self) -> tuple[str, ...]:
        return "--no-index", "--find-links", str(self._wheels)

    def _pipsafe(self, *words: str, expect: Exit) -> None:
        shown = [word for word in words if word not in self._pip_options()]
        command = [sys.executable, "-m", "conda_pipsafe", words[0], "--prefix", str(self.prefix), *words[1:]]
        # What is remembered of a throw-away environment goes with it.
        variables = clean_environment({**QUIET, "XDG_CACHE_HOME": str(self._work / "cache")})
        self._run("pipsafe", shown, command, variables, expect)

    def _pip(self, *words: str) -> None:
        shown = [word for word in words if word not in {*self._pip_options(), "--quiet"}]
        self._run("pip", shown, [str(python_of(self.prefix)), "-m", "pip", *words], clean_environment(QUIET), None)

    def _run_conda(self, *words: str) -> None:
        overlay = self._folder / "plugin"
        if not overlay.exists():
            build_overlay(overlay)
        variables = {**conda_environment(self._work, [self._channel]), "PYTHONPATH": str(overlay)}
        shown = [word for word in words if word not in {"--yes", "--quiet"}]
        command = [str(self._conda), words[0], "--prefix", str(self.prefix), *words[1:]]
        self._run("conda", shown, command, variables, Exit.OK, _only_ours if words[0] == "install" else str)

    def _run(
        self,
        program: str,
        shown: Sequence[str],
        command: Sequence[str],
        env: Mapping[str, str],
        expect: Exit | None,
        select: Callable[[str], str] = str,
    ) -> None:
        self._say(f"\n  $ {program} {shlex.join(shown)}")
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        self._indent(select(done.stdout))
        if expect is not None and done.returncode != expect:
            said = f"`{program} {' '.join(shown)}` ended with exit code {done.returncode}, not {int(expect)}"
            raise DemoError(f"{said}:\n{done.stdout}")

    def _indent(self, text: str) -> None:
        lines = [line for line in text.replace(str(self.prefix), "ENV").splitlines() if line.strip()]
        for line in lines[:MOST_LINES]:
            self._say(f"    {line}")
        if len(lines) > MOST_LINES:
            self._say(f"    … and {len(lines) - MOST_LINES} more lines")

    def _title(self, text: str) -> None:
        self._step += 1
        self._say(f"\n[{self._step}] {text}")


def _only_ours(output: str) -> str:
    """What pipsafe said within conda's own output: its blocks begin with its name and are indented."""
    kept: list[str] = []
    for line in output.splitlines():
        if line.startswith("conda-pipsafe:") or (line.startswith("  ") and kept and kept[-1] != ""):
            kept.append(line)
        elif kept and kept[-1] != "":
            kept.append("")
    return "\n".join(["(conda's own output is left out here)", *kept])
