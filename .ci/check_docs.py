"""Check the docs: every relative link and named file is there; every command, option and code in them exists."""

from __future__ import annotations

import argparse
import re
import sys
from importlib import import_module
from pathlib import Path

from conda_pipsafe.audit.catalogue import ENTRIES
from conda_pipsafe.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMAND = re.compile(r"(?:conda |`)pipsafe ([a-z][a-z-]*)")
# A command with its options, up to the end of the line, of the code, or of what is ours in it.
CALL = re.compile(r"pipsafe (" + "|".join(COMMANDS) + r")((?: [^`|#\n]*)?)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
CODE = re.compile(r"\bPS\d{3}\b")
FILE = re.compile(r"`((?:tests|docs|conda_pipsafe|recipe)/[\w./-]+\.(?:py|md|json|txt|yml|yaml|toml))`")
# Commands that hand on what they do not know: to pip, uv or conda.
OPEN = {"install", "upgrade", "uninstall", "plan"}


def problems_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    where = page.relative_to(ROOT)
    links = [f"no such file: {link}" for link in LINK.findall(text) if not (page.parent / link).exists()]
    known = {*COMMANDS, "by", "is", "does"}
    words = [f"no such command: pipsafe {word}" for word in COMMAND.findall(text) if word not in known]
    options = [
        f"no such option: pipsafe {name} {option}"
        for name, rest in CALL.findall(text)
        if name not in OPEN
        for option in OPTION.findall(rest)
        if option not in options_of(name)
    ]
    codes = {entry.code for entry in ENTRIES}
    unknown = [f"no such code: {code}" for code in sorted(set(CODE.findall(text)) - codes)]
    files = [
        f"no such file: {name}"
        for name in FILE.findall(text)
        if not ((ROOT / name).exists() or (ROOT / "conda_plugin" / name).exists())
    ]
    return [f"{where}: {problem}" for problem in (*links, *words, *options, *unknown, *files)]


def options_of(name: str) -> set[str]:
    """The options of one command."""
    parser = argparse.ArgumentParser()
    import_module(f"conda_pipsafe.cli.{name}").configure(parser)
    return {"--json", "--quiet", "--verbose", *OPTION.findall(parser.format_help())}


def main() -> int:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    problems = [problem for page in pages for problem in problems_of(page)]
    for problem in problems:
        print(problem)
    print(f"docs: {len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
