"""Pages at the edges: what a reader must find there, by hand."""

import re
from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace

from engine.run.run import EventPath, ParameterSensitivity, SensitivityCase
from engine.study.settings import Settings
from engine.study.study import study
from reports.study_figures import study_section
from reports.tables import tables
from reports.tearsheet import tearsheet
from tests.engine.study.worlds import subject, walk
from tests.reports.handmade import business_days, event, make_run, page_text, trade

DAYS = business_days("2015-01-05", 1_500)
SECTIONS = (
    "result", "events", "around", "parts", "without-one", "otherwise", "returns", "sheet", "what", "conventions", "again",
)  # fmt: skip


def _many(n, *, pnl=lambda k: 100.0, return_=lambda k: 0.001):
    """Return a run of n trades of two sessions, one event each."""
    spans = [(str(DAYS[3 * k + 1]), str(DAYS[3 * k + 2])) for k in range(n)]
    trades = tuple(
        trade(a, b, pnl=pnl(k), return_=return_(k), event_id=f"XX-{k:03d}") for k, (a, b) in enumerate(spans)
    )
    paths = tuple(EventPath(t.event_id, "TOPIX", "long", -2, (100.0, 100.0, 101.0, 102.0)) for t in trades)
    returns = np.zeros(1_500)
    for k in range(n):
        returns[3 * k + 1] = pnl(k) / 1e6
    run = make_run(
        DAYS, returns, trades, benchmark="N225", benchmark_returns=np.where(np.arange(1_500) % 2, 0.01, -0.009)
    )
    return replace(run, paths=paths)


def _section(page, name):
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None, name
    return page_text(found[0])


def _is_whole(page):
    """Claim what holds of every page: its sections in order, none of its numbers broken, its ids its own."""
    assert tuple(re.findall(r'<section id="([\w-]+)"', page)) == SECTIONS
    assert set(re.findall(r'<a href="#([\w-]+)"', page)) == set(SECTIONS)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert not re.search(r"\b(?:nan|inf|None)\b(?![:.])", re.sub(r"(?s)<script>.*?</script>|<pre>.*?</pre>", "", page))
    levels = [int(n) for n in re.findall(r"<h([1-6])", page)]
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_no_events(idle):
    page = tearsheet(idle)
    _is_whole(page)
    assert "The account made 0.00 % in 81 days." in page_text(page)
    assert "No trades: the rule selected no event that could be traded." in _section(page, "events")
    assert "No trades: nothing to draw." in _section(page, "around")
    assert "all P&L is interest on idle cash" in _section(page, "parts")
    assert "No trade." in _section(page, "without-one")


def test_one_event():
    page = tearsheet(_many(1))
    _is_whole(page)
    assert "1 trade on 1 event made +0.10 %." in page_text(page)
    assert "1 trade: an anecdote." in page_text(page)
    assert "XX-000 0 n/a: no other trade n/a 0.00" in _section(page, "without-one")
    assert "Change of the mean trade" not in page


def test_all_losing():
    page = tearsheet(_many(5, pnl=lambda k: -1_000.0, return_=lambda k: -0.01))
    _is_whole(page)
    assert "5 trades on 5 events made -1.00 % on average; 0 of 5 won." in page_text(page)
    result = _section(page, "result")
    assert "Profit factor 0.00" in result
    assert "Win rate 0.00 %" in result
    assert "Cost drag n/a no gain before costs" in result
    # 5 times: -1,000 = asset - 250 x 1,990 x 0.5 % - 150
    assert "All trades +8,187.50 -12,437.50 0.00 0.00 -750.00 -5,000.00" in _section(page, "parts")


def test_all_idle_with_a_benchmark_that_moved(idle):
    run = replace(idle, benchmark="N225", benchmark_returns=np.where(np.arange(60) % 2, 0.01, -0.009))
    page = tearsheet(run)
    _is_whole(page)
    assert "Volatility n/a no trades" in _section(page, "result")
    # 30 times 1.01 x 0.991
    assert "Total return 0.00 % 2.77 %" in _section(page, "sheet")


def test_five_hundred_events():
    page = tearsheet(_many(500 - 1))
    _is_whole(page)
    assert len(page.encode()) < 2 * 1024 * 1024
    assert _section(page, "events").count("XX-") == 499
    assert "499 trades: a sample one may begin to test" in page_text(page)
    assert page.count('class="line path most"') == 499
    assert "501 columns, in order of time" in page


@pytest.mark.parametrize(
    "name", ["<script>alert('x')</script>", "\"quoted\" & 'so'", "\u202eRTL القدس", "🗳️ 選挙", "</pre><b>"]
)
def test_any_name_is_shown_as_it_is_and_runs_nowhere(name):
    run = _many(3)
    trades = tuple(replace(t, event_id=name, instrument=name, note=name) for t in run.trades)
    run = make_run(
        DAYS,
        run.returns,
        trades,
        events=(event(name, title=name),),
        benchmark=name,
        benchmark_returns=-run.returns,
        strategy=name,
        rule=name,
        parameters={name: name},
    )
    page = tearsheet(run)
    assert page.count("<script") == 1
    assert "<b>" not in page.replace("<b><bdi>", "")
    assert name in page_text(page)


def test_a_strategy_called_strategy_next_to_a_benchmark_of_that_name():
    run = replace(_many(3), benchmark="Strategy")
    page = tearsheet(replace(run, manifest={**run.manifest, "strategy": "Strategy", "benchmark": "Strategy"}))
    _is_whole(page)
    assert "Metric Strategy Strategy" in page_text(page)


