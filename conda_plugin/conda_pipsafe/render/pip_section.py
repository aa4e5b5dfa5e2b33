"""What the `pip:` section of an environment file will replace, as one short block for people."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 10


def section_text(file: str, clashes: Sequence[tuple[str, str, str]], *, refused: bool = False) -> str:
    """One block.

    Args:
        file: The environment file.
        clashes: For each line of the section that means a package of conda's: the line, and that package's conda name
            and version (empty where it is not known).
        refused: The command is refused because of them.
    """
    start = "conda-pipsafe refuses this command" if refused else "conda-pipsafe: a clash"
    lines = [f"{start}: the pip section of {file} asks pip for what conda brings too"]
    for line, name, version in clashes[:MOST]:
        condition = " if it finds a newer one" if _fits(line, version) else ""
        over = f"conda's {name} {version}".rstrip()
        lines.append(f"  {line}: conda runs `pip install -U`, which will put its own over {over}{condition}")
    if len(clashes) > MOST:
        lines.append(f"  … and {len(clashes) - MOST} more")
    lines.append("  to keep conda's: take these lines out of the pip section, or pin conda's version there")
    lines.append("  to take pip's: take the packages out of the file's conda part")
    return "\n".join(lines)


def _fits(line: str, version: str) -> bool:
    """Whether what conda has is what the line asks for, so that only a newer version replaces it."""
    from packaging.requirements import Requirement
    from packaging.version import InvalidVersion, Version

    wanted = Requirement(line.partition(" #")[0].strip())
    if wanted.url is not None or not (version and wanted.specifier):
        return wanted.url is None
    try:
        return wanted.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:  # conda's `1.1.1w`, or `1.*` of a file
        return False
