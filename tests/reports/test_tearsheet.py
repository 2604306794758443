"""Claims about the tear sheet."""

import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from base64 import b64encode
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from engine.plan.decision import Skipped
from engine.run.run import Run
from reports.charts import equity_svg, held_svgs
from reports.headline import remarks, support
from reports.quantstats_page import quantstats_page
from reports.tearsheet import currency_note, given, tearsheet
from tests.reports.handmade import business_days, event, make_run, page_text, trade

ROOT = Path(__file__).parents[2]


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def tags(page):
    parser = _Tags()
    parser.feed(page)
    return parser.seen


@pytest.fixture(scope="module")
def page(traded):
    return tearsheet(traded)


@pytest.fixture(scope="module")
def drawn(traded):
    """Return quantstats' sheet, what matplotlib had before and after both sheets, and what was printed meanwhile."""
    import matplotlib
    from matplotlib import font_manager, pyplot

    def state():
        return pyplot.get_fignums(), dict(matplotlib.rcParams), font_manager.FontProperties.set_family

    out, err = StringIO(), StringIO()
    figure = pyplot.figure()  # one that was open before stays open
    try:
        before = state()
        with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
            warnings.simplefilter("error")
            tearsheet(traded)
            sheet = quantstats_page(traded)
        return sheet, before, state(), (out.getvalue(), err.getvalue())
    finally:
        pyplot.close(figure)


@pytest.fixture(scope="module")
def quantstats_sheet(drawn):
    return drawn[0]


@pytest.fixture(scope="module")
def text(page):
    return page_text(page)


def test_says_what_was_run(text):
    for words in (
        "pro-growth-win",
        "Buy an index at the first open after a pro-growth election win, and hold it.",
        "hold 20",
        "file TOPIX.csv",
        "780 bars, 2016-01-04 to 2018-12-28",
        "1.0 bps",
        "2.0 bps",
        "starts with 1,000,000",
        "0123456789abcdef",
    ):
        assert words in text


def test_every_trade_is_reported(text):
    for words in (
        "JP-2016-05-22-GE",
        "General election",
        "decided 2016-05-22 11:00Z",
        "long TOPIX",
        "2016-05-23 00:00Z",
        "at 2,000.00",
        "+0.50 %",
        "held 20 sessions",
        "+83,000",
        "-43,000",
        "-3.90 %",
    ):
        assert words in text


def test_skipped_events_are_reported_with_the_reason(text):
    assert "JP-2017-10-22-GE" in text
    assert "no bar after 2017-10-22 11:00Z; bars end 2017-10-20" in text


def test_withheld_numbers_come_with_their_reason(text):
    assert "Sharpe ratio n/a 2 observations, mostly out of the market; at least 10 are needed" in text


def test_no_number_is_broken(text):
    assert not re.search(r"(?<![a-z])(nan|inf|none|-0\.00)(?![a-z0-9])", text.split("Manifest")[0], re.IGNORECASE)


def test_manifest_is_there_in_full(page, traded):
    parsed = page_text(page).split(" Manifest ")[1]
    assert json.loads(parsed[parsed.index("{") : parsed.rindex("}") + 1]) == traded.manifest


def test_headings_descend_without_gaps(page):
    levels = [int(tag[1]) for tag, _ in tags(page) if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_references_resolve(page):
    attributes = [a for _, a in tags(page)]
    ids = Counter(a["id"] for a in attributes if "id" in a)
    assert max(ids.values()) == 1
    wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page))
    assert {a or b for a, b in wanted} <= set(ids)
    named = {i for a in attributes for key in ("aria-labelledby",) if key in a for i in a[key].split()}
    assert named <= set(ids)


def test_nothing_is_fetched(page):
    for _, attributes in tags(page):
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), value
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_only_script_is_ours_and_the_policy_lets_no_other_run(page):
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert scripts == [(ROOT / "reports" / "templates" / "chart.js").read_text(encoding="utf-8")]
    digest = b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;;" in page or f"script-src 'sha256-{digest}';" in page


def test_the_page_is_modest():
    rng = np.random.default_rng(1)
    days = business_days("2010-01-04", 2_520)
    run = make_run(
        days,
        rng.normal(0, 0.01, 2_520),
        (trade(str(days[0]), str(days[-1])),),
        benchmark="N225",
        benchmark_returns=rng.normal(0, 0.01, 2_520),
    )
    assert len(tearsheet(run).encode()) < 450 * 1024


