"""`python -m conda_pipsafe` and the `pipsafe` command: all of it, without conda."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line that called us; return its exit code."""
    from conda_pipsafe.cli.app import main as run

    code = run()
    if "rattler" in sys.modules:
        # py-rattler's threads now and then crash the interpreter while it ends (seen with 0.28): all is done by then.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
