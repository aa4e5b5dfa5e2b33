"""Are the commands in what is printed such that a shell takes them as they are, with no remark behind them?"""

from __future__ import annotations

import re
import shlex
import subprocess

_MARK = re.compile(r"^(?:->|-|\d\.|instead:|or:|way out:|  .*?:  )\s+")
_COMMAND = re.compile(r"^(?:conda (?=[a-z])|(?:uv|rm|mv|chmod|unset) |(?:'[^']*/bin/python'|\S*/bin/python\S*) -m )")


def commands_in(text: str) -> list[str]:
    """The commands of a text, each of which was checked with `bash -n`: a line of its own, or behind a mark."""
    lines = [_MARK.sub("", line.strip()) for line in text.splitlines()]
    found = [line for line in lines if _COMMAND.match(line)]
    for command in found:
        done = subprocess.run(["/bin/bash", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        prose = [word for word in shlex.split(command) if word.endswith((",", "…")) or word.startswith("(")]
        assert not prose, command
    return found
