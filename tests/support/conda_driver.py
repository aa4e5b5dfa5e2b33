"""Run many conda commands from one process: executed by conda's own Python, with the plugin on PYTHONPATH.

Each line on stdin is a JSON object with `words` and `environment`; for each a fork of this process, which has conda
imported already, runs `conda WORDS` and answers with one JSON line: exit code (negative: the signal that ended it),
stdout, stderr, and what the plugin's session holds.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

STARTED_WITH = frozenset(os.environ)


def session_facts() -> dict[str, Any]:
    """What the hooks foresaw and noted in the command that just ended, and which of our modules were loaded."""
    loaded = sorted(name for name in sys.modules if name.startswith("conda_pipsafe"))
    sessions = sys.modules.get("conda_pipsafe.hooks.session")
    if sessions is None:
        return {"forecasts": {}, "stamps": {}, "loaded": loaded}
    current = sessions.current
    return {
        "forecasts": {
            prefix: {
                "exact": seen.exact,
                "paths": sorted(seen.paths),
                "orphaned": sorted(harm.dist.path for harm in seen.harms if harm.orphaned),
                "shadowed": sorted(harm.dist.path for harm in seen.harms if harm.shadowed),
                "doubled": sorted(harm.dist.path for harm in seen.harms if harm.doubled),
                "leftover": sorted(harm.dist.path for harm in seen.harms if harm.leftover),
                "broken": sorted({(harm.dist.path, text) for harm in seen.harms for text in harm.broken}),
                "link": sorted(package.name for package in seen.transaction.link),
            }
            for prefix, seen in current.forecasts.items()
        },
        "stamps": {
            prefix: {path: list(stamp) for path, stamp in baseline.stamps.items()}
            for prefix, baseline in current.baselines.items()
        },
        "loaded": loaded,
    }


def run_here(words: list[str], answer: str) -> int:
    """Run one command in this (forked) process; write the plugin's facts to the file `answer`."""
    from conda.cli.main import main

    sys.argv = ["conda", *words]  # conda writes it into the history
    try:
        code = main(*words)
    except SystemExit as end:  # argparse
        code = end.code
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(session_facts(), file)
    return int(code or 0)


def save_coverage() -> None:
    """Keep what coverage measured in a fork, which ends without Python's own shutdown."""
    coverage = sys.modules.get("coverage")
    measuring = coverage.Coverage.current() if coverage is not None else None
    if measuring is not None:
        measuring.stop()
        measuring.save()


def run_forked(words: list[str], environment: dict[str, str], folder: str) -> dict[str, Any]:
    """Run one command in a fork, its output in files."""
    names = {name: os.path.join(folder, name) for name in ("stdout", "stderr", "answer")}
    for name in names.values():
        with open(name, "w", encoding="utf-8"):
            pass
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(names[name], os.O_WRONLY), number)
        # What conda itself set when it was imported (CONDA_ROOT) stays.
        for name in STARTED_WITH:
            os.environ.pop(name, None)
        os.environ.update(environment)
        code = 70
        try:
            code = run_here(words, names["answer"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            save_coverage()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    texts = {}
    for name, path in names.items():
        with open(path, encoding="utf-8") as file:
            texts[name] = file.read()
    facts = json.loads(texts["answer"] or "{}")
    return {"code": os.waitstatus_to_exitcode(status), "stdout": texts["stdout"], "stderr": texts["stderr"], **facts}


def serve() -> None:
    """Answer until stdin ends."""
    import conda.cli.main_create
    import conda.cli.main_install
    import conda.core.link
    import conda.core.package_cache_data
    import conda.core.solve  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            asked = json.loads(line)
            answer = run_forked(asked["words"], asked["environment"], folder)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
