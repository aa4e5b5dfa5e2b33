"""Who sees which damage: `docs/damage-matrix.md`, made by running real pip and conda, then every tool.

    python tests/benchmarks/damage_matrix.py > docs/damage-matrix.md

Needs the project's test extra, and conda and uv on PATH (a column of a tool that is missing says so). Nothing in the
table is written by hand: a cell is what the tool's exit code and output say.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from conda_pipsafe.demo.environment import (  # noqa: E402 - tests/ has to be found first
    clean_environment,
    conda_environment,
    create_with_rattler,
    find_conda,
)
from support.channel_cache import cached_channel  # noqa: E402
from support.packages import write_wheelhouse  # noqa: E402
from support.running import Finished, pip, run  # noqa: E402


@dataclass
class Bench:
    """One environment and what harms it."""

    prefix: Path
    other: Callable[[], Path]
    wheels: Path
    executable: Path
    variables: dict[str, str]

    def pip(self, *words: str) -> None:
        pip(self.prefix, "install", "--find-links", self.wheels, *words).ok()

    def unpip(self, *words: str) -> None:
        pip(self.prefix, "uninstall", "-y", *words).ok()

    def conda(self, *words: str) -> Finished:
        return run(self.executable, *words, "-p", str(self.prefix), env=self.variables)

    def site(self) -> Path:
        return next(self.prefix.glob("lib/python3*/site-packages"))


def _upgrade(bench: Bench) -> None:
    bench.pip("alpha==2.0")


def _erased(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("list").ok()


def _same(bench: Bench) -> None:
    bench.pip("--force-reinstall", "alpha==1.0")


def _ignore(bench: Bench) -> None:
    bench.pip("--ignore-installed", "alpha==2.0")


def _overlap(bench: Bench) -> None:
    bench.pip("gamma-core")


def _overlap_gone(bench: Bench) -> None:
    bench.pip("gamma-core")
    bench.unpip("gamma-core")


def _uninstalled(bench: Bench) -> None:
    bench.unpip("alpha")


def _over_pip(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("install", "-y", "alpha=1.0").ok()


def _removed_live(bench: Bench) -> None:
    bench.pip("alpha==2.0")
    bench.conda("remove", "-y", "alpha").ok()


def _removed_need(bench: Bench) -> None:
    bench.pip("piponly")
    bench.conda("remove", "-y", "alpha").ok()


def _pin(bench: Bench) -> None:
    (bench.prefix / "conda-meta/pinned").write_text("alpha <2\n")
    bench.pip("beta2")


def _foreign_pip(bench: Bench) -> None:
    wheel = next(bench.wheels.glob("alpha-2.0-*.whl"))
    pip(bench.other(), "install", "--no-deps", "--prefix", bench.prefix, wheel).ok()


def _edited(bench: Bench) -> None:
    with (bench.site() / "alpha/__init__.py").open("a") as file:
        file.write("EDITED = True\n")


def _fine(bench: Bench) -> None:
    bench.pip("piponly")


DAMAGES: tuple[tuple[str, tuple[str, ...], str, Callable[[Bench], None]], ...] = (
    ("no harm: pip beside conda", ("alpha=1.0",), "alpha", _fine),
    ("pip upgrades conda's package", ("alpha=1.0",), "alpha", _upgrade),
    ("… then `conda list`", ("alpha=1.0",), "alpha", _erased),
    ("pip reinstalls the same version", ("alpha=1.0",), "alpha", _same),
    ("pip install --ignore-installed", ("alpha=1.0",), "alpha", _ignore),
    ("pip uninstalls conda's package", ("alpha=1.0",), "alpha", _uninstalled),
    ("another project overwrites conda's files", ("gamma",), "gamma", _overlap),
    ("… and is uninstalled again", ("gamma",), "gamma", _overlap_gone),
    ("pip breaks a pin", ("alpha=1.0",), "alpha", _pin),
    ("another environment's pip installs here", ("beta",), "alpha", _foreign_pip),
    ("conda installs over pip's package", (), "alpha", _over_pip),
    ("conda removes what pip had upgraded", ("alpha=1.0",), "alpha", _removed_live),
    ("conda removes what pip's package needs", ("alpha=1.0",), "alpha", _removed_need),
    ("a file is edited in place", ("alpha=1.0",), "alpha", _edited),
)


def main() -> None:
    """Make every damage, ask every tool, print the page."""
    executable = find_conda()
    if executable is None:
        sys.exit("no conda: neither CONDA_EXE nor PATH names one that runs")
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(_page(Path(folder), executable)))


def _page(folder: Path, executable: Path) -> Iterator[str]:
    cache = HERE.parent.parent / ".pytest_cache/d/pipsafe"
    cache.mkdir(parents=True, exist_ok=True)
    channel, wheels, work = cached_channel(cache, None), write_wheelhouse(folder / "wheels"), folder / "work"
    variables = dict(conda_environment(folder / "conda", [channel]))
    version = run(executable, "--version", env=variables).ok().stdout.strip()
    uv = shutil.which("uv")
    yield "# Who sees which damage\n"
    yield "Made by `tests/benchmarks/damage_matrix.py`; do not edit by hand.\n"
    yield f"{version}, {run(uv, '--version').stdout.strip() if uv else 'no uv'}, `pipsafe audit --deep`.\n"
    yield "*detected*: the exit code or the output tells. *silent*: it does not. *misleading*: it says that all is"
    yield "well, or lists the package, though importing it fails or gives another version.\n"
    yield "| damage | `pipsafe audit` | `pip check` | `uv pip check` | `conda doctor` | `conda list` |"
    yield "|---|---|---|---|---|---|"
    usual: frozenset[str] | None = None
    for number, (title, specs, subject, harm) in enumerate(DAMAGES):
        prefix = folder / f"e{number}"
        create_with_rattler(prefix, ["pip", *specs], [channel], work)

        def other(number: int = number) -> Path:
            create_with_rattler(folder / f"o{number}", ["pip"], [channel], work)
            return folder / f"o{number}"

        bench = Bench(prefix, other, wheels, executable, variables)
        harm(bench)
        complaints = frozenset(line for line in bench.conda("doctor").stdout.splitlines() if "\u274c" in line)
        usual = complaints if usual is None else usual
        cells = [_ours(prefix), _checked(bench, subject, "pip"), _checked(bench, subject, uv)]
        cells += [_told(bench, subject, detected=bool(complaints - usual)), _listed(bench, subject)]
        yield f"| {title} | " + " | ".join(cells) + " |"


def _ours(prefix: Path) -> str:
    words = ["-m", "conda_pipsafe", "audit", "--json", "--deep", "--no-config", "--no-cache", "-p", str(prefix)]
    findings = run(sys.executable, *words, env=clean_environment()).json()["findings"]
    codes = dict.fromkeys(finding["code"] for finding in findings if finding["severity"] != "note")
    return f"detected ({', '.join(codes)})" if codes else "silent"


def _checked(bench: Bench, subject: str, tool: str | None) -> str:
    if tool is None:
        return "not installed"
    python = str(bench.prefix / "bin/python")
    done = pip(bench.prefix, "check") if tool == "pip" else run(tool, "pip", "check", "--python", python)
    return _told(bench, subject, detected=done.returncode != 0)


def _told(bench: Bench, subject: str, *, detected: bool) -> str:
    if detected:
        return "detected"
    return "misleading" if _imported(bench, subject) is None and _expected(bench, subject) else "silent"


def _expected(bench: Bench, subject: str) -> bool:
    """Whether anything still says that the package is installed."""
    metas = list((bench.prefix / "conda-meta").glob(f"{subject}-*.json"))
    return bool(metas or list(bench.site().glob(f"{subject}-*.dist-info")))


def _imported(bench: Bench, subject: str) -> str | None:
    """The version that Python imports; None when it cannot."""
    code = f"import {subject} as m; print(getattr(m, '__version__', None) or m.VERSION)"
    done = run(bench.prefix / "bin/python", "-I", "-c", code)
    return done.stdout.strip() if done.returncode == 0 else None


def _listed(bench: Bench, subject: str) -> str:
    entries = json.loads(bench.conda("list", "--json").ok().stdout)
    versions = {entry["version"] for entry in entries if entry["name"] == subject}
    actual = _imported(bench, subject)
    return "silent" if versions == ({actual} if actual else set()) else "misleading"


if __name__ == "__main__":
    main()
