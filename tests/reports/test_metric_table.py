"""A metric of the table is shown wherever metrics are, and its convention is written down."""

import re
from pathlib import Path

import pytest

from engine.metrics.performance import BENCHMARK_METRICS, MORE_TRADE_METRICS, PERFORMANCE_METRICS
from engine.metrics.table import METRICS
from engine.sweep.chunk import COLUMNS
from engine.sweep.digest import RANKING
from reports.comparison import comparison, comparison_data
from reports.tables import tables
from reports.tearsheet import tearsheet
from tests.reports.handmade import page_text

TABLES = (*METRICS, *MORE_TRADE_METRICS, *PERFORMANCE_METRICS, *BENCHMARK_METRICS)
ROOT = Path(__file__).parents[2]


def test_no_name_and_no_label_names_two_metrics():
    assert len({m.name for m in TABLES}) == len({m.label for m in TABLES}) == len(TABLES)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_headline_metric_appears_everywhere(traded, metric):
    label = metric.label
    assert metric.name in traded.metrics
    assert label in page_text(tearsheet(traded))
    assert label in page_text(comparison([traded, traded]))
    assert metric.name in comparison_data([traded, traded])["own_span"]
    assert metric.name in {row["name"] for row in tables(traded)["account_view"]}
    assert metric.name in COLUMNS
    assert (metric.name in RANKING) == bool(metric.better)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_headline_metric_has_a_convention(metric):
    rows = (ROOT / "CONVENTIONS.md").read_text(encoding="utf-8").casefold().splitlines()
    named = [re.split(r", | and ", row.split(" | ")[0].removeprefix("| ")) for row in rows if row.startswith("| ")]
    assert any(metric.label.casefold() in names for names in named), (
        f"CONVENTIONS.md: a row that begins with {metric.label}"
    )


def test_every_metric_of_the_other_tables_is_on_the_page(traded):
    text = page_text(tearsheet(traded))
    assert [m.label for m in TABLES if m.label not in text] == []
