"""`pipsafe explain`: what a finding's code means."""

from __future__ import annotations

import argparse
import sys

from conda_pipsafe.cli.console import Console
from conda_pipsafe.errors import Exit, PipsafeError

EXAMPLES = """
explain
explain PS101
explain replaced-conda-package
explain --all --markdown
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("codes", nargs="*", metavar="CODE", help="a code or its name; without one, all are listed")
    parser.add_argument("--all", action="store_true", help="every page")
    parser.add_argument("--markdown", action="store_true", help="write pages as Markdown")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print pages of the catalogue.

    Raises:
        PipsafeError: For a code that there is none of; names the nearest.
    """
    from conda_pipsafe.audit import catalogue, engine
    from conda_pipsafe.render import pages

    entries = list(engine.entries().values())
    chosen = entries if args.all else []
    for word in args.codes:
        entry = catalogue.find(word, entries)
        if entry is None:
            near = catalogue.nearest(word, entries)
            hint = f"did you mean {' or '.join(near)}?" if near else "`pipsafe explain` lists all codes"
            raise PipsafeError(f"there is no code {word!r}", hint=hint, exit_code=Exit.USAGE)
        chosen.append(entry)
    shown = chosen or entries
    console.emit("explain", {"codes": [pages.entry_value(entry) for entry in shown]})
    if args.markdown:
        if not console.as_json:
            sys.stdout.write(pages.catalogue_markdown(shown))
    elif not chosen:
        console.result("\n".join(pages.index_text(entries)))
    else:
        console.result("\n\n".join("\n".join(pages.entry_text(entry)) for entry in chosen))
    return int(Exit.OK)
