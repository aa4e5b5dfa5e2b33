"""The gate between pip's plan and its first write. Runs in the environment's Python, which needs nothing of ours.

It is `python -m pip` with one addition: an audit hook (PEP 578, `sys.addaudithook`). Once pip has written its report
and is about to make, change, rename or remove the first path below the environment, the hook tells the one who started
it which wheels were opened, and waits. On `go` pip goes on as if nothing had been; on anything else, or when the other
end is gone, it ends as on Ctrl-C, with nothing written. What was looked into is what gets installed: the same files.

A hook sees only its own process: it holds pip back, which means no harm. It is not a fence against hostile code.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import sysconfig
from typing import Any

# Events that raise a path as their first argument (https://docs.python.org/3/library/audit_events.html).
_CHANGES = frozenset(
    ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime")
)
_INTERRUPTED = 130
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Gate:
    """The hook, and what it has seen.

    Args:
        report: Where pip writes its report.
        says: A file descriptor to tell on, one line of JSON.
        hears: A file descriptor with the answer, one line of JSON.
        errors: The file descriptor of the user's stderr, which pip writes to from `go` on.
    """

    def __init__(self, report: str, says: int, hears: int, errors: int) -> None:
        self.report = report
        self.says, self.hears, self.errors = says, hears, errors
        self.reported = self.open = False
        self.wheels: list[str] = []
        self.ended: str | None = None
        roots = [sys.prefix, *(sysconfig.get_paths()[name] for name in ("purelib", "platlib", "scripts", "data"))]
        spellings = {os.path.abspath(root) for root in roots} | {os.path.realpath(root) for root in roots}
        self.below = tuple(root.rstrip(os.sep) + os.sep for root in spellings)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """See one audit event."""
        if self.open:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, str):
                self.sees(path, writes=bool(flags & _WRITES))
        elif not self.reported:
            return
        elif event in _CHANGES:
            paths = args[:2] if event in ("os.rename", "os.link", "os.symlink") else args[:1]
            if any(self.is_below(path) for path in paths):
                self.wait()
        elif event == "subprocess.Popen" and self.installs(args[1]):
            self.wait()

    def sees(self, path: str, *, writes: bool) -> None:
        """A file is opened."""
        if path.endswith(".whl"):
            self.wheels.append(os.path.abspath(path))
        if not writes:
            return
        if path == self.report:
            self.reported = True
        elif self.reported and self.is_below(path):
            self.wait()

    def is_below(self, path: object) -> bool:
        """Whether a path is in the environment."""
        if isinstance(path, (bytes, os.PathLike)):
            path = os.fsdecode(path)
        return isinstance(path, str) and os.path.abspath(path).startswith(self.below)

    def installs(self, words: object) -> bool:
        """Whether a child of pip's is setup.py's own installer, which an old pip runs for a project without PEP 517."""
        return isinstance(words, (list, tuple)) and (
            "develop" in words or "--single-version-externally-managed" in words
        )

    def wait(self) -> None:
        """Tell what was seen, and wait for the answer.

        Raises:
            KeyboardInterrupt: When pip is to stop.
        """
        self.open = True  # whatever comes: asked once
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        told = {
            "wheels": list(dict.fromkeys(self.wheels)),
            "paths": sysconfig.get_paths(),
            "python": "{}.{}".format(*sys.version_info[:2]),
            "cache_tag": sys.implementation.cache_tag,
        }
        os.write(self.says, (json.dumps(told) + "\n").encode("ascii"))
        answer = b""
        while not answer.endswith(b"\n"):
            more = os.read(self.hears, 65536)
            if not more:
                break
            answer += more
        decided = json.loads(answer) if answer.endswith(b"\n") else {}
        if not decided.get("go"):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            raise KeyboardInterrupt
        self.ended = decided.get("ended")
        os.dup2(self.errors, 2)


def main() -> None:
    """Run pip: `gate.py REPORT SAYS HEARS ERRORS WORDS…`."""
    report, *descriptors = sys.argv[1:5]
    gate = Gate(report, *map(int, descriptors))
    for descriptor in descriptors:
        os.set_inheritable(int(descriptor), False)  # noqa: FBT003 - positional only
    sys.argv = ["pip", *sys.argv[5:]]
    sys.addaudithook(gate)
    code = 1
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except KeyboardInterrupt:
        # Where pip does not catch it itself, as long as it loads: who started us says what that means.
        code = _INTERRUPTED
        sys.exit(code)
    finally:
        # For the next command, should the one who started pip be gone by now.
        if gate.ended is not None:
            write_end(gate.ended, code)


def write_end(path: str, code: int) -> None:
    """Note pip's exit code. Where there is no space for it, the install counts as one that did not end."""
    try:
        marker = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(marker, str(code).encode("ascii"))
        finally:
            os.close(marker)
    except OSError:
        pass


if __name__ == "__main__":
    main()
