"""hustings data: which bars are at hand, and whether they can be read."""

from pathlib import Path

import click

from datasets.bars import Bars
from datasets.errors import UserError
from datasets.instruments import Instrument
from datasets.sources.base import BarSource
from hustings.commands.data_fetch import fetch
from hustings.inputs import instruments_of, source_of
from hustings.terminal import progress, say, say_json, table

_DATA = click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="A directory [the built-in bars].")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List and check the bars at hand."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_data)


data.add_command(fetch)


@data.command("list")
@_DATA
@_JSON
def list_data(data: Path | None = None, as_json: bool = False) -> None:
    """List the instruments, and where their bars come from."""
    source, known = source_of(data), instruments_of(data)
    rows = [(i, _has(source, i)) for i in known]
    if as_json:
        say_json([{**_row(i), "has_bars": has} for i, has in rows])
        return
    columns = ["symbol", "name", "exchange", "currency", "bars", "other names", "notes"]
    table(
        columns,
        [[i.symbol, i.name, i.mic, i.currency, "yes" if h else "-", " ".join(i.aliases), i.notes] for i, h in rows],
    )


@data.command()
@click.argument("symbols", nargs=-1)
@_DATA
@_JSON
@click.pass_context
def check(ctx: click.Context, symbols: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Read the bars of SYMBOLS (all at hand if none is named) and say what is wrong; exit 2 if anything is."""
    source, known = source_of(data), instruments_of(data)
    chosen = [known.find(s) for s in symbols] or [i for i in known if _has(source, i)]
    with progress("reading bars"):
        found = [(i, *_try(source, i)) for i in chosen]
    if as_json:
        say_json([{"symbol": i.symbol, "bars": bars and _facts(bars), "error": error} for i, bars, error in found])
    else:
        columns = ["symbol", "bars", "first", "last", "real opens", "source"]
        table(columns, [[i.symbol, *map(str, _facts(b).values())] for i, b, _ in found if b is not None])
        for _, _, error in found:
            if error:
                say(error)
    if any(error for *_, error in found):
        ctx.exit(2)


def _try(source: BarSource, instrument: Instrument) -> tuple[Bars | None, str | None]:
    try:
        return source.load(instrument), None
    except UserError as e:
        return None, str(e)


def _facts(bars: Bars) -> dict[str, str | int]:
    return {
        "rows": len(bars),
        "first_session": str(bars.session[0]),
        "last_session": str(bars.session[-1]),
        "real_opens": f"{bars.open_is_real.mean():.1%}",
        "source": bars.source.text,
    }


def _has(source: BarSource, instrument: Instrument) -> bool:
    names = {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    return any(s.casefold() in names for s in source.symbols())


def _row(i: Instrument) -> dict[str, str]:
    return {"symbol": i.symbol, "name": i.name, "exchange": i.mic, "currency": i.currency, "notes": i.notes}
