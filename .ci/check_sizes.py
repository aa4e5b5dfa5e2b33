"""The floors of size: functions of at most 40 lines (docstring aside), modules of at most 300."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "conda_plugin"
FUNCTION, MODULE = 40, 300


def too_long(file: Path) -> Iterator[str]:
    text = file.read_text("utf-8")
    name = file.relative_to(SOURCE.parent)
    if (lines := len(text.splitlines())) > MODULE:
        yield f"{name}: {lines} lines, more than {MODULE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0
            if (lines := (node.end_lineno or 0) - node.lineno + 1 - docstring) > FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION}"


found = [line for file in sorted(SOURCE.rglob("*.py")) for line in too_long(file)]
sys.exit("\n".join(found) if found else 0)
