"""quantstats' sheet: every figure and table of its report has its counterpart, and every number that differs a reason."""

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import quantstats

from reports.quantstats_page import ROWS, metric_rows, quantstats_page
from reports.quantstats_sheet import PLACES, quantstats_metrics
from tests.reports.handmade import business_days, make_run, page_text, trade
from tests.reports.pages import real_runs

ROOT = Path(__file__).parents[2]
TEMPLATE = (Path(quantstats.__file__).parent / "report.html").read_text(encoding="utf-8")
ONLY_WITH_BENCHMARK = {"vol_returns", "rolling_beta"}
TABLES = {"metrics": "metrics", "eoy_table": "eoy", "dd_info": "ddinfo"}
NO_FIGURE = {"title", "date_range", "matched_dates", "params", "v", "eoy_title", *TABLES}


@pytest.fixture(scope="module")
def sheets(traded, tmp_path_factory):
    """Return two runs, one on real bars and one without a benchmark, each with its page."""
    _, real = real_runs(tmp_path_factory.mktemp("runs"))
    alone = make_run(traded.sessions, traded.returns, traded.trades)
    return [(run, quantstats_page(run, tear_sheet="tearsheet.html")) for run in (real, alone)]


def test_every_figure_and_table_of_quantstats_report_has_its_counterpart(sheets):
    asked = set(re.findall(r"\{\{(\w+)\}\}", TEMPLATE))
    assert asked - NO_FIGURE == set(PLACES)
    for run, page in sheets:
        left_out = ONLY_WITH_BENCHMARK if run.benchmark_returns is None else set()
        assert re.findall(r'<figure id="(\w+)"', page) == [name for name in PLACES if name not in left_out]
        assert page.count("<svg") == len(PLACES) - len(left_out) - 1  # months are a table
        assert all(f'<table id="{ident}"' in page for ident in TABLES.values())


def test_every_row_of_its_metrics_is_there_in_its_order_and_what_differs_has_its_reason(sheets):
    for run, page in sheets:
        theirs = quantstats_metrics(run)
        assert len(theirs) > 60
        rows = [row for row in metric_rows(run, theirs) if row.label]
        assert [r.label for r in rows if r.theirs] == [name.removesuffix("\ufe6a") for name in theirs]
        assert not [r.label for r in rows if r.why == "computed otherwise"]
        assert page.count("<sup>") == sum(bool(r.why) for r in rows) > 5


def test_a_mark_says_what_quantstats_has(sheets):
    _, page = sheets[1]
    text = page_text(page)
    assert "Time in Market 1" in text
    assert "1 Time in Market 6.0% sessions on which a position was held; quantstats counts days" in text


def test_a_sheet_asks_for_nothing_and_has_each_id_once(sheets):
    for _, page in sheets:
        assert not re.findall(r'(?:src|href)="(?!#|data:|tearsheet)', page)
        assert "<script" not in page
        assert "@import" not in page
        assert max(Counter(re.findall(r'\bid="([^"]+)"', page)).values()) == 1


def test_same_run_same_sheet(sheets):
    run, page = sheets[1]
    assert quantstats_page(run, tear_sheet="tearsheet.html") == page


def test_every_reason_is_in_the_documentation():
    docs = (ROOT / "docs" / "reference" / "quantstats.md").read_text(encoding="utf-8")
    with ROWS.open(encoding="utf-8", newline="") as file:
        reasons = {row["reason"] for row in csv.DictReader(file)} - {""}
    assert reasons
    assert not [reason for reason in reasons if reason not in docs]


WHOLE = ("2000-01-03", "2040-01-02")
WEEK = business_days("2024-01-01", 4)


@pytest.mark.parametrize(
    ("days", "returns", "row", "right"),
    [
        (
            np.array(["2023-01-02", "2023-07-03", "2024-01-02"], dtype="datetime64[D]"),
            [0.0, 1.0, 0.0],
            "CAGR",
            "100.00%",
        ),
        (WEEK, [-0.10, -0.10, -0.10, 0.01], "Max Drawdown", "-27.10%"),
        (WEEK, [-0.10, -0.10, -0.10, 0.01], "Max DD Period End", "not yet"),
        (WEEK, [0.10, -0.50, 1.00, 0.01], "Max DD Period End", "2024-01-03"),
        (WEEK, [-0.1, -0.1, 0.05, 0.0], "Recovery Factor", "-0.79"),
        (WEEK, [0.1, -0.1, 0.0, 0.0], "Ulcer Index", "0.09"),  # the root of 3 times 0.01 over 4
        (business_days("2024-01-01", 30), [0.001] * 30, "Daily Value-at-Risk", "0.10%"),
        (business_days("2024-01-01", 100), [0.0] * 90 + [0.02] * 5 + [-0.01] * 5, "Profit Ratio", "2.00"),
        (business_days("2024-01-01", 100), [0.0] * 90 + [0.02] * 5 + [-0.01] * 5, "Outlier Win Ratio", "1.00"),
        (WEEK, [0, 1.5, 0, 0.2], "Cumulative Return", "200.00%"),
    ],
)
def test_the_traps_of_quantstats_are_not_in_its_sheet(days, returns, row, right):
    run = make_run(days, returns, (trade(*WHOLE),))
    assert {r.label: r.ours for r in metric_rows(run, {})}[row] == (right,)
