"""hustings lookahead as a user meets it: the bundled rules pass, planted cheats are named, bad input is bad input."""

from pathlib import Path

import pytest

from datasets.events import CATALOGUE
from strategies import REGISTRY

RULE = '''"""A rule of a user."""

from datasets.events import bundled_events
from engine.strategy import After, Leg, NextOpen, Strategy, Symbol, strategy

{above}

@strategy
class Mine(Strategy):
    """Buy Tokyo."""

    instrument: Symbol = "N225"

    def decides_at(self, event, clock):
        return event.{decides}

    def wants(self, event):
        return {wants}

    def legs(self, event, market):
        bars, n = market._market.bars(self.instrument), len(market.bars(self.instrument))
        return [Leg(self.instrument, 0.9, NextOpen(), After(5))] if {trades} else []
'''
JAPAN = "event.country == 'JP' and event.kind == 'general_election'"
NEXT_CLOSE = "0 < n < len(bars) and bars.close[n] > bars.close[n - 1]"
FIRST = ("--from", "2020-01-01")
AUTUMN_2021 = ("--from", "2021-10-01", "--to", "2021-12-01")


def rule(folder: Path, *, above: str = "", decides: str = "known_at", wants: str = JAPAN, trades: str = "True") -> str:
    path = folder / "mine.py"
    path.write_text(RULE.format(above=above, decides=decides, wants=wants, trades=trades))
    return f"{path}:Mine"


