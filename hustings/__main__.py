"""Entry point of the command line."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from hustings.cli import cli
from hustings.exit_codes import exit_code

_COLLECTED_AFTER = 100_000
"""Objects made before unused cycles are looked for: imports make many, all of them used (a tenth of a run)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    gc.set_threshold(_COLLECTED_AFTER)
    if "_HUSTINGS_COMPLETE" in os.environ:
        from hustings.completion import register

        register()
    return exit_code(cli, "hustings", argv)


def run() -> NoReturn:
    """Run the command line and end the process at once: Python takes a tenth of a second to free all objects first."""
    code = main()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
