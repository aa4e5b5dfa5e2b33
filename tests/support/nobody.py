"""Without root's power to read and write everywhere: those who run the tests as a user have none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NOBODY = 65534


@contextmanager
def as_nobody(folder: str) -> Iterator[None]:
    """What is made and read within is made and read by nobody, who gets a folder that others can reach.

    Not the effective user alone, which `os.access` does not go by.
    """
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, _NOBODY, -1)
    os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