@pytest.fixture
def few(tmp_path: Path) -> tuple[str, ...]:
    """The general elections of Japan alone, for a rule whose modules are read again at each call."""
    head, *rows = (CATALOGUE / "JP.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "few.csv").write_text("".join([head, *(row for row in rows if "-GE,JP," in row)]), encoding="utf-8")
    return ("--only-events", "--events", str(tmp_path / "few.csv"))


@pytest.mark.parametrize("name", REGISTRY)
def test_every_bundled_rule_passes_on_the_built_in_bars(cli, name: str) -> None:
    answer = cli("lookahead", name, "--data", "builtin", "--json")
    assert (answer.code, answer.json["offences"], answer.json["files"]) == (0, [], [])
    assert answer.json["decisions"] > 100
    assert [c["check"] for c in answer.json["checks"] if c["examined"] == answer.json["decisions"]] == [
        "again", "cut", "delayed", "scrambled", "opened",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", REGISTRY)
def test_every_bundled_rule_passes_on_real_bars(cli, market_dir: Path, name: str) -> None:
    answer = cli("lookahead", name, "--data", str(market_dir), "--json")
    assert (answer.code, answer.json["offences"], answer.json["simulated"]) == (0, [], [])
    assert answer.json["decisions"] > 100


def test_an_honest_rule_of_a_user_passes_and_the_table_says_what_was_held(cli, tmp_path: Path) -> None:
    answer = cli("lookahead", rule(tmp_path), *FIRST)
    assert answer.code == 0
    assert "SIMULATED bars: N225" in answer.out
    assert "no decision depends on what came later" in answer.out
    assert [line.split()[0] for line in answer.out.splitlines() if "  0" in line] == [
        "again", "cut", "delayed", "scrambled", "opened",
    ]  # fmt: skip


def test_a_strategy_of_which_nothing_was_examined_is_not_called_clean(cli, tmp_path: Path) -> None:
    (tmp_path / "idle.py").write_text("import backtrader as bt\n\n\nclass Idle(bt.Strategy):\n    pass\n")
    answer = cli("lookahead", "idle.py:Idle", "--instrument", "N225", "--data", "builtin", *FIRST)
    assert (answer.code, answer.out.splitlines()[-1]) == (
        1,
        "nothing was examined: the strategy decided on no event and sent no order",
    )


def test_a_rule_that_reads_the_next_close_exits_1_and_names_the_landslide(cli, tmp_path: Path) -> None:
    answer = cli("lookahead", rule(tmp_path, trades=NEXT_CLOSE), *FIRST, "--json")
    assert answer.code == 1
    caught = {o["subject"]: o for o in answer.json["offences"] if o["check"] == "cut"}
    assert caught["JP-2026-02-08-GE"]["at"] == "2026-02-08T11:00:00Z"
    assert caught["JP-2026-02-08-GE"]["given_away_by"] == "data: close of N225"


def test_the_outcome_kept_in_a_modules_constant_is_caught_at_the_announcement(cli, few, tmp_path: Path) -> None:
    above = "WINNERS = {e.event_id: e.winner_party for e in bundled_events()}"
    cheat = rule(
        tmp_path, above=above, decides="announced_at", wants=f"{JAPAN} and WINNERS.get(event.event_id) == 'LDP'"
    )
    answer = cli("lookahead", cheat, *few, *AUTUMN_2021)
    assert answer.code == 1
    assert "cut: JP-2021-10-31-GE decided 2021-10-04T12:00:00Z" in answer.out
    assert "depends on       events: winner_party" in answer.out
    assert "decisions depend on what came later: cut" in answer.out


def test_a_label_revised_later_is_caught_and_the_honest_rule_skips_it(cli, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text(
        "event_id,country,kind,title,announced_at,known_at,pro_growth,labelled_at\n"
        "JP-1,JP,general_election,t,2024-01-04T07:00Z,2024-01-07T07:00Z,yes,2024-06-01T00:00Z\n"
    )
    above = f"from pathlib import Path\nfrom datasets.events import load_events\nLABELS = load_events(Path({str(events)!r}))"
    cheat = rule(tmp_path, above=above, wants="LABELS.get(event.event_id).pro_growth == 'yes'")
    answer = cli("lookahead", cheat, "--only-events", "--events", str(events))
    assert answer.code == 1
    assert "cut: JP-1 decided 2024-01-07T07:00:00Z" in answer.out
    assert "depends on       events: pro_growth, coded 2024-06-01T00:00:00Z" in answer.out
    honest = cli("lookahead", "pro-growth-win", "--only-events", "--events", str(events), "--json")
    assert (honest.code, honest.json["decisions"]) == (0, 1)


def test_what_a_module_next_to_the_rule_keeps_is_read_again_too(cli, few, tmp_path: Path) -> None:
    (tmp_path / "kept_beside.py").write_text(
        "from datasets.events import bundled_events\nWINNERS = {e.event_id: e.winner_party for e in bundled_events()}\n"
    )
    wants = f"{JAPAN} and WINNERS.get(event.event_id) == 'LDP'"
    cheat = rule(tmp_path, above="from kept_beside import WINNERS", decides="announced_at", wants=wants)
    answer = cli("lookahead", cheat, *few, *AUTUMN_2021, "--json")
    assert (answer.code, answer.json["offences"][0]["subject"]) == (1, "JP-2021-10-31-GE")


def test_a_coin_is_reported_as_such(cli, tmp_path: Path) -> None:
    answer = cli("lookahead", rule(tmp_path, above="import random", wants="random.random() < 0.5"), *FIRST)
    assert answer.code == 1
    assert "it decides differently when nothing changed" in answer.out


def test_a_file_of_ones_own_is_named_and_one_of_the_prices_given_is_an_offence(cli, few, tmp_path: Path) -> None:
    prices, own = tmp_path / "prices", tmp_path / "mine.txt"
    prices.mkdir()
    own.write_text("0.9")
    rows = [f"2024-01-{d:02},{100 + d}" for d in (4, 5, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22, 23, 24, 25, 26)]
    (prices / "N225.csv").write_text("date,close\n" + "\n".join(rows) + "\n")
    given = (*few, "--data", str(prices), "--from", "2024-01-01", "--to", "2024-02-01", "--json")
    reads = "from pathlib import Path\nTEXT = Path({!r}).read_text()"
    other = cli("lookahead", rule(tmp_path, above=reads.format(str(own))), *given)
    assert (other.code, other.json["files"]) == (0, ["mine.txt"])
    fact = cli("lookahead", rule(tmp_path, above=reads.format(str(prices / "N225.csv"))), *given)
    assert fact.code == 1
    assert [(o["check"], o["at"], o["given_away_by"]) for o in fact.json["offences"]] == [
        ("opened", None, "file: N225.csv")
    ]


def test_close_1_of_a_backtrader_strategy_exits_1(cli, tmp_path: Path) -> None:
    path = tmp_path / "theirs.py"
    path.write_text(
        "import backtrader as bt\n\n\nclass Theirs(bt.Strategy):\n    def next(self):\n"
        "        if self.data.close[1] > self.data.close[0]:\n            self.buy(size=1)\n"
    )
    given = ("--instrument", "TOPIX", "--from", "2026-01-01")
    answer = cli("lookahead", f"{path}:Theirs", *given)
    assert answer.code == 1
    assert "cut: TOPIX decided 2026-01-05T06:30:00Z" in answer.out
    assert "with the future  reads close[1] of TOPIX" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pro-grow-win",), "did you mean 'pro-growth-win'"),
        (("pro-growth-win", "-p", "hold=0"), "parameter hold of pro-growth-win"),
        (("pro-growth-win", "--instrument", "TOPIX"), "--instrument is for backtrader strategies"),
        (("pro-growth-win", "-p", "instrument=TOPXI"), "did you mean 'TOPIX'"),
        (("pro-growth-win", "--from", "2026-13-01"), "--from is '2026-13-01'"),
        (("pro-growth-win", "--only-events", "--events", "nowhere.csv"), "no events at 'nowhere.csv'"),
        (("pro-growth-win", "--seed", "-1"), "--seed"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, arguments: tuple[str, ...], said: str) -> None:
    answer = cli("lookahead", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_a_decision_before_a_session_of_uncertain_hours_is_listed(cli, tmp_path: Path) -> None:
    """The half days of Sydney before Christmas are a guess before 2006 (datasets/markets/session_rules.csv)."""
    events = tmp_path / "mine.csv"
    events.write_text("event_id,country,kind,title,known_at\nMY-1,JP,general_election,A vote,2004-12-23T20:00:00Z\n")
    made = rule(tmp_path).replace("N225", "ASX200")
    given = ("-p", "instrument=ASX200", "--only-events", "--events", str(events), "--data", "builtin")
    answer = cli("lookahead", made, *given, "--json")
    assert answer.json["uncertain_hours"][:2] == [
        {"subject": "MY-1", "what": what, "instrument": "ASX200", "exchange": "XASX", "session": "2004-12-24"}
        for what in ("decision", "entry")
    ]
    assert "MY-1: entry of ASX200, XASX 2004-12-24" in cli("lookahead", made, *given).out
