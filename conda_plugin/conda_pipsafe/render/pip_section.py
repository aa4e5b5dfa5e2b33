"""What the `pip:` section of an environment file will replace, as one short block for people."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 10


def section_text(file: str, clashes: Sequence[tuple[str, str, str, str]], *, refused: bool = False) -> str:
    """One block.

    Args:
        file: The environment file.
        clashes: For each line of the section that means a package of conda's: the line, that package's conda name and
            version (empty where it is not known), and on what it depends whether pip replaces it (empty: on nothing).
        refused: The command is refused because of them.
    """
    start = "conda-pipsafe refuses this command" if refused else "conda-pipsafe: a clash"
    lines = [f"{start}: the pip section of {file} asks pip for what conda brings too"]
    for line, name, version, condition in clashes[:MOST]:
        over = " ".join(filter(None, (f"conda's {name}", version, condition)))
        lines.append(f"  {line}: conda runs `pip install -U`, which will put its own over {over}")
    if len(clashes) > MOST:
        lines.append(f"  … and {len(clashes) - MOST} more")
    lines.append("  to keep conda's: take these lines out of the pip section, or pin conda's version there")
    lines.append("  to take pip's: take the packages out of the file's conda part")
    return "\n".join(lines)
