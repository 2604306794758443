"""Corporate actions and return policies as a user meets them; prices are made up."""

from pathlib import Path

import pytest

from tests.hustings.conftest import Cli

HEADER = "date,open,high,low,close,volume\n"
EVENTS = "event_id,country,kind,title,known_at\nE,JP,general_election,A vote,2024-07-07T12:00:00Z\n"


def _prices(start: float, fall: float) -> str:
    """Return eight sessions of July 2024 at one price, lower by ``fall`` from the 10th on."""
    level = [start - (fall if d >= 10 else 0) for d in (3, 4, 5, 8, 9, 10, 11, 12)]
    rows = zip((3, 4, 5, 8, 9, 10, 11, 12), level, strict=True)
    return HEADER + "".join(f"2024-07-{d:02},{p - 1},{p + 1},{p - 2},{p},10\n" for d, p in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "T1306.csv").write_text(_prices(2_000.0, 40.0), encoding="utf-8")
    (folder / "TOPIX.csv").write_text(_prices(2_800.0, 0.0), encoding="utf-8")
    (folder / "DAX.csv").write_text(_prices(18_000.0, 0.0), encoding="utf-8")
    (folder / "actions.csv").write_text(
        "symbol,ex_date,kind,value,source\n1306,2024-07-10,dividend,40,made up\n", encoding="utf-8"
    )
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")
    return folder


def _run(*more: str, market: str = "T1306", folder: Path) -> tuple[str, ...]:
    held = ("-p", f"instrument={market}", "-p", "hold=4", "-p", "country=none", "-p", "weight=1")
    events = ("--only-events", "--events", str(folder.parent / "events.csv"), "--data", str(folder))
    return ("run", "buy-after-event", *held, *events, "--slippage-bps", "0", "--commission-bps", "0", *more)


def test_dividend_of_july_is_lost_to_the_price_series_and_kept_in_the_total(cli: Cli, home: Path, data: Path):
    """Bought on 8 July at 1999 and sold on 12 July at 1959; the dividend of 40 is reinvested at 1960."""
    price = cli(*_run("--json", folder=data)).json
    assert price["trades"][0]["return"] == pytest.approx(1959 / 1999 - 1, abs=1e-3)
    total = cli(*_run("--adjust", "total", "--json", folder=data)).json
    assert total["trades"][0]["return"] == pytest.approx(1959 / (1999 * 1960 / 2000) - 1, abs=1e-3)
    assert total["sources"]["T1306"].startswith("file T1306.csv, dividends reinvested; ")
    assert price["run_id"] != total["run_id"]
    assert price["warnings"] == total["warnings"] == []


def test_total_and_price_return_in_one_run_are_named_wherever_it_is_shown(cli: Cli, home: Path, data: Path):
    mixed = "total return (dividends inside): DAX; price return: T1306: compare with care"
    answer = cli(*_run("--benchmark", "DAX", "--out", "out", folder=data))
    assert f"WARNING {mixed}" in answer.out
    assert mixed in Path("out/manifest.json").read_text(encoding="utf-8")
    assert mixed in Path("out/tearsheet.html").read_text(encoding="utf-8")
    assert cli(*_run("--benchmark", "DAX", "--json", folder=data)).json["warnings"] == [mixed]
    alike = cli(*_run("--benchmark", "DAX", "--adjust", "total", "--json", folder=data)).json
    assert alike["warnings"] == []
    assert cli(*_run("--benchmark", "TOPIX", "--json", folder=data)).json["warnings"] == []


def test_what_cannot_be_adjusted_is_refused_in_one_line(cli: Cli, home: Path, data: Path):
    answer = cli(*_run("--adjust", "total", market="TOPIX", folder=data))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "hustings: TOPIX has no dividend from 2024-07-03 to 2024-07-12 in actions.csv: no total-return series can be "
        "made of it; give its dividends, or leave out --adjust total\n"
    )
    answer = cli(*_run("--adjust", "price", market="DAX", folder=data))
    assert answer.code == 2
    assert answer.err.startswith("hustings: DAX is a total-return series: no price-return series can be made of it;")


def test_action_of_an_unknown_instrument_is_refused(cli: Cli, home: Path, data: Path):
    (data / "actions.csv").write_text(
        "symbol,ex_date,kind,value,source\nT1360,2024-07-10,dividend,40,made up\n", encoding="utf-8"
    )
    answer = cli(*_run(folder=data))
    assert answer.code == 2
    assert "unknown instrument 'T1360' (did you mean 'T1306'?)" in answer.err
