"""The line between us and the user's command: what may pass it, and what never does."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 - it is turned into conda's own error at the border
    """The mode forbids the transaction; the message is for the user."""


def observing(function: Callable[P, None]) -> Callable[P, None]:
    """Let a hook fail open: any fault of ours is logged (seen with `conda -vv`), and conda goes on.

    A `Refusal` becomes conda's error, which ends the command with exit code 1 and valid JSON.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Refusal as refusal:
            raise conda_error(refusal) from None
        except Exception:
            if os.environ.get("PIPSAFE_DEBUG"):
                raise
            log.info("conda-pipsafe: a hook failed and was passed over", exc_info=True)

    return wrapped


def conda_error(refusal: Refusal) -> Exception:
    """conda's own error for a refusal: no traceback, no report, exit code 1."""
    from conda.exceptions import CondaError

    class PipsafeBlockedError(CondaError):  # type: ignore[misc]  # conda is untyped for us
        """conda-pipsafe's mode `block` (or a "no" in `prompt`) ended the command."""

    return PipsafeBlockedError(str(refusal))


def tell(text: str) -> None:
    """Print a block on stderr: stdout may be JSON."""
    from conda_pipsafe.render.terminal import printable

    sys.stdout.flush()
    print(printable(text), file=sys.stderr, flush=True)
