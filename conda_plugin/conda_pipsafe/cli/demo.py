"""`pipsafe demo`: see the main job in under a minute, on an environment that nobody misses."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from conda_pipsafe.cli.console import Console
from conda_pipsafe.errors import Exit, PipsafeError

EXAMPLES = """
demo
demo --no-conda
demo --keep
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the demo."""
    parser.add_argument("--keep", action="store_true", help="keep the environment, and say where it is")
    parser.add_argument("--no-conda", action="store_true", help="use py-rattler even where there is a conda")


def run(args: argparse.Namespace, console: Console) -> int:
    """Tell the story in a temporary folder; remove it at the end unless it is to be kept.

    Raises:
        PipsafeError: When what the demo needs is missing, or a step did not end as it should.
    """
    try:
        from conda_pipsafe.demo.environment import find_conda
        from conda_pipsafe.demo.story import DemoError, Story
    except ImportError as error:
        raise PipsafeError(f"the demo needs {error.name}", hint="pip install 'conda-pipsafe[standalone]'") from error
    folder = Path(tempfile.mkdtemp(prefix="pipsafe-demo-"))
    story = Story(folder, None if args.no_conda else find_conda(), _printer(console))
    try:
        story.tell()
    except (DemoError, RuntimeError, OSError) as error:
        raise PipsafeError(f"the demo did not come to its end: {error}") from error
    finally:
        if args.keep:
            console.note(f"kept: {story.prefix}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    console.emit("demo", {"completed": True, "kept": str(story.prefix) if args.keep else None})
    return int(Exit.OK)


def _printer(console: Console) -> Callable[[str], None]:
    def say(line: str) -> None:
        console.result(line)
        sys.stdout.flush()

    return say
