"""Runs, events and prices as pandas frames, and as a notebook shows them: a card, pages inline, a plot."""

import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import fields

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.events.event_catalogue import events_csv
from datasets.prices.bars import Bars
from engine.account.records import Fill, Trade
from engine.metrics.metrics import drawdown
from engine.run.run import Run
from engine.study.result import Study
from hustings.execution import RunOptions, execute
from hustings.files import write_text
from hustings.handlers.run import written_run
from hustings.run_folder import claimed
from hustings.sheet import second_page, sheet_of
from hustings.trials import TrialPosition
from reports.numbers import percent
from reports.page import TextTable
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


class HtmlPage(str):
    """A page as text, which a notebook shows inline."""

    def save(self, path: str | Path) -> Path:
        """Write the page and return its path.

        >>> from tempfile import mkdtemp
        >>> hs.run("pro-growth-win", hold=2).tearsheet().save(mkdtemp() + "/sheet.html").name
        'sheet.html'
        """
        return write_text(Path(path), self)

    def __repr__(self) -> str:
        return f"<page of {len(self.encode()) / 1024:.0f} KiB; .save('page.html') writes it>"

    def _repr_html_(self) -> str:
        return f'<iframe sandbox="allow-scripts" style="width:100%;height:80vh" srcdoc="{escape(self)}"></iframe>'


@dataclass(frozen=True, eq=False, repr=False)
class RunView:
    """A run: ``full`` is what the engine left, ``options`` what was given (None of one that was loaded)."""

    full: Run
    options: RunOptions | None = None
    position: TrialPosition | None = None

    @property
    def run_id(self) -> str:
        """The hash of its inputs."""
        return self.full.run_id

    @property
    def metrics(self) -> dict[str, float | int | None]:
        """The headline metrics by name, fractions where they are percentages; ``full.notes`` says why one is None."""
        return self.full.metrics

    @cached_property
    def trades(self) -> pd.DataFrame:
        """The trades, one a row: the columns of ``trades.csv``."""
        return records_frame(Trade, self.full.trades)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """The fills, one a row: the columns of ``fills.csv``."""
        return records_frame(Fill, self.full.fills)

    @cached_property
    def equity(self) -> pd.DataFrame:
        """The account by session: equity, returns, exposure, drawdown, benchmark_returns."""
        return equity_frame(self.full)

    def tearsheet(self, study: Study | None = None) -> HtmlPage:
        """Return the tear sheet, for which the parameter sensitivity is computed; ``study``: with its section.

        >>> run = hs.run("pro-growth-win", hold=2)
        >>> run.run_id in run.tearsheet()
        True
        """
        return HtmlPage(sheet_of(self._varied(), study, self.position))

    def save(self, folder: str | Path) -> Path:
        """Write the files of ``hustings run --out FOLDER``, list the run in the registry, and return the folder.

        quantstats' sheet is among them unless ``$HUSTINGS_NO_QUANTSTATS`` is set.

        >>> from tempfile import mkdtemp
        >>> sorted(file.name for file in hs.run("pro-growth-win", hold=2).save(mkdtemp()).glob("*.html"))
        ['tearsheet.html']
        """
        wanted = not os.environ.get("HUSTINGS_NO_QUANTSTATS")
        with claimed(Path(folder)) as folder_of, second_page(wanted=wanted) as begin:
            run = self._varied()
            written_run(run, self.position, folder_of(run), report=True, second=begin(run) if wanted else None)
        return Path(folder)

    def plot(self, ax: Any = None) -> Any:
        """Draw the equity and the entries with matplotlib, and return the axes.

        >>> hs.run("pro-growth-win", hold=2).plot().get_ylabel()
        'equity, JPY, SIMULATED'
        """
        equity = self.equity["equity"]
        ax = equity.plot(ax=ax, figsize=(9, 3.5), x_compat=True, label=str(self.full.manifest["strategy"]))
        entered = equity.reindex(self.trades["entry_session"], method="ffill")
        entered.plot(ax=ax, style="o", x_compat=True, label="entries")
        ax.set(xlabel="", ylabel=f"equity, {self.full.currency}{', SIMULATED' * self.full.simulated}")
        ax.legend()
        return ax

    def _varied(self) -> Run:
        """Return the run with its parameter sensitivity, as the command keeps it."""
        if self.full.variants is not None or self.options is None:
            return self.full
        return execute(self.options, vary=True)

    def __repr__(self) -> str:
        run, manifest = self.full, self.full.manifest
        what = f"{len(run.trades)} trades, {percent(run.metrics['total_return'])}"
        dates = f"{manifest['first_session']} to {manifest['last_session']}{', SIMULATED' * run.simulated}"
        return f"<run {run.run_id} of {manifest['strategy']}: {what}, {dates}>"

    def _repr_html_(self) -> str:
        from reports.gallery import run_card

        return run_card(self.full, "" if self.position is None else self.position.text)


@dataclass(frozen=True, eq=False, repr=False)
class FindingView:
    """What a study, a sweep, a comparison or odds found: in sentences, as the command's JSON, and as a frame.

    ``frame`` has a row for each observation of a study, combination of a sweep, metric of compared runs, or market.
    """

    full: Any
    text: str
    values: dict[str, Any]
    frame: pd.DataFrame
    printed: Iterable[TextTable]
    make_page: Callable[[], str]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of the command by title, as text."""
        return {t.title: pd.DataFrame(list(t.rows), columns=list(t.columns)) for t in self.printed if t.rows}

    def page(self) -> HtmlPage:
        """Return the page of the command.

        >>> run = hs.run("pro-growth-win", hold=2)
        >>> run.run_id in hs.compare(run, run).page()
        True
        """
        return HtmlPage(self.make_page())

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        shown = self.tables or {"": self.frame}
        tables = (f"<p><b>{escape(title)}</b></p>{frame.to_html(na_rep='n/a')}" for title, frame in shown.items())
        return f"<p>{escape(self.text)}</p>{''.join(tables)}"
