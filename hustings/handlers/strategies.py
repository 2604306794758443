"""hustings strategies: lists the strategies and their parameters."""

import inspect

from engine.strategy import parameters
from hustings.terminal import say, say_json, table, text_of
from strategies.loading import find_strategy, is_backtrader, strategy_names


def list_strategies(*, name: str | None) -> None:
    """Print the strategies, or one of them with its parameters."""
    if name is not None:
        _show(name, find_strategy(name))
        return
    known = {n: _description(find_strategy(n))[0] for n in strategy_names()}
    say_json([{"name": n, "rule": rule} for n, rule in known.items()])
    table(["strategy", "rule"], [[n, rule] for n, rule in known.items()])


def _show(name: str, cls: type) -> None:
    columns = ["parameter", "type", "default", "bounds", "what"]
    if is_backtrader(cls):
        from hustings.execution import as_written

        given = cls.params._getitems()  # type: ignore[attr-defined]
        rows = [[n, type(v).__name__, str(as_written(v)), "", ""] for n, v in given]
    else:
        rows = [[p.name, p.type, text_of(p.default), p.bounds, p.says] for p in parameters(cls)]
    description = _description(cls)
    listed = [dict(zip(columns, r, strict=True)) for r in rows]
    say_json({"name": name, "rule": description[0], "parameters": listed})
    say("\n".join([name, *description]))
    table(columns, rows)


def _description(cls: type) -> list[str]:
    """Return the docstring up to its Args, without blank lines."""
    text = (inspect.getdoc(cls) or cls.__name__).split("Args:")[0]
    return [line for line in text.splitlines() if line.strip()]
