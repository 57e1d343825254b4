"""Where the command ``counterpoint`` starts: Ctrl-C ends it in one sentence, also while it is loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Load and run the command line. Exit code 130 where it is stopped by hand."""
    try:
        from counterpoint.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("stopped by hand", file=sys.stderr)
        sys.exit(130)
