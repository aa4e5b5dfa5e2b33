"""Whether this process may copy itself."""

from __future__ import annotations

import os
import sys

_THREADS = "/proc/self/task"


def may_fork() -> bool:
    """Whether a copy of this process would work: on Linux, while no other thread may hold a lock.

    Threads of libraries count too, which Python does not know of.
    """
    return sys.platform == "linux" and os.path.isdir(_THREADS) and len(os.listdir(_THREADS)) == 1
