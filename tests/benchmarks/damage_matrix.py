"""Who sees which damage: `docs/damage-matrix.md`, made by running real pip, uv and conda, then every tool.

    python tests/benchmarks/damage_matrix.py > docs/damage-matrix.md

Needs the project's test extra, and conda on PATH; uv and env-repair where they are there, and with `--conda-pypi CONDA`
a conda that has the plugin conda-pypi (a column of a tool that is missing says so). Nothing in the table is written by
hand: a cell is what the tool's exit code and output say. The rows are in `tests/support/damages.py`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from conda_pipsafe.demo.channel import Channel  # noqa: E402 - tests/ has to be found first
from conda_pipsafe.demo.environment import (  # noqa: E402
    clean_environment,
    conda_environment,
    create_with_rattler,
    find_conda,
    python_of,
)
from conda_pipsafe.demo.python_package import ask_interpreter  # noqa: E402
from support.channel_cache import cached_channel, second_interpreter  # noqa: E402
from support.damages import DAMAGES, Bench, Damage  # noqa: E402
from support.packages import write_wheelhouse  # noqa: E402
from support.real_damage import conda_packages, write_wheels  # noqa: E402
from support.running import pip, run  # noqa: E402

DETECTED, SILENT, MISLEADING, ABSENT = "detected", "silent", "misleading", "not installed"
Tool = Callable[["Look"], str]


class Look:
    """What the tools say of one damaged environment.

    Args:
        bench: The environment.
        damage: Its row.
        usual: What a tool complains of where there is no harm, by tool; the first row fills it.
        conda_pypi: A conda with that plugin, or None.
    """

    def __init__(
        self, bench: Bench, damage: Damage, usual: dict[str, frozenset[str]], conda_pypi: Path | None = None
    ) -> None:
        self.bench = bench
        self.conda_pypi = conda_pypi
        self.damage = damage
        self._usual = usual
        self._records = {path: path.read_bytes() for path in (bench.prefix / "conda-meta").glob("*.json")}

    def cell(self, tool: Tool) -> str:
        """One tool's answer; what it deletes of conda's records (`conda list` does) is put back for the next one."""
        said = tool(self)
        for path, content in self._records.items():
            if not path.exists():
                path.write_bytes(content)
        return said

    def unusual(self, tool: str, complaints: frozenset[str]) -> bool:
        """Whether a tool complains of more than where there is no harm."""
        return bool(complaints - self._usual.setdefault(tool, complaints))

    def told(self, *, detected: bool) -> str:
        if detected:
            return DETECTED
        return MISLEADING if self.imported() is None and self._is_expected() else SILENT

    def _is_expected(self) -> bool:
        """Whether anything still says that the package is installed."""
        metas = list((self.bench.prefix / "conda-meta").glob(f"{self.damage.name}-*.json"))
        return bool(metas or list(self.bench.site().glob(f"{self.damage.subject}-*.dist-info")))

    def imported(self) -> str | None:
        """The version that the environment's Python imports; None when it cannot."""
        code = (
            f"import {self.damage.subject} as m\n"
            "version = getattr(m, '__version__', None) or getattr(m, 'VERSION', None)\n"
            f"print(version or __import__('importlib.metadata').metadata.version('{self.damage.name}'))"
        )
        variables = clean_environment(self.bench.extra)
        done = run(python_of(self.bench.prefix), "-c", code, env=variables, cwd=Path("/"))
        return done.stdout.strip() if done.returncode == 0 else None


def ours(look: Look) -> str:
    words = ["-m", "conda_pipsafe", "audit", "--json", "--deep", "--no-config", "--no-cache"]
    variables = clean_environment(look.bench.extra)
    done = run(sys.executable, *words, "-p", look.bench.prefix, env=variables)
    codes = dict.fromkeys(finding["code"] for finding in done.json()["findings"] if finding["severity"] != "note")
    return f"{DETECTED} ({', '.join(codes)})" if codes else SILENT


def pip_check(look: Look) -> str:
    return look.told(detected=pip(look.bench.prefix, "check", env=look.bench.extra).returncode != 0)


def uv_check(look: Look) -> str:
    if look.bench.uv is None:
        return ABSENT
    done = run(look.bench.uv, "pip", "check", "--python", python_of(look.bench.prefix))
    return look.told(detected=done.returncode != 0)


def doctor(look: Look) -> str:
    lines = look.bench.conda("doctor").stdout.splitlines()
    return look.told(detected=look.unusual("doctor", frozenset(line for line in lines if "\u274c" in line)))


def conda_pypi(look: Look) -> str:
    if look.conda_pypi is None:
        return ABSENT
    variables = {**look.bench.variables, **look.bench.extra}
    lines = run(look.conda_pypi, "doctor", "-p", look.bench.prefix, env=variables).stdout.splitlines()
    return look.told(detected=look.unusual("conda-pypi", frozenset(line for line in lines if "\u274c" in line)))


def conda_list(look: Look) -> str:
    done = look.bench.conda("list", "--json")
    if done.returncode != 0:
        return DETECTED
    versions = {entry["version"] for entry in json.loads(done.stdout) if entry["name"] == look.damage.name}
    actual = look.imported()
    return SILENT if versions == ({actual} if actual else set()) else MISLEADING


