"""Small runs built by hand, and the text of a page."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np

from engine.account.records import Trade
from engine.metrics.metrics import compute_metrics
from engine.plan.decision import Skipped
from engine.run.run import Run, RunEvent

__all__ = ["business_days", "event", "make_run", "page_text", "trade"]


def business_days(first: str, n: int) -> Any:
    """Return so many weekdays from a date on."""
    return np.busday_offset(np.datetime64(first, "D"), np.arange(n), roll="forward")


def at(session: str, hour: int = 0) -> int:
    """Return an instant of a date, as nanoseconds."""
    return int((np.datetime64(session, "h") + hour).astype("datetime64[ns]").astype(np.int64))


def trade(entry: str, exit_: str, *, pnl: float = 1_000.0, return_: float = 0.01, **other: Any) -> Trade:
    """Return a long trade of TOPIX on an event of the day before."""
    before = str(np.datetime64(entry, "D") - 1)
    given: dict[str, Any] = {
        "event_id": f"JP-{before}-GE",
        "instrument": "TOPIX",
        "side": "long",
        "weight": 0.95,
        "quantity": 250.0,
        "decided_at": at(before, 11),
        "decision_price": 1990.0,
        "gap": 0.005,
        "entry_session": entry,
        "entry_at": at(entry),
        "entry_price": 2000.0,
        "exit_session": exit_,
        "exit_at": at(exit_),
        "exit_price": 2020.0,
        "exit_reason": "held 20 sessions",
        "costs": 150.0,
        "pnl": pnl,
        "return_": return_,
    }
    return Trade(**{**given, **other})


def event(event_id: str, *, title: str = "General election", known_at: str = "2026-02-08T11:00:00Z") -> RunEvent:
    """Return an event as a run tells it."""
    return RunEvent(
        event_id=event_id,
        country="JP",
        kind="general_election",
        title=title,
        announced_at="2026-01-19T09:00:00Z",
        known_at=known_at,
        known_at_basis="estimated",
        pro_growth="yes",
        majority="majority",
        surprise="expected",
        label_basis="",
        confidence="high",
        outcome="traded",
    )


def make_run(
    sessions: Any,
    returns: Any,
    trades: tuple[Trade, ...] = (),
    *,
    skipped: tuple[Skipped, ...] = (),
    benchmark_returns: Any = None,
    benchmark: str | None = None,
    events: tuple[RunEvent, ...] | None = None,
    run_id: str = "0123456789abcdef",
    cash: float = 1_000_000.0,
    **manifest: Any,
) -> Run:
    """Return a run of an account with these returns; ``manifest`` overrides its entries."""
    sessions = np.asarray(sessions, dtype="datetime64[D]")
    returns = np.asarray(returns, dtype=float)
    result = compute_metrics(sessions, returns, trades)
    shown = {t.event_id for t in trades} | {s.event_id for s in skipped}
    span = f"{len(sessions)} bars, {sessions[0]} to {sessions[-1]}"
    return Run(
        run_id=run_id,
        manifest={
            "strategy": "pro-growth-win",
            "rule": "Buy an index at the first open after a pro-growth election win, and hold it.",
            "parameters": {"instrument": "TOPIX", "hold": 20, "weight": 0.95},
            "sources": {"TOPIX": f"file TOPIX.csv; {span}"},
            "simulated": [],
            "currencies": {"TOPIX": "JPY"},
            "total_return_indices": [],
            "costs": {"TOPIX": {"commission_bps": 1.0, "slippage_bps": 2.0}},
            "terms": {
                "cash": cash,
                "cash_rate": 0.0,
                "borrow_rate": 0.0,
                "max_gross": 1.0,
                "commission_bps": None,
                "slippage_bps": None,
            },
            "window": {"from": "", "to": ""},
            "first_session": str(sessions[0]),
            "last_session": str(sessions[-1]),
            "benchmark": benchmark,
            "events_considered": len(shown),
            "sha256": {"code": "c0de", "events": "e0e0", "bars": {"TOPIX": "ba45"}},
            "versions": {"hustings": "0.1.0"},
            "seed": None,
            "conventions": "CONVENTIONS.md of hustings 0.1.0",
            **manifest,
        },
        start_equity=cash,
        sessions=sessions,
        equity=cash * np.cumprod(1 + returns),
        cash=None,
        returns=returns,
        exposure=np.zeros(len(sessions)),
        fills=(),
        trades=trades,
        skipped=skipped,
        events=tuple(event(i) for i in sorted(shown)) if events is None else events,
        benchmark=benchmark,
        benchmark_returns=None if benchmark_returns is None else np.asarray(benchmark_returns, dtype=float),
        metrics=result.values,
        notes=result.notes,
    )


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def page_text(page: str) -> str:
    """Return the text a reader sees, cells and words one blank apart."""
    parser = _Text()
    parser.feed(page)
    return re.sub(r"\s+", " ", " ".join(parser.parts))
