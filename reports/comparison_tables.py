"""Tables of a comparison, as plain values and as CSV, and what the differences of two runs support in sentences."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unicodedata import bidirectional

import numpy as np

from datasets.csv_rows import sheet_csv
from engine.account.records import Trade
from engine.comparison.common_days import within
from engine.comparison.common_events import OnEvents, event_returns
from engine.comparison.difference import LEVEL, Difference, with_t_interval, without_interval
from engine.metrics.metrics import drawdown, growth
from engine.run.attribution import by_market
from engine.run.run import Run
from reports.numbers import percent, plain, points

_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def verdict(found: OnEvents, *, first: str, second: str) -> str:
    """Return in two or three sentences what the common events say of the second run against the first."""
    first, second = isolated(first), isolated(second)
    if not found.events:
        return f"{second} and {first} traded no event in common: which is better on the same events cannot be said."
    if all(e.first == e.second for e in found.events):
        n = len(found.events)
        each = "the one event both traded" if n == 1 else f"each of the {n} events both traded"
        return f"{second} and {first} earned the same on {each}."
    mean = found.differences[0]
    return f"{_what(found, mean, first=first, second=second)} {_how_sure(mean)}"


def isolated(name: str) -> str:
    """Return a name set apart from the sentence around it if any of it is written from right to left.

    >>> isolated("one"), isolated("\u05d0") == "\u2068\u05d0\u2069"
    ('one', True)
    """
    return f"{_ISOLATE}{name}{_END}" if any(bidirectional(c) in ("R", "AL", "AN") for c in name) else name


def _what(found: OnEvents, mean: Difference, *, first: str, second: str) -> str:
    n = len(found.events)
    events = "the 1 event" if n == 1 else f"the {n} events"
    better = f"better on {found.ahead}, worse on {found.behind}"
    by = f"differed by {points(mean.value)}"
    return f"On {events} that both traded, {second} was {better}; its mean trade {by} from that of {first}."


def _how_sure(mean: Difference) -> str:
    if mean.low is None or mean.high is None:
        return "So few events do not show which is better."
    ends = (
        f"The {percent(LEVEL, 0)} interval of the difference (Student's t) is {points(mean.low)} to {points(mean.high)}"
    )
    if mean.low <= 0 <= mean.high:
        return f"{ends} and holds 0: these events do not show which is better."
    return (
        f"{ends} and leaves out 0. So does one pair in twenty by chance alone, and the best of many runs almost always."
    )


def best_of(values: Sequence[float | None], better: int) -> list[bool]:
    """Return which values are the best of a row: the highest for 1, the lowest for -1; none where none is better."""
    known = [v * better for v in values if v is not None]
    if better == 0 or len(known) < 2 or min(known) == max(known):
        return [False] * len(values)
    return [v is not None and v * better == max(known) for v in values]


_GROUPS = {
    "strategy": "rule",
    "rule": "rule",
    "sha256.code": "rule",
    "parameters": "parameters",
    "terms": "account",
    "costs": "account",
    "window": "account",
    "versions": "program",
    "conventions": "program",
    "seed": "program",
}
GROUPS = ("rule", "parameters", "data", "account", "program")


def differing(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the entries of the manifests that are not alike in all runs, with the group of `GROUPS` each belongs to.

    An entry that a run has not is None.
    """
    flat = [dict(_flat({n: v for n, v in r.manifest.items() if n != "changed"})) for r in runs]
    names = dict.fromkeys(name for f in flat for name in f)
    group = {name: _GROUPS.get(name) or _GROUPS.get(name.split(".", maxsplit=1)[0], "data") for name in names}
    rows = [{"name": name, "group": group[name], "values": [f.get(name) for f in flat]} for name in names]
    found = [row for row in rows if any(v != row["values"][0] for v in row["values"])]
    return sorted(found, key=lambda row: GROUPS.index(row["group"]))


