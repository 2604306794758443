"""One entrant of a race in a process of its own: it prepares, then does its work each time it is told to.

``python -m benchmarks.worker MODULE:FUNCTION [TEXT]`` calls the function (with the text, if any) once; it returns the
work, which takes nothing and returns one number or several. Over stdin and stdout go lines of JSON.
"""

import json
import resource
import sys
import time
from importlib import import_module
from typing import Any

MIB = 1024  # ru_maxrss is in KiB on Linux


def main(named: str, *told: str) -> None:
    """Answer each line of stdin by doing the work once: seconds, of the processor too, results, peak memory (MiB)."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    module, function = named.split(":")
    work = getattr(import_module(module), function)(*told)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(_timed(work)), file=answers, flush=True)


def _timed(work: Any) -> dict[str, Any]:
    began, worked = time.perf_counter(), time.process_time()
    found = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    results = [float(v) for v in (found if hasattr(found, "__len__") else [found])]
    return {"seconds": seconds, "cpu": cpu, "results": results, "peak_mib": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


if __name__ == "__main__":
    main(*sys.argv[1:])
