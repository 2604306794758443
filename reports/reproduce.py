"""How to make a run again: the command that its manifest amounts to."""

import shlex
from dataclasses import fields
from typing import Any

from engine.plan.costs import Terms
from engine.run.run import Run


def command(run: Run) -> str:
    """Return the command line that makes this run again over the same events and bars."""
    manifest = run.manifest
    words = ["hustings", "run", str(manifest["strategy"])]
    for name, value in sorted(manifest["parameters"].items()):  # a run read back has them in that order
        words += ["-p", f"{name}={_typed(value)}"]
    for term in fields(Terms):
        value = manifest["terms"].get(term.name)
        words += [] if value in (None, term.default) else [f"--{term.name.replace('_', '-')}", _typed(value)]
    for key, option in (("from", "--from"), ("to", "--to")):
        words += [option, manifest["window"][key]] if manifest["window"][key] else []
    words += ["--benchmark", str(run.benchmark)] if run.benchmark else []
    return " ".join(shlex.quote(w) for w in words)


def _typed(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
