"""Entry point of the command line."""

import os
import sys
from collections.abc import Sequence

from hustings.cli import cli
from hustings.exit_codes import exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    if "_HUSTINGS_COMPLETE" in os.environ:
        from hustings.completion import register

        register()
    return exit_code(cli, "hustings", argv)


if __name__ == "__main__":
    sys.exit(main())
