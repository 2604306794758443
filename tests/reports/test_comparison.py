"""Claims about the comparison."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from msgspec.structs import replace

from engine.comparison.common_days import common_span
from engine.plan.decision import Skipped
from reports.comparison import comparison, comparison_data, labels
from reports.comparison_tables import event_matrix
from tests.reports.handmade import business_days, event, make_run, page_text, trade

DAYS = business_days("2016-01-04", 780)


def _run(hold, *, gain=0.002, first=100, **other):
    returns = np.zeros(780)
    returns[first : first + hold] = gain
    one = trade(str(DAYS[first]), str(DAYS[first + hold - 1]), event_id="JP-1", pnl=hold * 1_000.0, return_=hold * gain)
    given = {
        "run_id": f"{hold:02d}aaaabbbbccccdd",
        "events": (event("JP-1"),),
        "parameters": {"instrument": "TOPIX", "hold": hold, "weight": 0.95},
        **other,
    }
    return make_run(DAYS, returns, (one,), **given)


@pytest.fixture(scope="module")
def two():
    return [_run(20), _run(60)]


class _Attributes(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_a_run_compared_with_itself_differs_by_exactly_nothing():
    run = _run(20)
    data = comparison_data([run, run])
    differences = [row["difference"] for part in ("own_span", "common") for row in data[part].values()]
    assert {d for d in differences if d is not None} == {0}
    assert [row["difference"] for row in data["trades"]] == [{"pnl": 0.0, "return": 0.0}]
    assert data["differing"] == []
    assert data["differences"][0]["sentence"] == (
        "pro-growth-win 20aaaa #2 and pro-growth-win 20aaaa #1 earned the same on the one event both traded."
    )
    assert data["correlation"] == [[1.0, pytest.approx(1.0)], [pytest.approx(1.0), 1.0]]
    assert not any(any(row["best"]) for row in data["own_span"].values())
    assert data["common"]["total_return"]["values"] == data["own_span"]["total_return"]["values"]
    assert "Nothing: the manifests are the same" in page_text(comparison([run, run]))


def test_data_is_ready_for_json(two):
    text = json.dumps(comparison_data(two), allow_nan=False)
    assert json.loads(text) == comparison_data(two)


def test_numbers_of_both_runs_and_their_difference(two):
    text = page_text(comparison(two))
    assert "Total return ▽ 4.08 % ★ 12.74 % +8.66 pp" in text
    assert "Trades 1 1 0" in text
    assert "Mean trade ▽ 4.00 % ★ 12.00 % +8.00 pp" in text


def test_missing_numbers_come_with_their_reasons(two):
    row = comparison_data(two)["own_span"]["sharpe"]
    reason = "1 observation, mostly out of the market; at least 10 are needed"
    assert row["values"] == [None, None]
    assert row["notes"] == [reason, reason]
    assert row["difference"] is None
    assert f"Sharpe ratio n/a {reason} n/a {reason} n/a" in page_text(comparison(two))


def test_best_and_worst_are_marked_by_more_than_colour_and_only_where_one_is_better(two):
    page = comparison(two)
    assert re.search(r'<td class="num best"><span title="best">★</span> 12.74 %', page)
    assert re.search(r'<td class="num worst"><span class="sign" title="worst">▽</span> 4.08 %', page)
    data = comparison_data(two)["own_span"]
    assert data["exposure"]["best"] == [False, False]
    assert data["n_trades"]["best"] == [False, False]
    assert data["max_drawdown"]["best"] == data["max_drawdown"]["worst"] == [False, False]


def test_a_smaller_drawdown_is_better():
    shallow, deep = _run(20, gain=-0.001), _run(20, gain=-0.002)
    row = comparison_data([shallow, deep])["own_span"]["max_drawdown"]
    assert (row["best"], row["worst"]) == ([True, False], [False, True])


def test_the_common_span_is_the_days_both_have():
    long = _run(20)
    late = make_run(DAYS[390:], np.full(390, 0.001), (trade(str(DAYS[400]), str(DAYS[420])),))
    data = comparison_data([long, late])
    assert data["common_span"] == {"from": "2017-07-03", "to": "2018-12-28"}
    assert data["own_span"]["total_return"]["values"][0] == pytest.approx(1.002**20 - 1)
    assert data["common"]["total_return"]["values"][0] == 0.0
    assert data["common"]["n_trades"]["values"] == [0, 1]
    assert data["common"]["n_trades"]["values"] != data["own_span"]["n_trades"]["values"]


def test_runs_without_a_common_span_are_not_compared():
    early = make_run(DAYS[:100], np.full(100, 0.001))
    late = make_run(DAYS[200:], np.full(580, 0.001))
    assert common_span([early, late]) is None
    assert comparison_data([early, late])["common"] is None
    text = page_text(comparison([early, late]))
    assert "These runs share no session" in text
    assert "over their common span," not in text
    assert "Each run over its own span" in text


def test_runs_that_interleave_without_a_session_inside_have_no_common_span():
    sparse = make_run(np.array(["2016-01-04", "2016-12-30"], dtype="datetime64[D]"), [0.0, 0.0])
    inside = make_run(np.array(["2016-03-01", "2016-03-02"], dtype="datetime64[D]"), [0.0, 0.0])
    assert common_span([sparse, inside]) is None


def test_runs_of_one_name_are_distinguished(two):
    assert labels(two) == ["pro-growth-win (hold=20) 20aaaa", "pro-growth-win (hold=60) 60aaaa"]
    assert labels([two[0], two[0]]) == ["pro-growth-win 20aaaa #1", "pro-growth-win 20aaaa #2"]
    other = _run(20, strategy="fade-the-win")
    assert labels([two[0], other]) == ["pro-growth-win", "fade-the-win"]


def test_what_differs_is_listed_and_nothing_else(two):
    assert comparison_data(two)["differing"] == [{"name": "parameters.hold", "group": "parameters", "values": [20, 60]}]
    costly = _run(20, terms={**two[0].manifest["terms"], "cash_rate": 0.01}, costs={"TOPIX": {"commission_bps": 5.0}})
    names = {row["name"]: row["values"] for row in comparison_data([two[0], costly])["differing"]}
    assert names == {
        "costs.TOPIX.commission_bps": [1.0, 5.0],
        "costs.TOPIX.slippage_bps": [2.0, None],
        "terms.cash_rate": [0.0, 0.01],
    }


def test_what_differs_is_sorted_by_rule_parameters_data_account_and_program(two):
    other = _run(
        30,
        strategy="fade-the-win",
        sources={"TOPIX": "file other.csv"},
        versions={"hustings": "0.2.0"},
        terms={**two[0].manifest["terms"], "cash": 5.0},
    )
    groups = {row["name"]: row["group"] for row in comparison_data([two[0], other])["differing"]}
    assert groups == {
        "strategy": "rule",
        "parameters.hold": "parameters",
        "sources.TOPIX": "data",
        "terms.cash": "account",
        "versions.hustings": "program",
    }
    text = page_text(comparison([two[0], other]))
    headings = (
        "Rule Entry",
        "Parameters Entry",
        "Data and events Entry",
        "Account, costs and window Entry",
        "Program Entry",
    )
    assert sorted(headings, key=text.index) == list(headings)


def test_what_one_run_did_not_trade_is_reported_with_its_reason():
    trader = _run(20)
    skipper = make_run(
        DAYS, np.zeros(780), skipped=(Skipped("JP-1", "TOPIX", "bars begin 2017-01-04"),), run_id="b" * 16
    )
    stranger = make_run(DAYS, np.zeros(780), run_id="c" * 16)
    row = comparison_data([trader, skipper, stranger])["trades"][0]
    assert [c["skipped"] for c in row["runs"]] == ["", "bars begin 2017-01-04", ""]
    assert "difference" not in row
    assert "TOPIX +4.00 % +20,000 - bars begin 2017-01-04 -" in page_text(comparison([trader, skipper, stranger]))
    assert comparison_data([trader, skipper])["trades"][0]["difference"] == {"pnl": None, "return": None}


def test_events_no_run_traded_are_counted():
    skipped = (Skipped("JP-9", "", "unknown"),)
    data = comparison_data([make_run(DAYS, np.zeros(780), skipped=skipped, run_id=c * 16) for c in "ab"])
    assert (data["trades"], data["traded_by_none"]) == ([], 1)


def test_simulated_prices_are_shouted(two):
    made_up = replace(two[1], manifest={**two[1].manifest, "simulated": ["TOPIX"]})
    text = page_text(comparison([two[0], made_up]))
    assert "SIMULATED The prices of TOPIX in pro-growth-win (hold=60) 60aaaa were made by a random generator" in text
    assert "SIMULATED" not in page_text(comparison(two))


@pytest.mark.parametrize("n", [2, 3, 9])
def test_any_number_of_runs(n):
    runs = [_run(h) for h in range(10, 10 + n)]
    page = comparison(runs)
    parser = _Attributes()
    parser.feed(page)
    ids = Counter(a["id"] for _, a in parser.seen if "id" in a)
    assert max(ids.values()) == 1
    assert f"{n} runs side by side" in page
    assert page.count("<polyline") == 3 * n
    styles = re.findall(r'<polyline class="line (s\d d\d w\d) r\d"', page)
    assert len(set(styles)) == n
    assert not any((a.get(k) or "#").startswith("http") for _, a in parser.seen for k in ("src", "href"))


def test_one_run_is_no_comparison(two):
    with pytest.raises(ValueError, match="at least 2"):
        comparison(two[:1])


def test_names_are_escaped():
    evil = "<script>alert(1)</script>"
    runs = [
        make_run(
            DAYS[:80], np.zeros(80), (trade(str(DAYS[1]), str(DAYS[9]), event_id=evil),), strategy=evil, run_id=c * 16
        )
        for c in "ab"
    ]
    page = comparison(runs)
    assert page.count("<script") == 1  # our own
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_same_runs_same_bytes(two):
    assert comparison(two) == comparison(two)


def test_equity_begins_at_one(two):
    page = comparison(two)
    equities = page[page.index('id="equities"') : page.index('id="drawdowns"')]
    starts = {found.split(" ")[0] for found in re.findall(r'points="([^"]+)"', equities)}
    assert len(starts) == 1


# Whether the difference is real


def _several(earned, *, run_id="e" * 16, **other):
    """Return a run of trades of 40 sessions each, one on each event, with these returns."""
    trades = tuple(
        trade(str(DAYS[n * 60]), str(DAYS[n * 60 + 40]), event_id=f"JP-{n:02}", pnl=1e6 * r, return_=r)
        for n, r in enumerate(earned)
    )
    returns = np.zeros(780)
    for n, r in enumerate(earned):
        returns[n * 60 : n * 60 + 41] = (1 + r) ** (1 / 41) - 1 + 0.001 * np.sin(np.arange(41) + n)
    return make_run(DAYS, returns, trades, run_id=run_id, **other)


FIRST = [0.01, -0.02, 0.03, 0.00, 0.01, 0.02, -0.01, 0.04, 0.02, -0.03, 0.01, 0.02]
SECOND = [0.02, -0.01, 0.02, 0.03, 0.02, 0.05, -0.02, 0.06, 0.01, -0.01, 0.03, 0.04]


def test_few_events_say_so_in_a_plain_sentence():
    """Differences 1, 1, -1, 3, 1 pp: mean 1, standard deviation 1.41421, t(4) 2.77645: half width 1.75598."""
    data = comparison_data([_several(FIRST[:5], strategy="one"), _several(SECOND[:5], strategy="two")])
    assert data["differences"][0]["sentence"] == (
        "On the 5 events that both traded, two was better on 4, worse on 1; its mean trade differed by +1.00 pp from that"
        " of one. The 95 % interval of the difference (Student's t) is -0.76 pp to +2.76 pp and holds 0: these events do not"
        " show which is better."
    )


def test_twelve_events_are_resampled_and_the_page_says_how_and_from_which_seed():
    runs = [_several(FIRST, strategy="one"), _several(SECOND, strategy="two")]
    data = comparison_data(runs)
    kinds = [d["interval"] for d in data["differences"][0]["events"]["differences"]]
    assert kinds == ["t(N - 1)", "t(N - 1)", "resampled"]
    assert (data["method"]["seed"], data["method"]["resamples"], data["method"]["level"]) == (20260208, 1000, 0.95)
    text = page_text(comparison(runs))
    assert "1,000 times from seed 20260208" in text
    assert "resampled range" in text
    assert "confidence, resampled" not in text


def test_no_common_event_is_said():
    one, two = _several(FIRST[:3], strategy="one"), _run(20, strategy="two")
    sentence = comparison_data([one, two])["differences"][0]["sentence"]
    assert sentence == "two and one traded no event in common: which is better on the same events cannot be said."


def test_the_first_screen_is_one_table_and_a_sentence_a_pair():
    page = comparison([_run(10), _run(20), _run(30)])
    first = page_text(page[page.index("<main>") : page.index('<nav class="toc"')])
    for words in ("hold 10 20 30", "Total return", "Mean trade", "Is the difference real?"):
        assert words in first
    assert page[: page.index('<nav class="toc"')].count('<p class="support">') == 2


def test_more_than_three_runs_have_a_matrix_of_differences_on_common_events():
    rows = event_matrix([_several(FIRST, strategy="one"), _several(SECOND, strategy="two"), _run(20), _run(30)])
    assert [row[n] for n, row in enumerate(rows)] == [None] * 4
    there, back = rows[1][0], rows[0][1]
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(sum(SECOND) / 12 - sum(FIRST) / 12)
    assert (there.low, there.high) == pytest.approx((-(back.high or 0), -(back.low or 0)))
    assert rows[2][0] is None  # no event in common


def test_each_event_has_a_panel_with_a_bar_a_run():
    page = comparison([_several(FIRST, strategy="one"), _several(SECOND, strategy="two")])
    assert page.count('<div class="bar-row"') == 24
    assert page.count('class="up" style="width:50.0%"') == 1  # the largest return fills its half


def test_a_parameter_that_is_none_is_in_no_name():
    one, two = (_run(h, parameters={"hold": h, "stop": None if h == 10 else 0.1}) for h in (10, 20))
    first, second = (head["label"] for head in comparison_data([one, two])["runs"])
    assert "stop" not in first
    assert "stop=0.1" in second


def test_differences_of_nine_runs_are_each_against_the_first():
    data = comparison_data([_run(h) for h in range(10, 19)])
    assert {d["against"] for d in data["differences"]} == {"pro-growth-win (hold=10) 10aaaa"}
    assert len(data["differences"]) == 8
    assert [len(row) for row in data["correlation"]] == [9] * 9


def test_reasons_are_once_below_the_table_of_many_runs():
    text = page_text(comparison([_run(h) for h in range(10, 16)]))
    assert text.count("1 observation, mostly out of the market; at least 10 are needed") < 10


def test_a_table_of_many_runs_goes_on_below_so_that_it_fits_a_sheet_of_paper():
    page = comparison([_run(h) for h in range(10, 34)])
    columns = [row.count("<th ") for row in re.findall(r"<thead>.*?</thead>", page)]
    assert max(columns) <= 13


def test_fifty_runs_are_one_page():
    runs = [_run(h) for h in range(10, 60)]
    page = comparison(runs)
    assert page.count("<polyline") == 150
    assert "#50" in page
    assert len(page) < 3_000_000


def test_names_from_right_to_left_turn_no_sentence_round():
    runs = [_several(FIRST[:5], strategy="one"), _several(SECOND[:5], strategy="\u0627\u0646\u062a")]
    sentence = comparison_data(runs)["differences"][0]["sentence"]
    assert sentence.startswith("On the 5 events that both traded, \u2068\u0627\u0646\u062a\u2069 was better on 4")
    assert f'<p class="support">{sentence[:40]}' in comparison(runs)


# Accounts in different currencies


def _kept_in(currency, hold=20):
    return _run(hold, terms={**_run(hold).manifest["terms"], "currency": currency})


def test_amounts_in_different_currencies_have_no_best_and_no_difference():
    runs = [_kept_in("USD"), _kept_in("JPY", 60)]
    data = comparison_data(runs)
    for part in (data["common"], data["own_span"]):
        assert (part["expectancy"]["best"], part["expectancy"]["difference"]) == ([False, False], None)
        assert True in part["total_return"]["best"]
    assert data["trades"][0]["difference"]["pnl"] is None
    assert data["trades"][0]["difference"]["return"] == pytest.approx(0.08)
    text = page_text(comparison(runs))
    assert "20,000 USD" in text
    assert "60,000 JPY" in text
    assert "Amounts in different currencies are not compared" in text


def test_amounts_in_one_currency_are_compared():
    data = comparison_data([_kept_in("USD"), _kept_in("USD", 60)])
    assert data["common"]["expectancy"]["best"] == [False, True]
    assert data["common"]["expectancy"]["difference"] == pytest.approx(40_000)
    assert data["trades"][0]["difference"]["pnl"] == pytest.approx(40_000)
    assert "not compared" not in page_text(comparison([_kept_in("USD"), _kept_in("USD", 60)]))