def test_the_first_screen_says_what_was_run_what_it_made_and_eight_figures_at_most(traded, page):
    first = page_text(page[: page.index("All figures per trade")])
    order = ["Event sheet", "pro-growth-win", "hold 20", "2 trades on", "shaded:", "Total return", "Drawdown"]
    assert sorted(order, key=first.index) == order
    cards = re.search(r'<dl class="cards of(\d)">', page)
    assert cards is not None
    assert int(cards[1]) == 7
    assert 'class="note"' not in page[page.index(cards[0]) : page.index("</dl>")]  # no tile says what another says


def test_only_parameters_that_differ_from_their_defaults_are_on_the_first_screen(traded):
    parameters = {"hold": 5, "weight": 0.95, "stop": None}
    some = replace(traded, manifest={**traded.manifest, "parameters": parameters, "changed": ["hold"]})
    assert given(some) == {"hold": 5}
    before = replace(traded, manifest={**traded.manifest, "parameters": parameters})
    assert given(before) == {"hold": 5, "weight": 0.95}


def test_positions_open_and_cut_and_uncertain_hours_have_a_line_each(traded):
    still = replace(traded.trades[0], exit_reason="open_at_end")
    cut = Skipped("JP-1", "TOPIX", "order of 9 cut to 5: exposure limit")
    manifest = {**traded.manifest, "warnings": ["the hours of XTKS after 2030 are regular hours"]}
    assert remarks(replace(traded, trades=(still,), skipped=(cut, cut), manifest=manifest)) == [
        f"Still open at the end, marked at the last close: TOPIX since {still.entry_session}.",
        "Cut to a limit: order of 9 cut to 5: exposure limit and 1 more.",
        "the hours of XTKS after 2030 are regular hours.",
    ]


def test_time_in_market_has_one_named_band_an_event_and_no_idle_session(traded):
    equity, below = held_svgs(traded) or ("", "")
    assert equity.count('<rect class="band"') == below.count('<rect class="band"') == 2
    assert 'data-a="0" data-b="20"' in equity
    assert 'data-a="20" data-b="40"' in equity
    assert [e.event_id in equity for e in traded.events if e.outcome == "traded"] != []
    assert 'data-space="0 40 ' in equity
    whole = replace(traded, trades=(trade(str(traded.sessions[0]), str(traded.sessions[-1])),))
    assert held_svgs(whole) is None


def test_a_factor_of_ten_is_drawn_on_a_logarithmic_scale_and_no_label_reaches_the_title_of_its_axis(traded):
    assert 'data-unit="money"' in equity_svg(traded)
    tenfold = replace(traded, start_equity=1e8, equity=np.geomspace(1e8, 1.1e9, len(traded.sessions)))
    svg = equity_svg(tenfold)
    assert 'data-unit="log"' in svg
    assert ">1,000,000,000</text>" in svg
    (left,) = map(float, re.findall(r'data-box="(\S+)', svg))
    assert left - 8 - 13 * 7.2 > 14 + 6  # thirteen letters end before the title, written upwards at 14


def test_quantstats_draws_its_own_sheet_next_to_our_numbers(quantstats_sheet):
    page = quantstats_sheet
    assert page.count('<svg role="img" aria-label="Cumulative returns"') == 1
    assert page.count('<svg role="img" aria-label="Underwater plot"') == 1
    assert "Max Drawdown -0.50% -3.92%" in page_text(page)


def test_same_run_same_bytes(traded, page):
    assert tearsheet(traded) == page


_SUBPROCESS = """
import sys, hashlib, locale
try: locale.setlocale(locale.LC_ALL, "")
except locale.Error: pass
import numpy as np
from reports.tearsheet import tearsheet
from reports.comparison import comparison
from tests.reports.handmade import business_days, make_run, trade
days = business_days("2016-01-04", 300)
returns = np.where(np.arange(300) % 3, 0.002, -0.003)
run = make_run(days, returns, (trade("2016-01-05", "2016-02-02"),), benchmark="N225", benchmark_returns=returns[::-1])
print(hashlib.sha256((tearsheet(run) + comparison([run, run])).encode()).hexdigest())
"""


