"""The tear sheet: one run on one self-contained page, from what it says to how to run it again."""

import json
from typing import Any

from markupsafe import Markup

from engine.metrics.metrics import drawdowns
from engine.run.attribution import attribution, by_market, leave_one_out, total_of
from engine.run.run import Run
from reports.charts import drawdown_svg, equity_svg, held_svgs
from reports.event_figures import (
    event_labels,
    event_time_svg,
    exit_words,
    to_the_cent,
    waterfall_svg,
    with_events,
    without_svg,
)
from reports.headline import account_cards, command, key_cards, outcome, remarks, support, trade_cards
from reports.heat import heat, largest, timing_grid, year_rows
from reports.numbers import metric_text
from reports.page import StudySection, render, simulated_symbols
from reports.performance import account_metrics, benchmark_metrics, performance_table, recovered

WORST = 10
_HELPERS: dict[str, Any] = {
    f.__name__: f for f in (event_labels, exit_words, heat, largest, metric_text, recovered, timing_grid, to_the_cent)
}
"""Functions that the template calls."""


def tearsheet(
    run: Run,
    study: StudySection | None = None,
    *,
    trial: str = "",
    caution: str = "",
    quantstats: str = "",
    data: str = "",
) -> str:
    """Return the tear sheet of a run as one HTML page; the same arguments give the same bytes.

    Args:
        run: what the engine left.
        study: the section of its study, if it was studied; its placebo band is drawn around the events.
        trial: its place among all that was tried, in words.
        caution: what a young ledger holds, in a sentence; the verdict of a study has it already.
        quantstats: the address of quantstats' sheet of the run, blank if there is none.
        data: the element with the data of the run, put into the page as it is.
    """
    manifest, placebo = run.manifest, None if study is None else study.placebo
    parts, without = [attribution(t) for t in run.trades], leave_one_out(run.trades)
    return render(
        "tearsheet.html.j2",
        run=run,
        manifest=manifest,
        manifest_json=json.dumps(manifest, indent=2, sort_keys=True, default=str, ensure_ascii=False),
        command=command(run),
        simulated=[", ".join(simulated_symbols(run))] if run.simulated else [],
        currency_note=currency_note(run),
        outcome=outcome(run),
        support=f"{support(run)} {caution}".strip(),
        remarks=remarks(run),
        given=given(run),
        key_cards=key_cards(run, None if study is None else study.placebo_p),
        trade_cards=trade_cards(run),
        account_cards=account_cards(run),
        equity_svg=Markup(equity_svg(run)),
        drawdown_svg=Markup(drawdown_svg(run)),
        held=[Markup(svg) for svg in held_svgs(run) or ()],
        trades=with_events(run.trades, run),
        event_time_svg=Markup(event_time_svg(run, placebo)),
        placebo=placebo,
        waterfall_svg=Markup(waterfall_svg(run)) if run.trades else "",
        parts=parts,
        parts_total=total_of(parts),
        markets=by_market(run.trades),
        without=without,
        without_svg=Markup(without_svg(without)) if len(without) > 1 else "",
        skipped=with_events(run.skipped, run),
        study=study,
        trial=trial,
        quantstats=quantstats,
        data=Markup(data),
        variants=run.variants,
        months=year_rows(run),
        drawdowns=drawdowns(run.sessions, run.returns)[:WORST],
        performance=performance_table(run),
        ours=account_metrics(run),
        theirs=benchmark_metrics(run),
        **_HELPERS,
    )


def given(run: Run) -> dict[str, Any]:
    """Return the parameters that differ from their defaults; of a run kept from before, all that are not None."""
    parameters, changed = run.manifest["parameters"], run.manifest.get("changed")
    return {n: v for n, v in sorted(parameters.items()) if (v is not None if changed is None else n in changed)}


def currency_note(run: Run) -> str:
    """Return what the quote currencies mean for the account."""
    named = sorted(set(run.manifest["currencies"].values()))
    if not named:
        return ""
    quoted = (
        f"All prices are in {named[0]}."
        if len(named) == 1
        else f"Prices are in {', '.join(named[:-1])} and {named[-1]}."
    )
    account = f"The account is kept in {run.currency}." if run.currency else ""
    if run.is_hedged:
        fx = "Positions are currency-hedged: the local return is earned on its capital, and no exchange rate enters."
    else:
        fx = "Positions in another currency are bought at its exchange rate; costs and P&L are in account currency."
    return " ".join(t for t in (quoted, account, fx) if t)
