"""Check lists: a new instrument, provider or kind of event that is half done fails a test, with a message that says what is missing."""

import inspect
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from datasets.csv_rows import CsvRow, parse_csv, read_csv
from datasets.errors import UserError
from datasets.events import Kind, bundled_events, kinds
from datasets.markets import instruments
from datasets.markets.exchange_tables import Exchange, find_exchange, regular_hours
from datasets.markets.sessions import hours_table
from datasets.prices.sources.base import Provider
from datasets.prices.sources.providers import PROVIDERS

ROOT = Path(__file__).parents[2]
OF_FUTURES = {"multiplier", "tick", "initial_margin", "maintenance_margin"}
FILES = [Path(instruments.__file__).with_name(name) for name in ("instruments.csv", "bond_yields.csv")]
"""The tables of the bundled instruments: what is quoted as a price, and what is quoted as a yield."""
OPTIONAL = {"lot", "aliases", "launched_on", "level", "country", "base", "maturity", *OF_FUTURES}
"""Blank where any fraction can be held, where there is no other name, where the launch is not known, and below."""
NEEDED = {"index": {"country"}, "country-etf": {"country"}, "fx": {"base"}, "bond": {"maturity"}, "future": OF_FUTURES}
"""What only the instruments of a group need."""


def unfinished(row: CsvRow) -> list[str]:
    """Return what is missing of an instrument."""
    own = set(instruments.COLUMNS) - OPTIONAL | NEEDED.get(row.text("group"), set())
    missing = [
        f"{row.where}: column {c} is blank; fill it" for c in instruments.COLUMNS if c in own and not row.text(c)
    ]
    mic = row.text("mic")
    try:
        hours_table(mic)
        why = without_hours(find_exchange(mic), len(regular_hours(mic)))
    except UserError:
        why = "it has no row in datasets/markets/exchanges.csv, and its hours in hours.csv next to it"
    return [*missing, f"{row.where}: {mic} has no hours: {why} (docs/reference/hours.md)"] if why else missing


def without_hours(exchange: Exchange, rows: int) -> str:
    """Return why an exchange with so many rows in hours.csv has no hours; blank where it has some."""
    asked = exchange.library_from is not None or exchange.days_of or exchange.mic in ("FX", "24/7")
    return (
        "" if rows or asked else "it is no calendar of exchange_calendars and has no row in datasets/markets/hours.csv"
    )


def test_every_instrument_is_complete() -> None:
    rows = [row for file in FILES for row in read_csv(file).rows]
    assert [fault for row in rows for fault in unfinished(row)] == []


def test_an_instrument_of_an_exchange_without_hours_is_named() -> None:
    header = ",".join(instruments.COLUMNS)
    row = "ABC,An index,XZZZ,USD,,1,2,index,,,no,yes,,,,,,,,,"
    (faulty,) = parse_csv(f"{header}\n{row}\n".encode(), "instruments.csv").rows
    country, blank, hours = unfinished(faulty)
    assert country == "instruments.csv line 2: column country is blank; fill it"
    assert blank == "instruments.csv line 2: column notes is blank; fill it"
    assert hours.startswith(
        "instruments.csv line 2: XZZZ has no hours: it has no row in datasets/markets/exchanges.csv"
    )


def test_an_exchange_without_a_calendar_and_without_hours_is_named() -> None:
    nairobi = replace(find_exchange("XSTO"), mic="XNAI", library_from=None, library_to=None)
    assert "no row in datasets/markets/hours.csv" in without_hours(nairobi, 0)
    assert without_hours(nairobi, 1) == "" == without_hours(find_exchange("XSTO"), 0)


def test_every_event_of_the_catalogue_is_of_a_kind_of_the_table() -> None:
    assert [
        f"{e.event_id}: no line in datasets/events/kinds.py" for e in bundled_events() if e.kind not in set(Kind)
    ] == []


def unfinished_provider(name: str, provider: type[Provider], columns: Sequence[str]) -> list[str]:
    """Return what is missing of a provider."""
    values = {
        attribute: getattr(provider, attribute, "") for attribute in ("name", "title", "home", "interval_s", "licence")
    }
    missing = [f"{name}: {attribute} is missing" for attribute, value in values.items() if not value]
    if name not in columns:
        missing.append(f"{name}: instruments.csv has no column '{name}' with its symbols")
    if values["name"] and values["name"] != name:
        missing.append(f"{name}: the class calls itself {values['name']}")
    if "https://" not in values["licence"]:
        missing.append(f"{name}: licence names no address of its terms")
    return missing


def test_every_provider_is_complete_and_every_other_column_of_instruments_is_a_provider() -> None:
    columns = list(dict.fromkeys(c for file in FILES for c in read_csv(file).columns))
    assert [f for name, provider in PROVIDERS.items() for f in unfinished_provider(name, provider, columns)] == []
    assert set(columns) == {*instruments.COLUMNS, *PROVIDERS}
    documented = (ROOT / "docs" / "reference" / "price-store.md").read_text(encoding="utf-8")
    missing = [
        f"{n}: docs/reference/price-store.md has no row of it" for n in PROVIDERS if f"| `{n}` |" not in documented
    ]
    assert missing == []


def test_a_provider_that_is_half_done_is_named() -> None:
    class Half(Provider):
        name = "half"
        licence = "ask them"

        def fetch(self, instrument, *, first, last):
            raise NotImplementedError

    assert unfinished_provider("half", Half, ["symbol"]) == [
        "half: title is missing",
        "half: home is missing",
        "half: interval_s is missing",
        "half: instruments.csv has no column 'half' with its symbols",
        "half: licence names no address of its terms",
    ]


def test_a_kind_of_event_that_is_half_done_is_an_error_at_import() -> None:
    source = inspect.getsource(kinds)
    assert "MACRO_RELEASE = " in source
    for half in ('STRIKE = "strike"', 'STRIKE = "strike", Ballot.NONE'):
        with pytest.raises((TypeError, ValueError)):
            exec(source.replace("    MACRO_RELEASE = ", f"    {half}\n    MACRO_RELEASE = "), {"__name__": "half_done"})


def test_every_kind_has_its_row_in_the_documentation() -> None:
    text = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    votes = {True: "yes", False: "no"}
    rows = [f"| `{k}` | {votes[k.is_vote]} | {k.hours.start} to {k.hours.stop} |" for k in Kind]
    assert [row for row in rows if row not in text] == []