def _flat(entries: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def traded_by_none(runs: Sequence[Run]) -> int:
    """Return how many events some run wanted, or might have, and none traded."""
    skipped = {s.event_id for r in runs for s in r.skipped}
    return len(skipped - {t.event_id for r in runs for t in r.trades})


def one_currency(runs: Sequence[Run]) -> bool:
    """Return whether all accounts are kept in one currency: only then is one amount more than another."""
    return len({r.currency for r in runs}) == 1


_Key = tuple[str, str]


def market_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return each market that a run traded, with the P&L, trades and mean exposure of every run; None: not traded."""
    found = [{m.instrument: m for m in by_market(run.trades)} for run in runs]
    exposure = [{e.name: e.mean for e in run.exposures if e.kind == "market"} for run in runs]
    return [
        {
            "instrument": symbol,
            "runs": [
                {"pnl": m.parts.pnl, "trades": m.trades, "exposure": held.get(symbol)}
                if (m := each.get(symbol))
                else None
                for each, held in zip(found, exposure, strict=True)
            ],
        }
        for symbol in dict.fromkeys(s for each in found for s in each)
    ]


def event_matrix(runs: Sequence[Run]) -> list[list[Difference | None]]:
    """Return the mean difference, row less column, on the events that two runs share, with Student's 95 % interval.

    None where a run meets itself, or two share fewer than two events.
    """
    earned = [event_returns(run.trades) for run in runs]
    return [[None if row is column else _mean_difference(row, column) for column in earned] for row in earned]


def _mean_difference(one: dict[str, float], other: dict[str, float]) -> Difference | None:
    both = np.array([[other[e], one[e]] for e in one if e in other])
    if len(both) < 2:
        return None
    other_mean, mean = both.mean(axis=0).tolist()
    found = without_interval("mean_trade", other_mean, mean, f"{len(both)} events")
    return with_t_interval(found, both[:, 1] - both[:, 0])


def trade_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return each event and instrument that a run traded, in order of first entry, with the trades of every run."""
    keys = sorted({(t.entry_at, t.event_id, t.instrument) for r in runs for t in r.trades})
    pairs = list(dict.fromkeys((event_id, instrument) for _, event_id, instrument in keys))
    titles = {e.event_id: e.title for r in runs for e in r.events}
    traded, reasons = [_traded(run) for run in runs], [_reasons(run) for run in runs]
    rows = [_trade_row(key, traded, reasons, titles.get(key[0], "")) for key in pairs]
    for row in rows if not one_currency(runs) else []:
        if "difference" in row:
            row["difference"]["pnl"] = None
    return rows


def _traded(run: Run) -> dict[_Key, list[Trade]]:
    found: dict[_Key, list[Trade]] = defaultdict(list)
    for trade in run.trades:
        found[trade.event_id, trade.instrument].append(trade)
    return found


def _reasons(run: Run) -> dict[_Key, list[str]]:
    found: dict[_Key, list[str]] = defaultdict(list)
    for each in run.skipped:
        found[each.event_id, each.instrument].append(each.reason)
    return found


def _trade_row(
    key: _Key, traded: Sequence[dict[_Key, list[Trade]]], reasons: Sequence[dict[_Key, list[str]]], title: str
) -> dict[str, Any]:
    cells = [_cell(key, t, r) for t, r in zip(traded, reasons, strict=True)]
    row: dict[str, Any] = {"event_id": key[0], "title": title, "instrument": key[1], "runs": cells}
    return {**row, "difference": _between(*cells)} if len(cells) == 2 else row


def _cell(key: _Key, traded: dict[_Key, list[Trade]], reasons: dict[_Key, list[str]]) -> dict[str, Any]:
    """Return the trades of one run on one event in one instrument, and if there are none, the reason if it gave one."""
    trades = traded.get(key, [])
    given = [*reasons.get((key[0], ""), []), *(reasons.get(key, []) if key[1] else [])]
    return {
        "trades": [{"return": t.return_, "pnl": t.pnl, "open": not t.is_closed} for t in trades],
        "skipped": "" if trades else "; ".join(given),
    }


def _between(first: dict[str, Any], second: dict[str, Any]) -> dict[str, float | None]:
    one, two = first["trades"], second["trades"]
    single = len(one) == len(two) == 1
    return {
        "pnl": sum(t["pnl"] for t in two) - sum(t["pnl"] for t in one) if one and two else None,
        "return": two[0]["return"] - one[0]["return"] if single else None,
    }


Row = Sequence[Any]


def comparison_csv(runs: Sequence[Run], data: dict[str, Any]) -> dict[str, str]:
    """Return every table of `reports.comparison.comparison_data`, and the curves over the common span."""
    named = [head["label"] for head in data["runs"]]
    heads = ["label", "run_id", "strategy", "first_session", "last_session", "sessions", "currency", "fx"]
    return {
        "runs.csv": _text(heads, ([head[c] for c in heads] for head in data["runs"])),
        "numbers.csv": _text(["span", "run", "number", "value", "best", "worst", "note"], _numbers(data, named)),
        "differences.csv": _text(_DIFFERENCE, _differences(data)),
        "common_events.csv": _text(["run", "against", "event_id", "second", "first"], _common(data)),
        "trades.csv": _text(
            ["event_id", "title", "instrument", "run", "return", "pnl", "open", "skipped"], _trades(data, named)
        ),
        "markets.csv": _text(["instrument", "run", "currency", "pnl", "trades", "exposure"], _markets(data)),
        "correlation.csv": _text(["run", *named], _correlation(data, named)),
        "differing.csv": _text(["group", "entry", "run", "value"], _differing(data, named)),
        "curves.csv": _text(["session", "run", "equity", "drawdown", "exposure"], _curves(runs, data, named)),
    }


def _text(columns: Sequence[str], rows: Iterator[Row]) -> str:
    words = {True: "yes", False: "no"}
    return sheet_csv(columns, ([words[v] if isinstance(v, bool) else v for v in row] for row in rows))


def _numbers(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for span, part in (("common", data["common"] or {}), ("own", data["own_span"])):
        for number, row in part.items():
            cells = zip(named, row["values"], row["best"], row["worst"], row["notes"], strict=True)
            yield from ([span, name, number, *rest] for name, *rest in cells)


_DIFFERENCE = [
    "run", "against", "on", "name", "first", "second", "difference", "low", "high", "interval", "second_better", "note",
]  # fmt: skip


def _differences(data: dict[str, Any]) -> Iterator[Row]:
    for pair in data["differences"]:
        for on, rows in (("common events", pair["events"]["differences"]), ("common days", pair["days"])):
            yield from ([pair["run"], pair["against"], on, *(d[c] for c in _DIFFERENCE[3:])] for d in rows)


def _common(data: dict[str, Any]) -> Iterator[Row]:
    for pair in data["differences"]:
        yield from (
            [pair["run"], pair["against"], e["event_id"], e["second"], e["first"]] for e in pair["events"]["common"]
        )


def _trades(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for row in data["trades"]:
        about = [row["event_id"], row["title"], row["instrument"]]
        for name, cell in zip(named, row["runs"], strict=True):
            if not cell["trades"]:
                yield [*about, name, None, None, None, cell["skipped"]]
            yield from ([*about, name, t["return"], t["pnl"], t["open"], ""] for t in cell["trades"])


def _markets(data: dict[str, Any]) -> Iterator[Row]:
    for row in data["markets"]:
        for head, m in zip(data["runs"], row["runs"], strict=True):
            if m is not None:
                yield [row["instrument"], head["label"], head["currency"], m["pnl"], m["trades"], m["exposure"]]


def _correlation(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    matrix = data["correlation"] or []
    yield from ([name, *row] for name, row in zip(named, matrix, strict=bool(matrix)))


def _differing(data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    for row in data["differing"]:
        values = (None if v is None else plain(v) for v in row["values"])
        yield from ([row["group"], row["name"], name, value] for name, value in zip(named, values, strict=True))


def _curves(runs: Sequence[Run], data: dict[str, Any], named: Sequence[str]) -> Iterator[Row]:
    if data["common_span"] is None:
        return
    span = (np.datetime64(data["common_span"]["from"]), np.datetime64(data["common_span"]["to"]))
    for name, run in zip(named, runs, strict=True):
        rows = within(run.sessions, span)
        curves = [growth(run.returns[rows]), drawdown(run.returns[rows]), run.exposure[rows]]
        for session, *values in zip(run.sessions[rows], *(c.tolist() for c in curves), strict=True):
            yield [session, name, *values]
