"""Claims about the gallery."""

import re
from collections import Counter
from typing import Any

import numpy as np

from reports.gallery import GalleryCard, gallery, sketch
from tests.reports.handmade import page_text


def card(n: int = 0, **other: Any) -> GalleryCard:
    given: dict[str, Any] = {
        "run_id": f"{n:016x}",
        "at": f"2026-11-{n % 28 + 1:02d}T10:30:15.123456+00:00",
        "strategy": "pro-growth-win",
        "parameters": {"instrument": "TOPIX", "hold": 20, "stop_loss": None},
        "simulated": False,
        "first_session": "2016-01-04",
        "last_session": "2018-12-28",
        "n_trades": 5,
        "total_return": 0.0408,
        "max_drawdown": -0.0269,
        "equity": np.array([100.0, 110.0, 90.0, 104.08]),
        "link": f"{n:016x}/tearsheet.html",
    }
    return GalleryCard(**{**given, **other})


def test_a_run_is_reported_by_rule_parameters_numbers_span_and_day():
    text = page_text(gallery([card()]))
    assert "1 run Newest first" in text
    assert "pro-growth-win 000000 instrument=TOPIX, hold=20 Total return 4.08 % Max drawdown -2.69 % Trades 5" in text
    assert "2016-01-04 to 2018-12-28 run 2026-11-01 10:30Z" in text


def test_each_run_links_to_its_sheet_by_a_relative_address():
    page = gallery([card(n) for n in range(3)])
    links = re.findall(r'<a href="([^"]+)"', page)
    assert links == [f"{n:016x}/tearsheet.html" for n in range(3)]


def test_a_run_without_a_sheet_has_no_link_and_says_why():
    page = gallery([card(link="", missing="its folder has gone", equity=None)])
    assert "<a href" not in page
    assert "<polyline" not in page
    assert "No tear sheet: its folder has gone" in page_text(page)


def test_numbers_that_cannot_be_had_are_not_available_and_sorted_last():
    page = gallery([card(total_return=None, n_trades=None, max_drawdown=None)])
    assert "Total return n/a Max drawdown n/a Trades n/a" in page_text(page)
    assert 'data-trades="" data-return="" data-drawdown=""' in page


def test_simulated_runs_are_marked_and_counted():
    text = page_text(gallery([card(), card(1, simulated=True)]))
    assert "1 of them used simulated prices" in text
    assert "pro-growth-win 000000 SIMULATED instrument" in text
    assert "SIMULATED" not in page_text(gallery([card()]))


def test_a_sketch_goes_through_the_extremes_and_begins_on_the_dotted_line():
    """Equity 100 to 200 and back to 50: highest at 2, lowest at 38, the start at 2 + 36 x 2/3."""
    drawn = sketch(np.array([100.0, 200.0, 50.0]))
    assert drawn == '<path class="start" d="M0 26h132"/><polyline points="1,26 66,2 131,38"/>'


def test_a_sketch_of_many_days_has_few_points_and_both_extremes():
    equity = np.full(5_000, 100.0)
    equity[1_234], equity[4_321] = 300.0, 20.0
    points = re.findall(r"([\d.]+),([\d.]+)", sketch(equity))
    assert len(points) <= 50
    assert {"2", "38"} <= {y for _, y in points}


def test_a_flat_account_is_a_line_in_the_middle():
    assert sketch(np.full(3, 7.0)) == '<path class="start" d="M0 20h132"/><polyline points="1,20 66,20 131,20"/>'
    assert sketch(np.zeros(0)) == ""


def test_a_run_holds_what_a_comparison_is_drawn_from():
    page = gallery([card(markets=("TOPIX", "USDJPY")), card(1, equity=None)])
    assert 'data-markets="TOPIX USDJPY" data-low="0.9" data-high="1.1"' in page
    assert 'data-markets="" data-low="1" data-high="1"' in page


def test_no_runs_are_said():
    assert "There are no runs yet" in page_text(gallery([]))


def test_names_are_escaped():
    evil = '"><script>alert(1)</script>'
    page = gallery([card(strategy=evil, parameters={evil: evil}, link="", missing=evil)])
    assert page.count("<script") == 1  # our own
    assert "&lt;script&gt;alert" in page


def test_a_thousand_runs_are_one_page_of_a_megabyte_and_a_half():
    page = gallery([card(n, equity=100 + np.cumsum(np.sin(np.arange(2_500) * n))) for n in range(1_000)])
    assert page.count("<li ") == 1_000
    assert len(page.encode()) < 1_600_000
    assert max(Counter(re.findall(r' id="([^"]+)"', page)).values(), default=1) == 1


def test_same_runs_same_bytes():
    assert gallery([card(), card(1)]) == gallery([card(), card(1)])
