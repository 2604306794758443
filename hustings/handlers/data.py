"""hustings data list, show, remove: the available bars, their sources, and the store."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets.errors import UserError, unknown_name
from datasets.markets.instruments import Instrument, InstrumentGroup
from datasets.prices.bars import Bars
from datasets.prices.series_file import Provenance
from datasets.prices.sources.arch_bars import ArchSource
from datasets.prices.sources.base import BarSource
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from datasets.prices.sources.stored import StoreSource
from datasets.prices.store import Store
from hustings.inputs import has_bars, instruments_of, source_of
from hustings.terminal import counted, say, say_json, table


def list_instruments(*, data: Path | None, group: str | None) -> None:
    """Print the instruments in their groups, or those of one group, and the sources of their bars."""
    source = source_of(data)
    rows = [_row(i, source) for i in instruments_of(data) if group in (None, i.group)]
    say_json(rows)
    names = ("symbol", "name", "exchange", "currency", "bars", "other_names", "notes")
    for each in InstrumentGroup:
        listed = [[str(r[n] or "-") for n in names] for r in rows if r["group"] == each]
        if listed:
            say(f"{each}: {counted(len(listed), 'instrument')}")
            table([n.replace("_", " ") for n in names], listed)


def _row(instrument: Instrument, source: BarSource) -> dict[str, Any]:
    available = has_bars(source, instrument)
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "group": instrument.group,
        "country": instrument.country or None,
        "exchange": instrument.mic,
        "currency": instrument.currency,
        "base_currency": instrument.base_currency or None,
        "maturity": instrument.maturity or None,
        "multiplier": instrument.multiplier or None,
        "tick": instrument.tick or None,
        "initial_margin": instrument.initial_margin or None,
        "maintenance_margin": instrument.maintenance_margin or None,
        "has_bars": available,
        "bars": _source_text(source, instrument.symbol) if available else None,
        "other_names": " ".join(instrument.aliases),
        "notes": instrument.notes,
    }


def _source_text(source: BarSource, symbol: str) -> str:
    if isinstance(source, DirectorySource):
        return "file"
    store = Store()
    if symbol not in store.symbols():
        simulated = isinstance(source, BuiltinSource) and symbol not in ArchSource().symbols()
        return "SIMULATED" if simulated else "built in"
    try:
        provenance = store.provenance(symbol)
    except UserError:
        return "damaged"
    return f"{provenance.rows} to {provenance.last}, {provenance.deliveries[-1].source}"


def show_series(*, symbol: str) -> None:
    """Print a stored series: its span, its last rows, and every delivery."""
    instrument = instruments_of(None).find(symbol)
    bars = StoreSource().load(instrument)
    provenance, real_opens = Store().provenance(instrument.symbol), float(bars.open_is_real.mean())
    say_json({**asdict(provenance), "real_opens": real_opens})
    say(f"{instrument.symbol}  {instrument.name} ({instrument.mic}, {instrument.currency})")
    say(f"{bars.span()}; {provenance.adjustment} series; {real_opens:.1%} of its opens are traded prices")
    say(f"sha256 {provenance.sha256}")
    _last_rows(bars)
    _deliveries(provenance)


def _last_rows(bars: Bars) -> None:
    prices = ["open", "high", "low", "close"] if bars.yields is None else ["yields", "close"]
    rows = [
        [
            str(bars.session[n]),
            *(f"{getattr(bars, c)[n]:,.{3 if c == 'yields' else 2}f}" for c in prices),
            "yes" if bars.open_is_real[n] else "no",
        ]
        for n in range(max(0, len(bars) - 5), len(bars))
    ]
    table(["session", *prices, "open traded"], rows, right=prices)


def _deliveries(provenance: Provenance) -> None:
    for d in provenance.deliveries:
        say(f"{d.retrieved_at}  {d.name} from {d.source}; {d.rows} rows {d.first} to {d.last}; licence: {d.licence}")
        say(f"  {d.added} new, {d.changed} changed" + (f"; accepted: {', '.join(d.accepted)}" if d.accepted else ""))
        for text in d.corrections:
            say(f"  corrected: {text}")
        for text in d.warnings:
            say(f"  warning: {text}")


def remove_series(*, symbols: tuple[str, ...]) -> None:
    """Remove series from the store, damaged ones too."""
    store, known = Store(), instruments_of(None)
    stored = store.symbols()  # a series may be of an instrument that is no longer known
    names = list(dict.fromkeys(s if s in stored else known.find(s).symbol for s in symbols))
    for name in (n for n in names if n not in stored):
        raise unknown_name("series in the store:", name, stored, hint="nothing was removed")
    for name in names:
        store.remove(name)
    say_json({"removed": names})
    say(f"removed {', '.join(names)}")
