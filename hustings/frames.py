"""pandas frames of runs, events and bars, and the files that frames of prices and events are read from."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.events.csv_export import events_csv
from datasets.prices.bars import Bars
from engine.metrics.metrics import drawdown
from engine.run.run import Run
from reports.tables import INSTANTS

_BARS = ("open_at", "close_at", "open", "high", "low", "close", "volume", "open_is_real")
_DERIVED = ["open_at", "close_at", "open_is_real"]  # from hours and prices: not read back
_KINDS = {**dict.fromkeys(("incumbent_won", "vote"), "boolean"),
          **dict.fromkeys(("winner_share", "implied_probability", "reported_move"), "float64")}  # fmt: skip


def records_frame(kind: type[Any], records: Iterable[Any]) -> pd.DataFrame:
    """Return records, one a row: instants datetime64[ns, UTC], sessions datetime64[ns], numbers float64, else text."""
    listed = list(records)
    return pd.DataFrame({f.name.rstrip("_"): _column(f, [getattr(r, f.name) for r in listed]) for f in fields(kind)})


def _column(field: Any, cells: list[Any]) -> pd.Series:
    if field.name in INSTANTS:
        return pd.Series(_utc(np.array(cells, dtype="datetime64[ns]")))
    kind = "float64" if "float" in str(field.type) else "str"
    return pd.Series(cells, dtype="datetime64[ns]" if field.name.endswith("session") else kind)


def _utc(at: Any) -> Any:
    return pd.to_datetime(at, utc=True, format="ISO8601").astype("datetime64[ns, UTC]")


def equity_frame(run: Run) -> pd.DataFrame:
    """Return the account by session: equity in its currency, the other columns as fractions; NaN without benchmark."""
    columns: dict[str, Any] = {name: getattr(run, name) for name in ("equity", "returns", "exposure")}
    marks = np.nan if run.benchmark_returns is None else run.benchmark_returns
    columns |= {"drawdown": drawdown(run.returns), "benchmark_returns": marks}
    return pd.DataFrame(columns, index=_sessions(run.sessions))


def _sessions(sessions: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(sessions.astype("datetime64[ns]"), name="session")


def events_frame(events: Iterable[PoliticalEvent]) -> pd.DataFrame:
    """Return events, one a row, in the columns of the catalogue; a blank is missing."""
    names = PoliticalEvent.model_fields
    text = io.StringIO(events_csv(events), newline="")
    kinds = {**dict.fromkeys(names, "str"), **_KINDS}
    frame = pd.read_csv(text, dtype=kinds, keep_default_na=False, na_values=[""])
    instants = [n for n in names if n.endswith("_at") and n != "fields_known_at"]
    return frame.assign(**{n: _utc(frame[n]) for n in (*instants, "scheduled_for", "signal_from")})


def bars_frame(bars: Bars) -> pd.DataFrame:
    """Return bars by session, or by ``open_at`` where they are intraday."""
    columns: dict[str, Any] = {name: np.array(getattr(bars, name)) for name in _BARS}
    columns |= {name: _utc(columns[name].astype("datetime64[ns]")) for name in ("open_at", "close_at")}
    frame = pd.DataFrame(columns, index=_sessions(bars.session))
    frame = frame.set_index("open_at") if bars.intraday else frame
    frame.attrs = {"source": bars.source.text, "simulated": bars.source.simulated, "currency": bars.instrument.currency}
    return frame


def path_of(name: str, value: Any) -> Any:
    """Return ``data`` or ``events`` as a command takes them: of frames the files they are written to.

    Raises:
        UserError: what is neither a path nor made of frames; a frame of prices without its symbol, or of simulated
            bars: a file of them would not say so.
    """
    if isinstance(value, str | PathLike):
        return value
    if name == "events" and isinstance(value, list | tuple):
        return [path_of(name, each) for each in value]
    if name == "events" and isinstance(value, pd.DataFrame):
        has_field = value.index.name in set(PoliticalEvent.model_fields) - set(value.columns)
        return Path(_folder((("events.csv", value.to_csv(index=has_field)),)).name) / "events.csv"
    if name == "data" and isinstance(value, pd.DataFrame):
        raise UserError("data is a DataFrame: name its instrument, such as data={'TOPIX': frame}")
    if name == "data" and isinstance(value, Mapping):
        return Path(_folder(tuple((f"{s}.csv", _prices(s, frame)) for s, frame in value.items())).name)
    frames = "frames by symbol" if name == "data" else "a DataFrame"
    raise UserError(f"{name} is of type {type(value).__name__}; give a path or {frames}")


def _prices(symbol: Any, frame: Any) -> str:
    """Return prices as CSV; an index of integers numbers the rows, any other holds the dates."""
    if not isinstance(symbol, str) or Path(symbol).name != symbol:
        raise UserError(f"data has the key '{symbol}'; a key is the symbol of an instrument, such as TOPIX")
    if not isinstance(frame, pd.DataFrame | pd.Series) or frame.index.nlevels > 1:
        found = "a MultiIndex" if isinstance(frame, pd.DataFrame | pd.Series) else f"type {type(frame).__name__}"
        raise UserError(f"data['{symbol}'] has {found}; give a DataFrame with the dates as its index")
    if frame.attrs.get("simulated"):
        raise UserError("the bars are SIMULATED and a run of this frame would not say so: leave data out to use them")
    numbered = pd.api.types.is_integer_dtype(frame.index)
    return pd.DataFrame(frame).drop(columns=_DERIVED, errors="ignore").to_csv(index=not numbered, index_label="date")


@cache
def _folder(files: tuple[tuple[str, str], ...]) -> "TemporaryDirectory[str]":
    """Return a folder of files that stays until Python ends, since a study reads them again."""
    folder = TemporaryDirectory(prefix="hustings-frames-")
    for name, text in files:
        (Path(folder.name) / name).write_text(text, encoding="utf-8", newline="")
    return folder
