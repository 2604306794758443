"""A mailed event sheet: its data is read back, compared like a folder, and any change of the page is noticed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import force_setattr

from hustings.page_data import data_tag, read_page, rounded
from hustings.run_folder import read_run
from tests.reports.handmade import business_days, make_run, trade


@pytest.fixture
def mailed(cli, home):
    """Two runs in folders, and their pages alone as a.html and b.html."""
    for name, hold in (("a", "2"), ("b", "20")):
        given = ("-p", f"hold={hold}", "--benchmark", "TOPIX", "--no-variants")
        assert cli("run", "pro-growth-win", "--data", "builtin", *given, "--out", name).code == 0
        shutil.copy(f"{name}/tearsheet.html", f"{name}.html")
    return cli


def test_pages_alone_give_the_comparison_that_folders_give_byte_for_byte(mailed, monkeypatch, tmp_path):
    assert mailed("compare", "a", "b", "--out", "folders.html").code == 0
    assert mailed("compare", "a", "b.html", "--out", "mixed.html").code == 0
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "empty"))
    for name in ("a", "b"):
        shutil.rmtree(name)
    assert mailed("compare", "a.html", "b.html", "--out", "pages.html").code == 0
    folders, mixed, pages = (Path(f"{n}.html").read_bytes() for n in ("folders", "mixed", "pages"))
    assert folders == pages == mixed


def test_any_changed_byte_of_a_page_is_named(mailed):
    page = Path("a.html").read_text(encoding="utf-8")
    at = page.index('id="run-data"') + 400
    flipped = page[:at] + ("B" if page[at] == "A" else "A") + page[at + 1 :]
    for changed in (flipped, page.replace("Total return", "Total  return", 1)):
        Path("a.html").write_text(changed, encoding="utf-8")
        answer = mailed("compare", "a.html", "b.html")
        assert answer.code == 2
        assert "'a.html' was changed after it was written: its checksum differs" in answer.err


def test_a_page_without_data_or_of_another_version_is_named(mailed):
    Path("c.html").write_text("<html></html>", encoding="utf-8")
    assert "'c.html' carries no data of a run" in mailed("compare", "c.html", "b.html").err
    page = Path("a.html").read_text(encoding="utf-8")
    Path("a.html").write_text(page.replace('data-version="1"', 'data-version="9"'), encoding="utf-8")
    assert "'a.html' carries data of version 9, not 1" in mailed("compare", "a.html", "b.html").err


def test_a_page_is_read_back_as_tables(mailed):
    read = mailed("report", "a.html", "--json", "--csv", "tables").json
    kept = mailed("report", "a", "--json").json
    assert read["run_id"] == kept["run_id"]
    for name in ("trades", "not_traded", "parts", "markets", "around_events"):
        assert read["tables"][name] == kept["tables"][name]
    numbers = [{r["name"]: r["account"] for r in each["tables"]["key_numbers"]} for each in (read, kept)]
    assert numbers[0]["total_return"] == pytest.approx(numbers[1]["total_return"], abs=1e-6)
    assert Path("tables/trades.csv").is_file()
    answer = mailed("report", "a.html")
    assert answer.code == 2
    assert "'a.html' is a page: add --json, --csv DIR, --quantstats FILE or --out FILE" in answer.err


def test_what_a_page_carries_is_the_run_rounded(mailed):
    run, page = read_run(Path("a")), read_page(Path("a.html"))
    for found in (rounded(run), page, rounded(page)):
        assert found.equity == pytest.approx(run.equity, abs=0.1)
        assert found.benchmark_returns == pytest.approx(run.benchmark_returns, abs=1e-5)
    assert (rounded(run).returns == page.returns).all()
    assert ((run.returns == 0) == (page.returns == 0)).all()
    assert json.dumps(page.manifest, sort_keys=True) == json.dumps(run.manifest, sort_keys=True)


def test_twenty_years_in_the_market_with_benchmark_are_at_most_60_kib():
    days, rng = business_days("2006-01-02", 5_040), np.random.default_rng(1)
    trades = tuple(trade(str(days[n * 250]), str(days[n * 250 + 249])) for n in range(20))
    run = make_run(
        days, rng.normal(0, 0.01, 5_040), trades, benchmark="N225", benchmark_returns=rng.normal(0, 0.01, 5_040)
    )
    force_setattr(run, "exposure", rng.normal(0.95, 0.01, 5_040))
    assert len(data_tag(run)) <= 60 * 1024
