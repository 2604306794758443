"""Claims about the charts."""

import re
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pytest

from reports.line_chart import Chart, Line, Mark, chart_svg, date_ticks, thinned
from reports.svg import round_steps
from tests.reports.handmade import business_days


def _chart(values, **other):
    days = business_days("2020-01-06", len(values))
    lines = [Line("account", days, np.array(values, dtype=float), "s0")]
    return chart_svg(Chart("one", 'A "title" <b>', "words", lines, lambda v: f"{v:g}", **other))


def test_chart_is_well_formed_and_says_what_it_shows():
    root = ElementTree.fromstring(_chart([1.0, 2.0, 1.5]))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "one-title one-desc"
    assert [root[0].text, root[1].text] == ['A "title" <b>', "words"]


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0, 0.0], [1e300, 1e300], [-1.0, -1.0], [1.0, np.nan, 2.0]])
def test_flat_single_and_broken_lines_can_be_drawn(values):
    drawn = _chart(values)
    ElementTree.fromstring(drawn)
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_thinning_keeps_extremes_and_ends():
    values = np.zeros(100_000)
    values[12_345], values[54_321] = -9.0, 7.0
    days, kept = thinned(np.arange(100_000.0), values)
    assert len(kept) <= 402
    assert (days[0], days[-1], kept.min(), kept.max()) == (0.0, 99_999.0, -9.0, 7.0)


def test_the_highest_value_is_drawn_highest():
    points = re.search(r'points="([^"]+)"', _chart([1.0, 3.0, 2.0]))
    assert points is not None
    heights = [float(p.split(",")[1]) for p in points[1].split()]
    assert heights.index(min(heights)) == 1


def test_marks_carry_their_words_escaped():
    drawn = _chart([1.0, 2.0], marks=[Mark(date(2020, 1, 6), 1.0, "up", "bought <TOPIX>")])
    assert "<title>bought &lt;TOPIX&gt;</title>" in drawn


def test_steps_are_round():
    assert round_steps(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert round_steps(-0.27, 0.0) == [-0.25, -0.2, -0.15, -0.1, -0.05, 0.0]
    assert round_steps(1.0, 1.0) == []


def test_date_labels_fit_the_span():
    assert [t for _, t in date_ticks(date(2000, 1, 4), date(2026, 10, 30), most=11)] == [
        str(y) for y in range(2001, 2026, 3)
    ]
    assert [t for _, t in date_ticks(date(2026, 1, 5), date(2026, 6, 5), most=11)] == [
        f"2026-0{m}" for m in range(2, 6)
    ] + ["2026-06"]
    assert date_ticks(date(2026, 2, 9), date(2026, 2, 10), most=11)[0] == (date(2026, 2, 9), "2026-02-09")


def test_lines_that_share_a_chart_are_read_off_at_the_same_dates_exactly():
    days = business_days("2000-01-03", 5_000)
    rng = np.random.default_rng(1)
    values = [rng.normal(size=5_000).cumsum() for _ in range(2)]
    lines = [Line(name, days, v, "s0") for name, v in zip("ab", values, strict=True)]
    drawn = chart_svg(Chart("one", "title", "words", lines, lambda v: f"{v:g}"))
    shown = [np.cumsum(np.array(x.split(), dtype=int)) for x in re.findall(r'data-x="([^"]+)"', drawn)]
    read = [np.array(v.split(), dtype=float) for v in re.findall(r'data-v="([^"]+)"', drawn)]
    assert shown[0].tolist() == shown[1].tolist()
    assert len(shown[0]) <= 404
    rows = np.searchsorted(days.astype(int), shown[0])
    for found, whole in zip(read, values, strict=True):
        assert found == pytest.approx(whole[rows], rel=1e-5)
        assert found.min() == pytest.approx(whole.min(), rel=1e-5)


def test_a_line_with_a_gap_is_drawn_in_two_pieces():
    drawn = _chart([1.0, 2.0, np.nan, 4.0, 5.0])
    assert drawn.count("<polyline") == 2
    assert re.findall(r'data-v="([^"]+)"', drawn) == ["1 2", "4 5"]