def env_repair(look: Look) -> str:
    executable = shutil.which("env-repair")
    if executable is None:
        return ABSENT
    variables = {**look.bench.variables, **look.bench.extra}
    done = run(executable, "--env", look.bench.prefix, "--json", env=variables)
    if done.returncode != 0:
        return look.told(detected=True)
    issues = frozenset(json.dumps(issue, sort_keys=True) for item in done.json() for issue in item["issues"])
    return look.told(detected=look.unusual("env-repair", issues))


TOOLS: Mapping[str, Tool] = {
    "`pipsafe audit`": ours, "`pip check`": pip_check, "`uv pip check`": uv_check, "`conda doctor`": doctor,
    "… with conda-pypi": conda_pypi, "`conda list`": conda_list, "env-repair": env_repair,
}  # fmt: skip


class Workshop(NamedTuple):
    """What every row needs."""

    folder: Path
    executable: Path
    channels: list[Channel]
    wheels: Path
    uv: str | None
    second: str | None
    conda_pypi: Path | None

    def row(self, number: int, usual: dict[str, frozenset[str]]) -> str | None:
        """One line of the table; None where this machine cannot make the damage."""
        damage, home = DAMAGES[number], self.folder / f"e{number}"
        if {"uv": self.uv, "second": self.second, "": ""}[damage.needs] is None:
            return None
        began = time.monotonic()
        # conda's package cache and home are the row's own: rows are made side by side.
        variables = dict(conda_environment(home / "conda", self.channels))
        python = f"python={sys.version_info[0]}.{sys.version_info[1]}"

        def environment(prefix: Path, specs: tuple[str, ...] = ()) -> Path:
            create_with_rattler(prefix, [python, "pip", *specs], self.channels, home / "work")
            return prefix

        prefix = environment(home / "env", damage.specs)
        other = partial(environment, home / "other")
        bench = Bench(prefix, other, self.wheels, self.executable, variables, self.second, self.uv)
        try:
            damage.harm(bench)
        except AssertionError as error:
            print(f"{damage.title}: could not be made\n{error}", file=sys.stderr)
            return None
        look = Look(bench, damage, usual, self.conda_pypi)
        cells = [look.cell(tool) for tool in TOOLS.values()]
        print(f"{damage.title}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        shutil.rmtree(home)
        return f"| {damage.group} | {damage.title} | {' | '.join(cells)} |"


def main() -> None:
    """Make every damage, ask every tool, print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="rows at once (default: %(default)s)")
    parser.add_argument("--conda-pypi", type=Path, metavar="CONDA", help="a conda that has the plugin conda-pypi")
    parser.add_argument("--only", default="", metavar="WORDS", help="only the first row and those with these words")
    args = parser.parse_args()
    executable = find_conda()
    if executable is None:
        sys.exit("no conda: neither CONDA_EXE nor PATH names one that runs")
    with tempfile.TemporaryDirectory() as folder:
        for line in _page(Path(folder), executable, args):
            print(line, flush=True)


def _page(folder: Path, executable: Path, args: argparse.Namespace) -> Iterator[str]:
    cache = HERE.parent.parent / ".pytest_cache/d/pipsafe"
    cache.mkdir(parents=True, exist_ok=True)
    second = second_interpreter()
    wheels = write_wheels(write_wheelhouse(folder / "wheels"))
    (folder / "rivals").mkdir()
    rivals = Channel(folder / "channel")
    rivals.add_all(conda_packages(folder / "rivals", f"{sys.version_info[0]}.{sys.version_info[1]}"))
    version = ask_interpreter(second).short_version if second else None
    shop = Workshop(
        folder,
        executable,
        [cached_channel(cache, second), rivals],
        wheels,
        shutil.which("uv"),
        version,
        args.conda_pypi,
    )
    yield "# Who sees which damage\n"
    yield "Made by `tests/benchmarks/damage_matrix.py`; do not edit by hand.\n"
    versions = [run(executable, "--version").ok().stdout.strip()]
    versions += [run(shop.uv, "--version").stdout.strip() if shop.uv else "no uv", "`pipsafe audit --deep`"]
    yield f"{', '.join(versions)}. Each damage is made by the tools themselves, in an environment of its own.\n"
    yield "*detected*: the exit code or the output tells. *silent*: it does not. *misleading*: it says that all is"
    yield "well, or lists the package, though importing it fails or gives another version. The letter is the group of"
    yield "failure modes: A pip changed conda's, B conda changed pip's, C Python moved, D wrong target or shadowing,"
    yield "E metadata and copies, F binaries, G uv, H operations."
    yield "PYTHONPATH is the shell's, not the environment's: `pipsafe status` tells it (PS404).\n"
    yield f"| | damage | {' | '.join(TOOLS)} |"
    yield f"|---|---|{'---|' * len(TOOLS)}"
    usual: dict[str, frozenset[str]] = {}
    # The first row, without harm, tells what the tools complain of anyhow.
    yield shop.row(0, usual) or ""
    numbers = [number for number in range(1, len(DAMAGES)) if args.only in DAMAGES[number].title]
    with ThreadPoolExecutor(args.jobs) as pool:
        yield from filter(None, pool.map(lambda number: shop.row(number, usual), numbers))


if __name__ == "__main__":
    main()
