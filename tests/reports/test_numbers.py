"""Claims about how numbers, instants and parameters read."""

import math

import pytest

from reports import numbers

WRITERS = [
    numbers.percent,
    numbers.bare_percent,
    numbers.signed_percent,
    numbers.points,
    numbers.ratio,
    numbers.signed,
    numbers.count,
    numbers.money,
    numbers.signed_money,
    numbers.price,
]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_reads_not_available(write, value):
    assert write(value) == "n/a"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("value", [0.0, -0.0, -1e-12, 1e-12])
def test_zero_has_no_sign(write, value):
    text = write(value)
    assert "-" not in text
    assert "+" not in text
    assert text.startswith("0")


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100.00 %"), (-0.271, "-27.10 %"), (0.001, "0.10 %"), (-0.00004, "0.00 %"), (12.5, "1,250.00 %")],
)
def test_percent(fraction, text):
    assert numbers.percent(fraction) == text


def test_huge_numbers_stay_short():
    assert len(numbers.percent(1e24)) < 15
    assert len(numbers.money(1e300)) < 15


def test_prices_keep_the_decimals_that_matter():
    assert [numbers.price(p) for p in (38123.456, 157.235, 1.08345, 0.0006789)] == [
        "38,123.46",
        "157.24",
        "1.0835",
        "0.000679",
    ]


def test_instants_are_utc_to_the_minute():
    assert numbers.instant(1770595200000000000) == "2026-02-09 00:00Z"
    assert numbers.instant_text("2026-02-08T11:00:00Z") == "2026-02-08 11:00Z"
    assert numbers.instant_text("2026-02-08T11:00:07.5Z") == "2026-02-08 11:00:07Z"
    assert numbers.instant_text("") == "unknown"


def test_parameters_read_as_typed():
    assert [numbers.plain(v) for v in (20, 0.95, None, False, "JP", "", 1_000_000.0, {"b": 1, "a": [2]})] == [
        "20",
        "0.95",
        "none",
        "no",
        "JP",
        "(empty)",
        "1,000,000",
        '{"a": [2], "b": 1}',
    ]
