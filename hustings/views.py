"""Runs and findings as a notebook shows them: frames, a card, pages inline, a plot."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from engine.account.records import Fill, Trade
from engine.run.run import Run
from engine.study.result import Study
from hustings.execution import execute
from hustings.files import write_text
from hustings.frames import equity_frame, records_frame
from hustings.handlers.run import written_run
from hustings.run_folder import claimed
from hustings.run_options import RunOptions
from hustings.second_page import second_page
from hustings.sheet import sheet_of
from hustings.trials import TrialPosition
from reports.numbers import percent
from reports.parts import TextTable


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
