"""`captionkit` and `python -m captionkit`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: `captionkit.cli.app.main`, and Ctrl-C while that is still being loaded."""
    try:
        from captionkit.cli.app import main as run
    except KeyboardInterrupt:
        print("captionkit: interrupted", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
