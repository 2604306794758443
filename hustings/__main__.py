"""Entry point of the command line."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

_COLLECTED_AFTER = 1_000_000
"""Objects made before unused cycles are looked for: imports make many, all of them used (a tenth of a run)."""
_OURS = ("datasets", "engine", "reports", "strategies")
_LEFT_OUT = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Of libraries, unless the user has set it: threads that wait in a loop, a look at every package that is installed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 done, 1 a check failed, 2 bad input, 70 a fault of the program, 130 interrupted.
    """
    gc.set_threshold(_COLLECTED_AFTER)
    os.environ.update(_LEFT_OUT | os.environ)
    if other := other_package():
        print(f"hustings: {other}", file=sys.stderr)
        return 2
    from hustings.cli import cli  # after the check: it imports the packages
    from hustings.exit_codes import exit_code

    return exit_code(cli, "hustings", argv)


def run() -> NoReturn:
    """Run the command line and end the process at once: Python takes a tenth of a second to free all objects first."""
    code = main()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def other_package() -> str | None:
    """Return what is wrong where another package has the name of one of ours and comes first on the path."""
    folder = Path(__file__).resolve().parents[1]
    for name in _OURS:
        spec = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != folder / name:
            where, way = (f"in '{found}'", f"take '{found.parent}' off PYTHONPATH, or ") if found else ("nowhere", "")
            return (
                f"the package '{name}' is found {where}, not next to hustings in '{folder}': another package has that "
                f"name (Hugging Face's 'datasets', say); {way}install hustings in an environment of its own"
            )
    return None


if __name__ == "__main__":
    run()
