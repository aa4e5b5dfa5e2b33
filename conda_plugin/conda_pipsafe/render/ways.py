"""Ways out as lines: a command stands alone on its line, so that it can be pasted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def way_lines(fixes: Sequence[str], indent: str = "    ") -> Iterator[str]:
    """Steps, numbered; or several ways of which one is to be taken, each command on a line of its own."""
    several = any(fix.startswith("To ") for fix in fixes)
    for number, fix in enumerate(fixes, 1):
        mark = "-" if several else f"{number}." if len(fixes) > 1 else "->"
        aim, command = parted(fix)
        if command:
            yield from (f"{indent}{mark} {one_line(aim)}:", f"{indent}    {one_line(command)}")
        else:
            yield f"{indent}{mark} {one_line(fix)}"


def parted(fix: str) -> tuple[str, str]:
    """The words of a way out (`To X: COMMAND`, `First X: COMMAND`) and its command; empty where it has not both."""
    aim, colon, command = fix.partition(": ")
    return (aim, command) if colon and aim.startswith(("To ", "First ")) else ("", "")


def one_line(text: str) -> str:
    """A text from files may hold line ends; what is shown as one line stays one."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
