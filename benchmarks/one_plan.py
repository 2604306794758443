"""W1 and W2: one plan, by the peers, by our replay and on arrays."""

from collections.abc import Sequence

from benchmarks.page import Page
from benchmarks.race import PEERS, RUNS, Entrant, Outcome, race
from benchmarks.worlds import BARS, EVENTS, MARKETS, VOTES

WHOLE_UNITS = "it trades whole units, which a vast capital makes as good as fractions."


def one_instrument(page: Page) -> None:
    """Print W1."""
    page.title(f"W1: one instrument, {BARS:,} bars, {EVENTS} events")
    size = (str(BARS), str(EVENTS))
    entrants = [
        Entrant("evaluate", "benchmarks.ours:evaluate_one_plan", size),
        Entrant("replay", "benchmarks.ours:replay_one_plan", size),
        peer("backtrader", "with_backtrader:one_plan"),
        peer("backtesting.py", "with_backtesting:one_plan", why=WHOLE_UNITS),
        peer("bt", "with_bt:one_plan", why="it knows one price a bar, and is given the opens."),
        peer("vectorbt", "with_vectorbt:one_plan", why="a signal is on the bar before its fill."),
    ]
    outcomes = race(entrants)
    page.race(outcomes, ours=["replay", "evaluate"])
    page.required(against(outcomes, "backtrader", replay=2))


def one_account(page: Page) -> None:
    """Print W2."""
    page.title(f"W2: {MARKETS} instruments with their own holidays, {BARS:,} bars each, {VOTES} events, one account")
    entrants = [
        Entrant("evaluate", "benchmarks.ours:evaluate_one_account"),
        Entrant("replay", "benchmarks.ours:replay_one_account"),
        peer("backtrader", "with_backtrader:one_account", why="it acts at the opens, where sizes are resolved."),
        peer("bt", "with_bt:one_account", why="a market that is shut keeps its last close."),
        peer("vectorbt", "with_vectorbt:one_account", why="one group that shares its cash, on the days of any market."),
    ]
    outcomes = race(entrants)
    page.race(outcomes, ours=["replay", "evaluate"])
    page.say("- backtesting.py: n/a, it trades one instrument only.")
    page.required(against(outcomes, "backtrader", replay=2))


def peer(
    name: str, work: str, arguments: tuple[str, ...] = (), *, every: int = 1, rounds: int = RUNS, why: str = ""
) -> Entrant:
    """Return a peer in its own interpreter; ``work`` is MODULE:FUNCTION under benchmarks.peers."""
    return Entrant(name, f"benchmarks.peers.{work}", arguments, python=PEERS, every=every, rounds=rounds, why=why)


def against(outcomes: Sequence[Outcome], name: str, **least: float) -> list[tuple[str, float, float]]:
    """Return of each of ours the claim, the ratio asked for and the one found, against a peer."""
    took = {o.entrant.name: o.seconds for o in outcomes}
    return [(f"{ours}, against {name}", n, took[name] / took[ours]) for ours, n in least.items()]
