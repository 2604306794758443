"""The Python API: the inner layer of the commands as functions, with pandas frames in and out.

    import hustings as hs

    run = hs.run("pro-growth-win", data="prices/", hold=2)
    hs.study(run)

A keyword is an option of the command without its dashes (``since``, ``until``: ``--from``, ``--to``); any other is a
parameter of the strategy. What is wrong is a `datasets.errors.UserError` of one line. A run in Python is a trial like
any other: `run`, `study`, `sweep` and `implied` enter it in the ledger of ``HUSTINGS_HOME``; files are written only
with ``out=``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from msgspec.structs import asdict

from datasets.errors import UserError
from hustings.commands import backtests as commands
from hustings.commands.events import list_events
from hustings.execution import RunOptions
from hustings.handlers.events import select_events
from hustings.handlers.implied import ImpliedOptions, entered_implied
from hustings.handlers.run import entered_run
from hustings.handlers.study import entered_study
from hustings.handlers.sweep import SweepOptions, entered_sweep
from hustings.inputs import adjusted_source_of, events_of, instruments_of
from hustings.keywords import Rule, options_of, typed
from hustings.page_data import place_of, read_page, rounded, run_at
from hustings.recording import position_if_any
from hustings.run_folder import read_run
from hustings.studies import StudyOptions, study_json
from hustings.sweeping.result import result_json
from hustings.views import FindingView, RunView, bars_frame, events_frame
from reports.page import TextTable


def run(strategy: Rule, *, out: str | Path | None = None, **given: Any) -> RunView:
    """Return the run of a strategy, entered in the ledger: the id and the numbers of ``hustings run``.

    ``strategy`` is a name, a class, or a rule with its parameters; ``data`` may be frames by symbol, ``events`` a
    frame; ``parameters`` holds those that are named like an option. ``out``: a folder for the command's files.

    >>> hs.run("pro-growth-win", hold=2, cash=500_000)
    <run ... of pro-growth-win: 7 trades, 4.50 %, 2000-01-04 to 2026-10-30, SIMULATED>
    """
    options = options_of(RunOptions, commands.run, strategy, given)
    found, position = entered_run(options, vary=False)
    made = RunView(found, options, position)
    if out is not None:
        made.save(out)
    return made


def load(name: str | Path) -> RunView:
    """Return a past run by its id, the beginning of one, its folder, or its page, which has no fills.

    >>> from tempfile import mkdtemp
    >>> hs.load(hs.run("pro-growth-win", hold=2).save(mkdtemp()))
    <run ... of pro-growth-win: 7 trades, 4.50 %, 2000-01-04 to 2026-10-30, SIMULATED>
    """
    place = place_of(str(name))
    found = read_page(place) if place.is_file() else read_run(place)
    return RunView(found, position=position_if_any(found))


def study(run: RunView, **given: Any) -> FindingView:
    """Return what the events of a run support, entered in the ledger; it takes the own options of ``hustings study``.

    >>> hs.study(hs.run("pro-growth-win", hold=2), draws=100).text.partition(".")[0]
    'The result is not distinguishable from placebo dates'
    """
    from reports.study_tables import study_tables

    if not isinstance(run, RunView):
        raise UserError(f"study takes a run that hs.run returned, not {run!r}")
    if run.options is None:
        raise UserError(f"run {run.run_id} was loaded: a study needs its events and bars, make it with hs.run")
    own = {*StudyOptions.__struct_fields__} - {*RunOptions.__struct_fields__}
    options = StudyOptions(**asdict(run.options), **typed(commands.study, own, given, run.run_id))
    found, made, position = entered_study(options, vary=False)
    view = RunView(found, run.options, position)
    frame = pd.DataFrame(study_json(made)["observations"])
    return FindingView(made, made.verdict, study_json(made), frame, study_tables(made), lambda: view.tearsheet(made))


def sweep(strategy: Rule, *, out: str | Path | None = None, **given: Any) -> FindingView:
    """Return the sweep of a strategy over parameters, each combination entered in the ledger as a trial.

    A parameter is a value, a list of values, or a text such as ``"1:20"``; in the folder ``out`` it can be resumed.

    >>> hs.sweep("pro-growth-win", hold=range(1, 4), top=1).frame[["hold", "n_trades"]].to_numpy().tolist()
    [[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]
    """
    from reports.sweep import best_table, sweep_page, verdict

    options = options_of(SweepOptions, commands.sweep, strategy, given)
    with TemporaryDirectory(prefix="hustings-sweep-") as scratch:
        result, files = entered_sweep(options, Path(scratch if out is None else out), report=out is not None)
        frame = pd.read_parquet(files["results"])
    tables = [best_table(result)]
    return FindingView(result, verdict(result), result_json(result), frame, tables, lambda: sweep_page(result))


def compare(*runs: RunView | str | Path) -> FindingView:
    """Return runs side by side, each compared with the first; past ones by id, folder or page.

    >>> hs.compare(hs.run("pro-growth-win", hold=2), hs.run("pro-growth-win", hold=5)).frame.loc["n_trades"].tolist()
    [7.0, 7.0]
    """
    from reports.comparison import comparison_data
    from reports.comparison_page import comparison_page

    if len(runs) < 2:
        raise UserError(f"compare needs two runs or more, {len(runs)} given")
    found = [rounded(each.full) if isinstance(each, RunView) else run_at(place_of(str(each))) for each in runs]
    data = comparison_data(found)
    metrics = {name: each["values"] for name, each in data["own_span"].items()}
    labels = [head["label"] for head in data["runs"]]
    frame = pd.DataFrame.from_dict(metrics, orient="index", columns=labels, dtype="float64")
    text = "\n".join(pair["sentence"] for pair in data["differences"])
    return FindingView(found, text, data, frame, (), lambda: comparison_page(found, data))


def implied(event_id: str, **given: Any) -> FindingView:
    """Return what an asset is worth if an outcome comes, and if not, entered in the ledger as a look at the event.

    ``priors`` is the file of odds, ``instrument`` one market or several; ``frame`` has a row for each of them.

    >>> found = hs.implied("US-2016-11-08-PE", instrument="IPC", priors="simulated", data="builtin")
    >>> found.frame.loc["IPC", ["n", "if_outcome", "if_not"]].round(1).tolist()
    [113.0, -7.2, 3.7]
    """
    from reports.implied import implied_rows

    names = {*ImpliedOptions.__struct_fields__}
    found = entered_implied(ImpliedOptions(**typed(commands.implied, names, given, event_id)))
    frame = pd.DataFrame(found.values["markets"]).set_index("instrument")
    tables = [TextTable(m.instrument, ("", "value"), implied_rows(m, found.odds.outcome)) for m in found.markets]
    return FindingView(found, found.text, found.values, frame, tables, found.page)


def events(**given: Any) -> pd.DataFrame:
    """Return the events that ``hustings events list`` selects, one a row, for a run's ``events`` too.

    ``country``, ``kind``, ``year``, ``label`` and ``confidence`` select. Instants are datetime64[ns, UTC].

    >>> str(hs.events(country="JP", label="pro_growth=yes")["known_at"].iloc[-1])
    '2026-02-08 11:00:00+00:00'
    """
    names = ("country", "kind", "year", "labels", "confidence", "sources", "coded", "only_events")
    filters = typed(list_events, names, given)
    catalogue = events_of(filters.pop("sources"), filters.pop("coded"), only=filters.pop("only_events"))
    return events_frame(select_events(catalogue, **filters))


def bars(symbol: str, *, data: Any = None, adjust: str | None = None) -> pd.DataFrame:
    """Return the bars of an instrument as a run uses them, by session: the date at the exchange.

    ``open_at`` and ``close_at`` are datetime64[ns, UTC]; ``open_is_real``: the open is a traded price. Intraday bars
    are by ``open_at``. ``attrs`` has ``source``, ``simulated``, ``currency``; ``data`` and ``adjust`` are as in `run`.

    >>> hs.bars("TOPIX")["close_at"].iloc[0].isoformat()
    '2000-01-04T02:00:00+00:00'
    """
    given = typed(commands.run, ("data", "adjust"), {"data": data, "adjust": adjust}, "--", str(symbol))
    return bars_frame(adjusted_source_of(**given).load(instruments_of(given["data"]).find(str(symbol))))
