"""The pages that the browser opens: of a real run, of made ones, and of what goes wrong."""

from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import force_setattr

from datasets.events.odds import SIMULATED
from engine.plan.decision import Skipped
from engine.run.run import Run
from hustings.__main__ import main
from hustings.run_folder import read_run
from reports.comparison import comparison
from reports.gallery import GalleryCard, gallery
from reports.quantstats_page import quantstats_page
from reports.tearsheet import tearsheet
from tests.reports.handmade import business_days, event, make_run, trade

DAYS = business_days("2016-01-04", 780)
NAMES = {
    "script": '<script>alert("x")</script>',
    "quotes": "\"it's\" & 'so' <b>",
    "right to left": "انتخابات عامة في اليابان",
    "emoji": "🗳️ win 📈",
}


def real_runs(folder: Path) -> list[Run]:
    """Return two runs on the real Nasdaq bars that come with hustings: after events of the United States, 5 and 40 sessions."""
    runs = []
    for hold in (5, 40):
        given = ["-p", "instrument=NASDAQ", "-p", "country=US", "-p", f"hold={hold}", "--benchmark", "NASDAQ"]
        out = folder / f"hold-{hold}"
        with redirect_stdout(StringIO()):
            assert main(["run", "buy-after-event", *given, "--no-report", "--out", str(out)]) == 0
        runs.append(read_run(out))
    return runs


def several(earned: list[float], *, run_id: str = "e" * 16, **manifest: Any) -> Run:
    """Return a run of trades of 40 sessions each, one on each event, with these returns."""
    trades = tuple(
        trade(str(DAYS[n * 60]), str(DAYS[n * 60 + 40]), event_id=f"JP-{n:02}", pnl=1e6 * r, return_=r)
        for n, r in enumerate(earned)
    )
    returns = np.zeros(len(DAYS))
    for n, r in enumerate(earned):
        returns[n * 60 : n * 60 + 41] = (1 + r) ** (1 / 41) - 1 + 0.001 * np.sin(np.arange(41) + n)
    exposure = (returns != 0) * 0.95
    made = make_run(DAYS, returns, trades, run_id=run_id, **manifest)
    force_setattr(made, "exposure", exposure)  # what a handmade run leaves at 0
    return made


def many(n: int) -> list[Run]:
    """Return so many runs of one rule that hold for different times."""
    rng = np.random.default_rng(n)
    parameters = [{"instrument": "TOPIX", "hold": h, "weight": 0.95} for h in range(1, n + 1)]
    return [
        several(list(rng.normal(0.004, 0.03, 12)), run_id=f"{k:016x}", parameters=p) for k, p in enumerate(parameters)
    ]


def named(kind: str) -> Run:
    """Return a run whose rule, parameters, event and benchmark all have a difficult name."""
    name = NAMES[kind]
    one = trade(str(DAYS[10]), str(DAYS[50]), event_id=name, pnl=40_000.0, return_=0.04, instrument="TOPIX")
    returns = np.zeros(len(DAYS))
    returns[10:51] = 0.001
    return make_run(
        DAYS,
        returns,
        (one,),
        skipped=(Skipped("JP-2", "TOPIX", name),),
        events=(event(name, title=name), event("JP-2", title=name)),
        strategy=name,
        rule=name,
        parameters={name: name},
        benchmark=name,
        benchmark_returns=np.sin(np.arange(len(DAYS))) / 100,
        sources={name: f"file {name}.csv; 780 bars, 2016-01-04 to 2018-12-28"},
        currencies={name: "JPY"},
        run_id=f"{len(name):016x}",
    )


def lost_all() -> Run:
    """Return a run that loses all it has on one day."""
    returns = np.where(np.arange(len(DAYS)) < 400, 0.001, 0.0)
    returns[400] = -1.0
    one = trade(str(DAYS[0]), str(DAYS[400]), pnl=-1e6, return_=-1.0)
    return make_run(DAYS, returns, (one,), strategy="all-in")