@pytest.mark.slow
def test_same_bytes_whatever_the_environment():
    def digest(**environment):
        given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        done = subprocess.run(
            [sys.executable, "-c", _SUBPROCESS], env=given, capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stderr == ""
        return done.stdout

    first = digest(PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    assert first == digest(PYTHONHASHSEED="2", TZ="America/New_York", LC_ALL="C.UTF-8", MPLBACKEND="svg")


def test_no_warning_reaches_the_user_and_matplotlib_is_left_as_it_was(drawn):
    sheet, before, after, printed = drawn
    assert sheet
    assert after == before
    assert printed == ("", "")


def test_the_run_is_not_changed(traded):
    kept = traded.returns.copy(), traded.sessions.copy(), json.dumps(traded.manifest)
    tearsheet(traded)
    assert (traded.returns == kept[0]).all()
    assert (traded.sessions == kept[1]).all()
    assert json.dumps(traded.manifest) == kept[2]


def test_without_trades_nothing_is_drawn(idle):
    text = page_text(tearsheet(idle))
    assert "No trades: nothing to draw." in text
    assert "No trades: the rule selected no event that could be traded." in text
    assert "No trade: these numbers say nothing about the rule." in text
    assert "Win rate n/a no trades" in text


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 25])
@pytest.mark.parametrize("kind", ["noise", "losses", "gains", "one day", "constant"])
def test_short_and_degenerate_series_make_a_page(n, kind):
    days = business_days("2024-01-29", n)
    returns = {
        "noise": np.random.default_rng(3).normal(0, 0.01, n),
        "losses": np.linspace(-0.01, -0.001, n),
        "gains": np.linspace(0.001, 0.01, n),
        "one day": np.eye(1, n, n // 2)[0] * 0.05,
        "constant": np.full(n, -0.001),
    }[kind]
    held = (trade(str(days[0]), str(days[-1])),)
    run = make_run(days, returns, held, benchmark="TOPIX", benchmark_returns=returns)
    assert "Manifest" in page_text(tearsheet(run))


def test_a_lost_account_makes_a_page():
    days = business_days("2020-01-06", 300)
    returns = np.zeros(300)
    returns[10], returns[150] = -0.02, -1.0
    lost = trade(str(days[5]), str(days[150]), pnl=-1_000_000.0, return_=-1.0)
    text = page_text(tearsheet(make_run(days, returns, (lost,))))
    assert "Total return -100.00 %" in text
    assert "Max drawdown -100.00 %" in text
    assert "CAGR n/a the account was lost" in text


def test_a_gain_of_150_percent_without_a_loss_is_not_taken_for_prices():
    days = business_days("2020-01-06", 6)
    run = make_run(days, [0, 0, 1.5, 0, 0.2, 0], (trade(str(days[2]), str(days[4])),))
    text = page_text(tearsheet(run))
    assert "Total return 200.00 %" in text
    assert "would take these returns for prices" in page_text(quantstats_page(run))


def test_names_are_escaped(capfd):
    evil = '<script>alert("1")</script>'
    days = business_days("2020-01-06", 80)
    returns = np.where(np.arange(80) % 2, 0.01, -0.008)
    one = trade(str(days[1]), str(days[40]), event_id=evil, note=evil)
    run = make_run(
        days,
        returns,
        (one,),
        events=(event(evil, title="\u202eOTTO & <b>'القدس'</b> 🗳️ {{ 7*7 }}"),),
        skipped=(Skipped(evil, evil, evil),),
        benchmark=evil,
        benchmark_returns=-returns,
        strategy=evil,
        rule="$x_1$ {{returns}} " + evil,
        parameters={evil: evil},
    )
    page = tearsheet(run)
    assert page.count("<script") == 1
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "{{ 7*7 }}" in page
    assert {tag for tag, _ in tags(page)}.isdisjoint({"iframe", "img"})
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "benchmark"),
    [
        ("Strategy", "Strategy"),
        ("{{dd_plot}}", "_hidden"),
        ("$\\frac{1}{", "選挙🗳️"),
        ("\u202eabc", "x" * 300),
        (" ", 'a" id="figure_1'),
        ('a" id="figure_1', "$\\frac{1}{"),
    ],
)
def test_any_names_can_be_drawn(name, benchmark):
    days = business_days("2020-01-06", 80)
    returns = np.where(np.arange(80) % 2, 0.01, -0.008)
    run = make_run(
        days,
        returns,
        (trade(str(days[1]), str(days[40])),),
        benchmark=benchmark,
        benchmark_returns=returns[::-1].copy(),
        strategy=name,
    )
    for page in (tearsheet(run), quantstats_page(run)):
        ids = Counter(a["id"] for _, a in tags(page) if "id" in a)
        assert max(ids.values()) == 1
    assert 'aria-label="Cumulative returns"' in page


