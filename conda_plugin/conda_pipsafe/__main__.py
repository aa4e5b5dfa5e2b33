"""`python -m conda_pipsafe` and the `pipsafe` command: all of it, without conda."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line that called us; return its exit code."""
    from conda_pipsafe.cli.app import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