def test_a_day_of_minus_100_percent():
    returns = np.zeros(1_500)
    returns[700] = -1.0
    lost = trade(str(DAYS[690]), str(DAYS[700]), pnl=-1_000_000.0, return_=-1.0)
    page = tearsheet(make_run(DAYS, returns, (lost,), benchmark="N225", benchmark_returns=returns))
    _is_whole(page)
    text = page_text(page)
    assert "1 trade on 1 event made -100.00 %. The account made -100.00 % in 5.7 years." in text
    assert "CAGR n/a the account was lost" in text
    assert "Max drawdown -100.00 %" in text
    assert "not yet -100.00 %" in text


def test_parts_shown_sum_to_the_pnl_shown():
    run = _many(40, pnl=lambda k: 1_000 / 7 * (k - 20) + 0.004)
    rows = re.findall(
        r"XX-\d+ TOPIX ([-+,.\d]+) ([-+,.\d]+) ([-+,.\d]+) ([-+,.\d]+) ([-+,.\d]+) ([-+,.\d]+)",
        _section(tearsheet(run), "parts"),
    )
    assert len(rows) == 40
    for row in rows:
        *parts, pnl = (round(100 * float(cell.replace(",", ""))) for cell in row)
        assert sum(parts) == pnl


def test_leaving_one_out_on_the_page_by_hand():
    returns = [0.10, -0.02, 0.04]
    text = _section(tearsheet(_many(3, return_=lambda k: returns[k])), "without-one")
    assert "XX-000 2 +1.00 % -3.00 pp" in text
    assert "XX-001 2 +7.00 % +3.00 pp" in text
    assert "XX-002 2 +4.00 % 0.00 pp" in text


def test_the_waterfall_ends_at_what_the_account_gained():
    run = _many(3, pnl=lambda k: [500.0, -200.0, 100.0][k])
    page = tearsheet(run)
    gained = run.final_equity - 1_000_000.0
    drawn = page[page.index('id="waterfall"') : page.index('id="without-one"')]
    shown = re.findall(r"<title>([^<:]+): ([-+,.\d]+)</title>", drawn)
    assert dict(shown)["XX-001"] == "-200.00"
    amounts = {name: float(words.replace(",", "")) for name, words in shown}
    assert amounts["final equity less starting cash"] == pytest.approx(gained, abs=0.005)
    assert sum(v for n, v in amounts.items() if not n.startswith("final")) == pytest.approx(gained, abs=0.01)


def test_the_mean_path_is_drawn_from_every_event():
    run = replace(
        _many(2),
        paths=(
            EventPath("XX-000", "TOPIX", "long", -1, (100.0, 110.0)),
            EventPath("XX-001", "TOPIX", "long", -1, (100.0, 80.0)),
        ),
    )
    page = tearsheet(run)
    mean = re.search(r'class="line s0 strong"[^>]*data-x="([^"]*)" data-v="([^"]*)"', page)
    assert mean is not None
    assert mean.groups() == ("-1 1", "0 -0.05")
    assert "XX-000, TOPIX long: +10.00 % by session 0" in page


def test_a_study_brings_its_own_section_its_verdict_and_what_chance_gives():
    given = subject(walk(), rows=[300, 500, 700, 900], hold=5)
    made = study(given, Settings(draws=200))
    page = tearsheet(given.run, study_section(made), trial="trial 3 of 7")
    assert '<polygon class="range"' in page
    assert "grey: the means of nine of ten placebo lists" in page_text(page)
    assert '<a href="#study">' in page
    assert page_text(page).count(made.verdict) == 2
    assert "trial 3 of 7" in page_text(page)
    assert '<polygon class="range"' not in tearsheet(_many(2))


def test_other_holds_and_costs_are_reported_and_the_run_itself_is_marked():
    timing = tuple(
        SensitivityCase(h, d, 1.0, 2, 0.01 * h - 0.005 * d, 0.5, own=(h, d) == (2, 0)) for h in (1, 2) for d in (0, 1)
    )
    costs = (SensitivityCase(None, None, 0.0, 2, None, 0.0), SensitivityCase(None, None, 5.0, 2, -0.01, -0.3))
    text = _section(tearsheet(replace(_many(2), variants=ParameterSensitivity(timing, costs, "a note"))), "otherwise")
    assert "Held waited 0 sessions waited 1 session" in text
    assert "held 2 sessions +2.00 % this run best total 50.00 %, n 2 +1.50 %" in text
    assert "0 times n/a 0.00 % 2" in text
    assert "5 times -1.00 % -30.00 % 2" in text
    assert "A note." in text
    assert "Not computed for this run" in _section(tearsheet(_many(2)), "otherwise")


def test_the_page_alone_tells_how_to_run_it_again():
    run = _many(2)
    terms = {**run.manifest["terms"], "cash": 500_000.0, "slippage_bps": 7.5}
    odd = {"hold": 3, "markets": ["TOPIX", "N225"], "name": "a b", "stop": None, "weight": 0.95}
    run = replace(
        run, manifest={**run.manifest, "terms": terms, "parameters": odd, "window": {"from": "2016-01-01", "to": ""}}
    )
    assert (
        "hustings run pro-growth-win -p hold=3 -p markets=TOPIX,N225 -p 'name=a b' -p stop=none -p weight=0.95"
        " --cash 500000 --slippage-bps 7.5 --from 2016-01-01 --benchmark N225"
    ) in _section(tearsheet(run), "again")


def test_every_table_has_rows_of_one_shape_and_plain_values(traded):
    for name, rows in tables(traded).items():
        assert len({tuple(row) for row in rows}) <= 1, name
        assert {type(v) for row in rows for v in row.values()} <= {str, int, float, bool, type(None)}, name
