"""One entrant of a race in a process of its own: it prepares, then does its work each time it is requested.

``python -m benchmarks.worker MODULE:FUNCTION [TEXT]`` calls the function (with the text, if any) once; it returns the
work, which takes nothing and returns one number or several. Over stdin and stdout go lines of JSON.
"""

import gc
import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

MIB = 1024  # Linux reports memory in KiB
AT_LEAST = 0.05
"""Work that takes less than so many seconds is done again until it has, and the mean counts: as timeit does."""


def main(named: str, *arguments: str) -> None:
    """Answer each line of stdin by doing the work once: seconds, of the processor too, results, peak memory (MiB)."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    module, function = named.split(":")
    work = getattr(import_module(module), function)(*arguments)
    gc.collect()
    gc.freeze()  # what was prepared is no garbage of the work
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(_timed(work)), file=answers, flush=True)


def _timed(work: Any) -> dict[str, Any]:
    began, worked, times = time.perf_counter(), time.process_time(), 0
    while not times or time.perf_counter() - began < AT_LEAST:
        found, times = work(), times + 1
    seconds, cpu = (time.perf_counter() - began) / times, (time.process_time() - worked) / times
    results = [float(v) for v in (found if hasattr(found, "__len__") else [found])]
    return {"seconds": seconds, "cpu": cpu, "results": results, "peak_mib": _peak()}


def _peak() -> float:
    """Return this program's own peak; that of getrusage is never below its parent's, of which it is a copy at first."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) for line in status.open() if line.startswith("VmHWM")) / MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


if __name__ == "__main__":
    main(*sys.argv[1:])
