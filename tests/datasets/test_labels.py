"""Columns under another's label are distinguished from single prices that are wrong."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.markets.instruments import bundled_instruments
from datasets.prices.checks.case import Case
from datasets.prices.quality import QualityReport, Severity, examine
from datasets.prices.sources.files import read_table
from datasets.prices.table import PriceTable
from tests.datasets.tables import walk

KNOWN = bundled_instruments()


def with_close_times(table: PriceTable, rows: list[int], by: float) -> PriceTable:
    close = table.close.copy()
    close[rows] *= by
    return replace(table, close=close)


def found(report: QualityReport, *rules: str) -> list[tuple[str, str | None]]:
    return [(f.rule, f.session) for f in report.findings if f.rule in rules]


def test_one_wrong_close_is_refused_at_its_own_row() -> None:
    report = examine(Case(with_close_times(walk(300), [100], 1.6), KNOWN.find("TOPIX")))
    assert found(report, "rotated-columns", "outside-range") == [("outside-range", "2001-05-21")]


def test_one_wrong_close_without_highs_and_lows_is_named_at_its_own_row() -> None:
    table = with_close_times(walk(300), [100], 1.5)
    nothing = np.full(300, np.nan)
    report = examine(Case(replace(table, high=nothing, low=nothing), KNOWN.find("TOPIX")))
    assert found(report, "rotated-columns", "outlier") == [("outlier", "2001-05-21")]


def test_three_wrong_closes_in_a_month_are_no_exchanged_labels() -> None:
    report = examine(Case(with_close_times(walk(300), [100, 106, 113], 1.6), KNOWN.find("TOPIX")))
    assert [rule for rule, _ in found(report, "rotated-columns", "outside-range")] == ["outside-range"] * 3


def test_exchanged_opens_and_closes_are_found_though_one_price_is_wrong_too() -> None:
    table = walk(300)
    table = replace(table, open=np.where(np.isnan(table.open), table.close * 1.001, table.open))
    turned = replace(table, open=table.close, close=table.open)
    refused = examine(Case(with_close_times(turned, [150], 1.6), KNOWN.find("TOPIX"))).refused_by(())
    assert refused[0].rule == "rotated-columns"
    assert "close holds the open, open holds the close" in refused[0].message


def test_a_row_without_an_open_keeps_its_close_where_labels_are_exchanged() -> None:
    table = walk(300)
    turned = replace(table, open=table.close, close=np.where(np.isnan(table.open), table.close, table.open))
    one_empty = replace(turned, open=np.where(np.arange(300) == 150, np.nan, turned.open))
    report = examine(Case(one_empty, KNOWN.find("TOPIX")))
    assert report.refused_by(())[0].rule == "rotated-columns"
    assert "missing-close" not in [f.rule for f in report.findings]


@pytest.mark.parametrize("symbol", ["TOPIX", "SPX", "N225", "HSI", "DAX"])
@pytest.mark.parametrize("by", [1.6, 5.8])
def test_one_wrong_close_of_a_real_series_never_blames_the_labels(market_dir: Path, symbol: str, by: float) -> None:
    table = read_table(market_dir / f"{symbol}.csv")
    row = int(np.searchsorted(table.session, np.datetime64("2020-01-07")))
    report = examine(Case(with_close_times(table, [row], by), KNOWN.find(symbol)))
    assert "rotated-columns" not in [f.rule for f in report.findings]
    assert "2020-01-07" in [f.session for f in report.findings if f.severity is Severity.REFUSAL]