def both_named_strategy() -> Run:
    """Return a run whose rule and whose benchmark are called "Strategy", a column name of quantstats."""
    market = np.sin(np.arange(len(DAYS))) / 100
    return several([0.02, -0.01, 0.03], strategy="Strategy", benchmark="Strategy", benchmark_returns=market)


def cards(n: int) -> list[GalleryCard]:
    """Return so many runs of a gallery, with every difficult name, one simulated and one whose folder has gone."""
    names = ["pro-growth-win", "buy-after-event", *NAMES.values()]
    rng = np.random.default_rng(n)
    return [
        GalleryCard(
            run_id=f"{k * 7919:016x}",
            at=f"2026-11-{k % 28 + 1:02}T10:{k % 60:02}:00+00:00",
            strategy=names[k % len(names)],
            parameters={"instrument": "TOPIX", "hold": k, "label": names[k % len(names)]},
            simulated=k == 1,
            first_session="2016-01-04",
            last_session="2018-12-28",
            n_trades=k % 40,
            total_return=None if k == 3 else float(rng.normal(0.1, 0.3)),
            max_drawdown=-float(rng.random()) / 2,
            equity=None if k == 2 else np.cumprod(1 + rng.normal(0.0003, 0.01, 300), dtype=np.float64),
            link="" if k == 2 else f"runs/{k}/tearsheet.html",
            missing="its folder has gone" if k == 2 else "",
            markets=("TOPIX",) if k % 3 else ("N225", "USDJPY"),
        )
        for k in range(n)
    ]


def implied_page(folder: Path) -> str:
    """Return the page of implied values of the simulated IPC, the outcome with a difficult name."""
    odds, out = folder / "odds.csv", folder / "implied.html"
    odds.write_text(SIMULATED.read_text(encoding="utf-8").replace("Donald Trump", "Trump <b>&'s"), encoding="utf-8")
    given = ["US-2016-11-08-PE", "--instrument", "IPC", "--priors", str(odds), "--data", "builtin"]
    window = ["--instants", "a week 2016-06-06T21:00Z/2016-06-13T21:00Z"]
    with redirect_stdout(StringIO()):
        assert main(["implied", *given, *window, "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def pages(traded: Run, idle: Run, folder: Path) -> dict[str, Callable[[], str]]:
    """Return how each page that is opened is made, by name."""
    twelve = [0.01, -0.02, 0.03, 0.00, 0.01, 0.02, -0.01, 0.04, 0.02, -0.03, 0.01, 0.02]
    other = [0.02, -0.01, 0.02, 0.03, 0.02, 0.05, -0.02, 0.06, 0.01, -0.01, 0.03, 0.04]
    evil = [named(kind) for kind in NAMES]
    real = cache(partial(real_runs, folder))
    return {
        "tear sheet": lambda: tearsheet(real()[0]),
        "quantstats sheet": lambda: quantstats_page(real()[0]),
        "tear sheet of two trades": lambda: tearsheet(traded),
        "tear sheet without trades": lambda: tearsheet(idle),
        "tear sheet of all lost": lambda: tearsheet(lost_all()),
        "tear sheet of Strategy": lambda: tearsheet(both_named_strategy()),
        **{f"tear sheet named {k}": partial(tearsheet, run) for k, run in zip(NAMES, evil, strict=True)},
        "comparison": lambda: comparison(real()),
        "comparison of twelve events": lambda: comparison([several(twelve), several(other, run_id="f" * 16)]),
        "comparison of three": lambda: comparison([traded, idle, lost_all()]),
        "comparison of many": lambda: comparison(many(9)),
        "comparison of names": lambda: comparison(evil),
        "implied": partial(implied_page, folder),
        "gallery": lambda: gallery(cards(24)),
        "gallery of none": lambda: gallery([]),
    }
