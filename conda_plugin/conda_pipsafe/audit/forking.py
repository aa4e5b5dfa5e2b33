"""Whether this process may copy itself."""

from __future__ import annotations

import os
import sys


def may_fork() -> bool:
    """Whether a copy of this process would work: on Linux, while no other thread may hold a lock.

    Threads of libraries count too, which Python does not know of.
    """
    try:
        return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
