"""Check the docs: every relative link leads to a file, every `pipsafe` command in them is one that exists."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from conda_pipsafe.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMAND = re.compile(r"(?:conda |`)pipsafe ([a-z][a-z-]*)")


def problems_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    where = page.relative_to(ROOT)
    links = [f"{where}: no such file: {link}" for link in LINK.findall(text) if not (page.parent / link).exists()]
    known = {*COMMANDS, "by", "is", "does"}
    words = [f"{where}: no such command: pipsafe {word}" for word in COMMAND.findall(text) if word not in known]
    return links + words


def main() -> int:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    problems = [problem for page in pages for problem in problems_of(page)]
    for problem in problems:
        print(problem)
    print(f"docs: {len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
