"""The examples run from the command line, meet what was published, and say what it supports.

The presidential puzzle uses real returns that come with a package; Japan's published count needs the private
Nikkei, and its tests skip without it.
"""

import csv
import json
import runpy
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import calendar_sessions
from datasets.prices.bars import Source, make_bars
from engine.strategy.market import Market
from examples import japan_elections as japan
from examples import presidential_puzzle as puzzle
from examples.japan_elections import Since
from hustings.inputs import instruments_of, source_of
from reports.numbers import p_text

ROOT = Path(__file__).resolve().parents[1]


def evidence_of(found, elections, since=Since.BEFORE):
    """Return what a set of elections supports, by its years and where it is counted from."""
    return next(w for w in found.evidence if (w.elections, w.since) == (elections, str(since)))


def flat(text):
    """Return text without its line breaks, since paragraphs are wrapped."""
    return " ".join(text.split())


# ---- both ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["japan_elections", "presidential_puzzle"])
def test_it_runs_on_a_fresh_machine(name, tmp_path):
    script = ROOT / "examples" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, script, "--json"],
        cwd=tmp_path,
        env={"HUSTINGS_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["conclusion"]


@pytest.mark.parametrize("example", [japan, puzzle])
def test_bad_input_is_one_line_and_exit_2(example, tmp_path, capsys):
    for given in (["--data", str(tmp_path / "nothing")], ["--dta"]):
        assert example.main(given) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert len(shown.err.splitlines()) == 1
        assert shown.err.startswith(example.__name__.removeprefix("examples.") + ": ")


def documented(first, n_cells):
    """Return the row of docs/examples.md that begins with these cells, without its bold marks."""
    lines = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8").replace("**", "").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return next(r for r in rows if r[: len(first)] == list(first) and len(r) == n_cells)


def test_the_script_of_a_user_runs(home, capsys):
    runpy.run_path(str(ROOT / "examples" / "in_python.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert "landslide: 5 trades" in shown
    assert "This is not evidence of an effect:" in flat(shown)


# ---- Japan: the elections ------------------------------------------------------------------------------------------------


def test_elections_are_those_of_the_private_file(shared_dir):
    with (shared_dir / "events" / "japan_dissolutions.csv").open(encoding="utf-8") as f:
        theirs = [(r["dissolved"], r["voted"]) for r in csv.DictReader(f)]
    ours = [(str(e.dissolved), str(e.voted)) for e in japan.elections(bundled_events()) if e.voted.year >= 1969]
    assert len(theirs) == 19
    assert ours == theirs


def test_nineteen_elections_since_1969_and_seven_before():
    found = japan.elections(bundled_events())
    assert [e.voted.year for e in found[:8]] == [1952, 1953, 1955, 1958, 1960, 1963, 1967, 1969]
    assert len(found) == 26
    assert 1976 not in [e.voted.year for e in found]  # the house served its full term


def test_a_dissolution_is_the_act_and_not_its_announcement():
    by_vote = {e.voted: e.dissolved for e in japan.elections(bundled_events())}
    assert by_vote[date(2012, 12, 16)] == date(2012, 11, 16)  # offered on the 14th
    assert by_vote[date(2017, 10, 22)] == date(2017, 9, 28)  # announced on the 25th


# ---- Japan: bars made by hand --------------------------------------------------------------------------------------------


def bars_of(close, first=date(2020, 1, 6), last=date(2022, 12, 30)):
    """Return daily bars of the Nikkei with the closes that a function gives for each session's number."""
    sessions = calendar_sessions("XTKS", first, last)
    values = np.array([close(n) for n in range(len(sessions))], dtype=float)
    return make_bars(
        bundled_instruments().find("N225"),
        Source("made", "made by hand"),
        session=sessions,
        open_=values,
        high=values,
        low=values,
        close=values,
        volume=values,
        where=str,
    )


def test_a_rally_goes_from_the_close_before_the_dissolution_to_the_last_before_the_vote():
    bars = bars_of(lambda n: 1000 + n)  # dissolved on Thursday 14, voted on Sunday 31 October 2021
    found = japan.found_in(bars, japan.elections(bundled_events()))
    a, b = (found.rallies[since][0] for since in Since)
    assert (a.began, a.ended, a.sessions, a.points) == (date(2021, 10, 13), date(2021, 10, 29), 12, 12.0)
    assert (b.began, b.ended, b.sessions, b.points) == (date(2021, 10, 14), date(2021, 10, 29), 11, 11.0)
    assert a.announced is True  # on the 4th
    assert len(found.rallies[Since.BEFORE]) == 1


def test_a_rise_where_everything_rises_is_no_evidence():
    found = japan.found_in(bars_of(lambda n: 1000 + n), japan.elections(bundled_events()))
    evidence = found.evidence[0]
    assert (evidence.rises, evidence.n, evidence.expected) == (1, 1, 1.0)
    assert evidence.base_rates.p is None
    assert evidence.base_rates.reason == "a base rate is not between 0 and 1, exclusive"
    assert evidence.shifted_rises.p == 1.0
    assert evidence.shifted_t.reason == "1 observation: a studentized statistic needs at least 2"
    assert "cannot be judged" in " ".join(found.conclusion)


def test_the_base_rate_leaves_out_windows_that_touch_a_rally():
    # Up by one each session but for the rally, which climbs by 100 a session and falls back at once after the vote: of
    # the windows of 12 sessions away from it those alone fall that hold the fall, the first session after it.
    bars = bars_of(lambda n: 1000 + n + (100 * (n - 432) if 432 < n <= 444 else 0))
    entry = int(np.searchsorted(bars.session, np.datetime64("2021-10-14"))) - 1
    assert entry == 432
    rally = japan.found_in(bars, japan.elections(bundled_events())).rallies[Since.BEFORE][0]
    # 731 bars: 719 windows of 12. Those entered at 421 to 443 earn a session of the rally; that entered at 444 falls.
    assert len(bars) == 731
    assert rally.base_rate == pytest.approx((719 - 23 - 1) / (719 - 23))


def test_bars_without_an_election_say_so():
    with pytest.raises(UserError, match="no election lies within"):
        japan.found_in(
            bars_of(lambda n: 100 + n, date(2018, 1, 4), date(2020, 12, 30)), japan.elections(bundled_events())
        )


# ---- Japan: simulated bars -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    """What the example finds in the bars that come with hustings."""
    bars = Market(source_of(Path("builtin")), instruments_of(Path("builtin"))).bars("N225")
    return japan.found_in(bars, japan.elections(bundled_events()))


def test_simulated_bars_are_marked_on_every_part(simulated, capsys):
    japan.show(simulated)
    shown = capsys.readouterr().out
    parts = ("Japan: the Nikkei", "The elections", "Statistical power", "What it supports", "Concentration")
    assert [f"SIMULATED {p}" in shown for p in parts] == [True] * 5
    assert "The bars are SIMULATED" in shown
    assert japan.as_json(simulated)["simulated"] is True


def test_simulated_elections_show_nothing(simulated):
    assert [r.voted.year for r in simulated.rallies[Since.BEFORE]][:2] == [2000, 2003]
    assert len(simulated.rallies[Since.BEFORE]) == 10
    assert min(w.base_rates.p for w in simulated.evidence) > 0.05  # no rally before a vote was put in
    assert "not distinguishable from placebo dates" in " ".join(simulated.conclusion)


# ---- Japan: the real Nikkei ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(market_dir):
    """What the example finds in the private bars."""
    bars = Market(source_of(market_dir), instruments_of(market_dir)).bars("N225")
    return japan.found_in(bars, japan.elections(bundled_events()))


def test_seventeen_of_seventeen_as_published(real):
    counted = evidence_of(real, "1969 to 2021")
    assert (counted.rises, counted.n) == (17, 17)


def test_sixteen_of_seventeen_from_the_close_of_the_day(real):
    counted = evidence_of(real, "1969 to 2021", Since.ON)
    assert (counted.rises, counted.n) == (16, 17)
    fell = [r for r in real.rallies[Since.ON] if 1969 <= r.voted.year <= 2021 and r.return_ <= 0]
    assert [(r.voted.year, round(100 * r.return_, 2)) for r in fell] == [(2003, -1.46)]


def test_the_largest_rallies_and_2024_as_published(real):
    by_year = {r.voted.year: r for r in real.rallies[Since.BEFORE] if r.voted.year >= 1969}
    largest = sorted(by_year.values(), key=lambda r: -r.return_)
    assert [(r.voted.year, round(100 * r.return_, 1)) for r in largest[:2]] == [(2009, 12.1), (2012, 10.3)]
    assert by_year[2024].points == pytest.approx(-1023.62, abs=0.005)


def test_the_count_begins_after_four_of_seven_fell(real):
    before = [r for r in real.rallies[Since.BEFORE] if r.voted.year < 1969]
    assert [r.voted.year for r in before if r.return_ <= 0] == [1953, 1955, 1963, 1967]
    assert len(before) == 7
    whole = evidence_of(real, "1952 to 2026")
    assert (whole.rises, whole.n) == (21, 26)
    assert "of which 4 fell (1953, 1955, 1963, 1967)" in " ".join(real.conclusion)


def test_base_rate_is_the_plain_loop(real, market_dir):
    session, close = closes(market_dir)
    rally = next(r for r in real.rallies[Since.BEFORE] if r.voted.year == 2021)
    spans = [(r.began, r.ended) for r in real.rallies[Since.BEFORE]]
    rose = []
    for at in range(len(close) - 12):
        if abs((session[at] - rally.began).days) <= 1826:
            apart = all(session[at + 12] <= a or session[at] >= b for a, b in spans)
            rose += [close[at + 12] > close[at]] if apart else []
    assert rally.base_rate == pytest.approx(np.mean(rose), abs=1e-12)


def test_rises_of_shifted_dates_are_the_plain_loop(real, market_dir):
    session, close = closes(market_dir)
    row = {s: n for n, s in enumerate(session)}
    rallies, n = real.rallies[Since.BEFORE], len(close)
    rises = np.zeros(n, dtype=int)
    for r in rallies:
        up = np.zeros(n, dtype=int)
        up[: n - r.sessions] = close[r.sessions :] > close[: n - r.sessions]
        rises += np.roll(up, -row[r.began])
    assert rises[0] == 21
    evidence = evidence_of(real, "1952 to 2026").shifted_rises
    assert evidence.p == pytest.approx(
        2 * np.mean(rises >= 21), abs=0.002
    )  # it leaves out 1 % of the shifts: no estimate


def test_the_verdict_says_no_more_than_the_numbers(real):
    whole = evidence_of(real, "1952 to 2026")
    assert whole.base_rates.p < 0.05 < whole.shifted_t.p
    assert "more often than usual, but not by more than on other dates: no ground for a trade" in " ".join(
        real.conclusion
    )


def test_the_page_on_real_bars_is_not_marked(real, capsys):
    japan.show(real)
    shown = capsys.readouterr().out
    assert "SIMULATED" not in shown
    assert "17 of 17" in shown
    assert "16 of 17" in shown
    assert "-1,023.62" in shown


def test_the_page_of_explanation_has_the_numbers_of_japan(real):
    shown = [w for w in real.evidence if (w.elections, w.since) != ("1969 to 2026", str(Since.ON))]
    assert len(shown) == 5
    for w in shown:
        letter = "a" if w.since == str(Since.BEFORE) else "b"
        tests = [p_text(t.p) for t in (w.base_rates, w.shifted_rises, w.shifted_t)]
        cells = [f"{w.rises} of {w.n}", f"{w.expected:.1f}", *tests, f"{100 * w.beyond:+.2f} %"]
        assert documented([w.elections, letter], 8)[2:] == cells


def closes(market_dir):
    """Return the dates and closes of the private Nikkei, read without the code under test."""
    with (market_dir / "N225.csv").open(encoding="utf-8") as f:
        rows = [(date.fromisoformat(r["date"]), float(r["close"])) for r in csv.DictReader(f) if r["close"]]
    return [r[0] for r in rows], np.array([r[1] for r in rows])


# ---- the presidential puzzle ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    """What the example finds in the returns that come with arch."""
    return puzzle.found_in(puzzle.bundled_excess(), puzzle.presidencies(bundled_events()))


def in_percent(sample):
    """Return means of Democrats and Republicans, the gap and both volatilities, in percent a year."""
    values = (sample.democratic, sample.republican, sample.regression.gap)
    return [100 * v for v in (*values, sample.volatility_democratic, sample.volatility_republican)]


def test_santa_clara_and_valkanov(found):
    democratic, republican, gap, _, _ = in_percent(found.samples[0])
    assert [democratic, republican] == pytest.approx([10.69, 1.69], abs=0.6)
    assert gap == pytest.approx(9.00, abs=0.3)


def test_pastor_and_veronesi(found):
    democratic, republican, gap, *volatilities = in_percent(found.samples[1])
    assert [democratic, republican] == pytest.approx([10.69, -0.21], abs=0.6)
    assert gap == pytest.approx(10.90, abs=0.3)
    assert volatilities == pytest.approx([17.33, 20.00], abs=0.03)


def test_the_newer_private_returns_meet_the_papers_with_the_log_of_the_excess(market_dir):
    excess = puzzle.read_excess(market_dir / "FF3_MONTHLY.csv", "private", puzzle.Log.OF_EXCESS)
    terms = puzzle.presidencies(bundled_events())
    made = [puzzle.puzzle(excess, terms, paper) for paper in puzzle.PAPERS[:2]]
    first, second = ([round(v, 2) for v in in_percent(s)] for s in made)  # as the papers print them
    assert first[:2] == pytest.approx([10.69, 1.69], abs=0.6)
    assert second[:2] == pytest.approx([10.69, -0.21], abs=0.6)
    assert [first[2], second[2]] == pytest.approx([9.00, 10.90], abs=0.3)
    assert second[3:] == pytest.approx([17.33, 20.00], abs=0.03 + 1e-9)


def test_how_the_log_is_taken_is_not_what_matters(market_dir):
    excess = puzzle.read_excess(market_dir / "FF3_MONTHLY.csv", "private")
    made = puzzle.puzzle(excess, puzzle.presidencies(bundled_events()), puzzle.PAPERS[1])
    second = [round(v, 2) for v in in_percent(made)]
    assert second[:3] == pytest.approx([10.69, -0.21, 10.90], abs=0.6 + 1e-9)
    assert made.permuted_gap.p == pytest.approx(0.048, abs=0.002)


def test_months_look_sure_and_terms_do_not(found):
    main = found.samples[1]
    assert (main.regression.n, main.regression.n_terms) == (1068, 23)
    assert 2.4 <= main.regression.hac.test.statistic <= 2.7
    assert main.permuted_gap.p == pytest.approx(0.048, abs=0.0005)
    assert main.permuted_gap.reference == "all 1,352,078 ways to give 12 of 23 terms to the party"
    assert main.permuted_t.p == pytest.approx(0.0514, abs=0.0005)


def test_without_the_term_of_1929_the_gap_is_a_third_less(found):
    assert found.samples[1].regression.gap == pytest.approx(0.1065, abs=0.00005)
    assert found.left_out.rows[0].without == "Herbert Hoover (R), from 1929-04"
    assert found.left_out.rows[0].gap == pytest.approx(0.0692, abs=0.00005)
    assert len(found.left_out.rows) == 23


def test_a_party_takes_over_in_the_month_after_the_inauguration():
    since = {str(p.since) for p in puzzle.presidencies(bundled_events())}
    assert {"1929-04", "1933-04", "1937-02", "1953-02", "2009-02"} <= since


def test_excess_returns_are_logs_times_twelve(tmp_path):
    path = tmp_path / "factors.csv"
    path.write_text("date,mkt_rf,smb,hml,rf\n1926-07-31,9.00,0,0,1.00\n1926-08-31,-1.00,0,0,1.00\n", encoding="utf-8")
    made = puzzle.read_excess(path, "by hand")
    # 12 ln(1.10 / 1.01), 12 ln(1.00 / 1.01)
    assert made.value.tolist() == pytest.approx([1.0243182, -0.1194040], abs=1e-7)
    assert [str(m) for m in made.month] == ["1926-07", "1926-08"]
    other = puzzle.read_excess(path, "by hand", puzzle.Log.OF_EXCESS)
    assert other.value.tolist() == pytest.approx([1.0341324, -0.1206040], abs=1e-7)  # 12 ln 1.09, 12 ln 0.99


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("date,mkt_rf\n", "f.csv line 1: no column RF or rf, found date,mkt_rf"),
        ("date,mkt_rf,rf\n", "f.csv has no row of returns"),
        ("date,mkt_rf,rf\n1926-07-31,x,1\n", "f.csv line 2: 1926-07-31,x,1 is not a month and two numbers in percent"),
        ("date,mkt_rf,rf\n1926-07-31,nan,1\n", "f.csv line 2: nan and 1 are no returns in percent"),
        (
            "date,mkt_rf,rf\n192607,1,1\n192609,1,1\n",
            "f.csv: 1926-07 is followed by 1926-09; every month must be there once",
        ),
        ("date,mkt_rf,rf\n192607,1,1\n", "f.csv, 1926-07 to 1926-07: months from 1927-01 to 1998-12 are needed"),
    ],
)
def test_a_file_that_cannot_serve_says_why(text, shown, tmp_path, capsys):
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    assert puzzle.main(["--data", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"presidential_puzzle: {shown}")


def test_the_page_says_what_it_supports(found, capsys):
    puzzle.show(found)
    shown = flat(capsys.readouterr().out)
    assert "11.02 (10.69)" in shown
    assert "10.65 (10.90)" in shown
    assert "4.8 % show as wide a gap (p = 0.048; by the t-statistic 0.051)" in shown
    assert "Without one term (Herbert Hoover (R), from 1929-04) the gap is +6.92 pp and p = 0.110" in shown
    assert "depends on one term: a puzzle, and no ground for a trade" in shown


@pytest.mark.parametrize(("n", "name"), [(0, "1927 to 1998"), (1, "1927 to 2015"), (2, "1927 to 2018-11")])
def test_the_page_of_explanation_has_the_numbers_of_the_puzzle(n, name, found):
    sample = found.samples[n]
    means = [cell.split(" ")[0] for cell in documented([name], 8)[3:]]
    assert means == [f"{v:.2f}" for v in in_percent(sample)]
    parts = (sample.regression.hac.test, sample.regression.by_term.test)
    tests = [text for t in parts for text in (f"{t.statistic:.2f}", p_text(t.p))]
    assert documented([name], 7)[1:] == [*tests, p_text(sample.permuted_t.p), p_text(sample.permuted_gap.p)]