def test_simulated_prices_are_shouted(idle):
    run = replace(idle, manifest={**idle.manifest, "simulated": ["N225", "TOPIX"]})
    text = page_text(tearsheet(run))
    assert "SIMULATED The prices of N225, TOPIX were made by a random generator, not by a market." in text
    assert text.index("SIMULATED") < text.index("pro-growth-win")
    assert "SIMULATED" not in page_text(tearsheet(idle))


def _in(idle: Run, currencies: dict[str, str], **terms: str) -> Run:
    manifest = {**idle.manifest, "currencies": currencies, "terms": {**idle.manifest["terms"], **terms}}
    return replace(idle, manifest=manifest)


def test_currencies_are_taken_as_hedged(idle):
    assert currency_note(_in(idle, {"TOPIX": "JPY"})).startswith("All prices are in JPY.")
    both = currency_note(_in(idle, {"TOPIX": "JPY", "KOSPI": "KRW", "N225": "JPY"}, currency="USD"))
    assert both.startswith("Prices are in JPY and KRW. The account is kept in USD.")
    assert "currency-hedged: the local return is earned" in both


def test_an_unhedged_account_says_what_exchange_rates_do(idle):
    note = currency_note(_in(idle, {"TOPIX": "JPY"}, currency="USD", fx="unhedged"))
    assert "bought at its exchange rate" in note
    assert "hedged" not in note


def test_total_return_indices_are_named(idle):
    run = replace(idle, manifest={**idle.manifest, "total_return_indices": ["TOPIX"]})
    assert "TOPIX: total return; dividends are reinvested" in page_text(tearsheet(run))


def _with_closed(n):
    days = business_days("2016-01-04", 780)
    trades = tuple(
        trade(str(days[30 * i]), str(days[30 * i + 5]), return_=0.10 if i == 0 else 0.01, pnl=1_000.0) for i in range(n)
    )
    return make_run(days, np.zeros(780), trades)


def test_how_much_the_trades_can_bear_is_said_without_claims():
    sentence = {n: support(_with_closed(n)) for n in (0, 1, 4, 5, 19, 20)}
    assert sentence[0].startswith("No trade")
    assert sentence[1].startswith("1 trade: an anecdote.")
    assert sentence[4].startswith("4 trades: an anecdote.")
    assert sentence[5].startswith("5 trades: enough to describe")
    assert sentence[19].startswith("19 trades: enough to describe")
    assert sentence[20].startswith("20 trades: a sample one may begin to test")
    assert "The mean trade is 3.25 %; without the best one it is 1.00 %." in sentence[4]
    assert not any("significant" in words for words in sentence.values())


def test_legs_of_one_event_bear_no_more_than_one_event():
    run = _with_closed(20)
    legs = tuple(replace(t, event_id=f"E{i // 4}") for i, t in enumerate(run.trades))
    assert support(replace(run, trades=legs[:4])).startswith("4 trades, 1 observation: an anecdote.")
    assert support(replace(run, trades=legs)).startswith("20 trades, 5 observations: enough to describe")


def test_a_trade_that_its_bars_end_early_is_named_first():
    days = business_days("2020-01-06", 30)
    ended = trade(str(days[2]), str(days[9]), exit_reason="bars_end")
    assert f"Ended early, at the last close of its own bars: TOPIX on {days[9]}." in page_text(
        tearsheet(make_run(days, np.zeros(30), (ended,)))
    )


def test_an_open_trade_is_marked_not_closed():
    days = business_days("2020-01-06", 30)
    still = trade(str(days[20]), str(days[-1]), exit_reason="open_at_end")
    text = page_text(tearsheet(make_run(days, np.zeros(30), (still,))))
    assert "open marked 2,020.00 still held when the bars end" in text
    assert "1 trade (1 still open, at the last close)" in text
    assert "Trades 1" in text
