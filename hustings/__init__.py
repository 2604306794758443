"""Floor 4, the door: the command line, the Python API, the run registry, the folders of runs.

It decides nothing. ``import hustings as hs`` offers the functions of `hustings.api`, each loaded at its first use.
"""

__all__ = ["UserError", "bars", "compare", "events", "implied", "load", "run", "study", "sweep"]
TYPE_CHECKING = False  # as type checkers read it: to import typing takes longer than all that is here
if TYPE_CHECKING:
    from datasets.errors import UserError
    from hustings.api import bars, compare, events, implied, load, run, study, sweep
else:

    def __getattr__(name):
        from importlib import import_module

        from hustings.__main__ import other_package

        if name not in __all__:
            raise AttributeError(f"module 'hustings' has no attribute '{name}'; it has {', '.join(__all__)}")
        if other := other_package():
            raise ImportError(f"hustings: {other}")
        return getattr(import_module("hustings.api"), name)
