"""hustings strategies: the rules and their parameters."""

import inspect

import click

from engine.strategy import parameters
from hustings.terminal import say, say_json, table
from strategies.loading import find_strategy, is_backtrader, strategy_names


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def strategies(name: str | None, as_json: bool) -> None:
    """List the strategies, or show one of them (by NAME, file or module) with its parameters."""
    if name is None:
        known = {n: _words(find_strategy(n))[0] for n in strategy_names()}
        if as_json:
            say_json([{"name": n, "rule": rule} for n, rule in known.items()])
        else:
            table(["strategy", "rule"], [[n, rule] for n, rule in known.items()])
        return
    cls = find_strategy(name)
    if is_backtrader(cls):
        rows = [[n, type(v).__name__, str(v), "", ""] for n, v in cls.params._getitems()]
    else:
        rows = [[p.name, p.type, _shown(p.default), p.bounds, p.says] for p in parameters(cls)]
    columns = ["parameter", "type", "default", "bounds", "what"]
    if as_json:
        listed = [dict(zip(columns, r, strict=True)) for r in rows]
        say_json({"name": name, "rule": _words(cls)[0], "parameters": listed})
        return
    say(name)
    say("\n".join(line for line in _words(cls)))
    table(columns, rows)


def _words(cls: type) -> list[str]:
    """Return the docstring up to its Args, without blank lines."""
    text = (inspect.getdoc(cls) or cls.__name__).split("Args:")[0]
    return [line for line in text.splitlines() if line.strip()]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)
