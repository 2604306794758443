"""The retired words do not return: one word a thing, in code, help, pages and documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

from hustings.cli import cli
from reports.tearsheet import tearsheet
from tests.reports.handmade import business_days, make_run, trade

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("datasets", "engine", "strategies", "reports", "hustings")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CONVENTIONS.md")

RETIRED = {
    r"familiar": "performance metrics",
    r"def numbers|class Numbers|(?:series|trade)_numbers": "compute_metrics, Metrics, return metrics, trade metrics",
    r"handed_on|form_of|whole_row|class (?:Token|Looked)": "Placeholder, PlaceholderRead, leg_key, substitute",
    r"wish_of|wish": "Decision, decide",
    r"def (?:asking|asked)": "strategy_calls, call_strategy",
    r"tell|tells|telling|told": "report, show, say, distinguish; a message",
    r"class Moments?": "BarPrice, BarPrices, SampleMoments, timestamps",
    r"class (?:Stretch|Crew|Hands|Pace|Sent|Done)": "Chunk, WorkerPool, Workers, AdaptiveChunkSize, JobPayload, TaskResult",
    r"put_down|class (?:Due|Move|Over)": "event, Position, HoldingInterval, flush",
    r"DayBook|AccountDays": "DailyLedger, AccountCalendar",
    r"class (?:Tape|Money)": "BarMatrix, CostModel",
    r"stands_apart|abreast|def careful|class (?:Calm|Course|Outline)": "IdleDays, exact path, EquityPath, in parallel",
    r"(?<!is\s)(?<!was\s)(?<!were\s)(?<!be\s)worth": "value, net asset value, deflated Sharpe report",
    r"class (?:Making|Beside|Desk|Anywhere)": "StudyBuilder, StudyContext, ReturnModel, CounterfactualReturns",
    r"def among|brought_in": "randomization_p_value, shrink_to_null",
    r"luck": "chance; expected maximum Sharpe",
    r"(?:def|module) vary(?:ing)?|(?:def|module) variants": "parameter sensitivity",
    r"holes|lacking|opens_apart|module opens": "gaps, missing sessions, has_separate_open, stale opens",
    r"(?<!odds[ _])book": "odds book",
    r"lens|module (?:fresh|ending|said)": "visibility, reload, exit codes, message",
    r"intake|class (?:Taken|Arrival)": "import_table, ImportResult, Origin",
    r"admit|admits|admitted": "validate",
    r"at hand": "available",
    r"puts? right": "corrected",
    r"class Patience": "RetryPolicy",
    r"what so few|before looking": "statistical power (before the result)",
    r"exaggerat(?:es|ed)": "exaggeration ratio (type M)",
    r"observation spreads": "standard deviation per event",
    r"beyond other dates": "percentile among placebo dates",
    r"hangs?": "depends; concentration",
    r"left out at a time": "leave-one-event-out",
    r"under other judgements": "sensitivity to labels and timing",
    r"worthless": "zero-skill",
    r"wanted against declined": "selected against rejected events",
    r"share lost to costs": "cost drag",
    r"mean time held": "average holding period",
    r"(?:trades'?|account's) view": "per trade; portfolio",
    r"why out": "exit reason",
    r"daily 5 % quantile|mean beyond it": "VaR 95 %; expected shortfall (CVaR)",
    r"less autocorrelation": "autocorrelation-adjusted Sharpe",
    r"second better": "P(B better than A)",
    r"reckon\w*": "compute",
    r"stand|stands|stood": "is",
    r"h[oe]ld\w* (?:\w+ )?against": "compare with",
    r"bear|bears|bore|bearing": "support; hold",
    r"c[oa]mes? into being": "is made",
    r"be had": "is available",
    r"whence": "source",
    r"beside": "with, next to",
}
"""Retired word (a regular expression; no letter before or after it) -> what to write instead."""

ALLOWED = {
    r"[Ss]tands? for": "plain English: a symbol stands for a meaning",
    r"bear market": "a term of the field",
    r"[Hh]ang[- ][Ss]eng": "the name of an index",
    r"\"(?:worth|luck)\":": "keys of a sweep's summary.json, an interface",
}
"""Text that may stay -> why."""

GAP = r"(?:\s|#)+"  # a phrase may go on in the next line of a comment
WORDS = "|".join(rf"(?P<w{n}>{word.replace(' ', GAP)})" for n, word in enumerate(RETIRED))
RETIRED_WORD = re.compile(f"(?<![a-z])(?:{WORDS})(?![a-z])", re.I)
ALLOWED_TEXT = re.compile("|".join(ALLOWED))


def findings(text: str, name: str) -> list[str]:
    """Return one line for each retired word of a text: where it is, and what to write instead."""
    allowed = [m.span() for m in ALLOWED_TEXT.finditer(text)]
    found = []
    for m in RETIRED_WORD.finditer(text):
        if not any(first <= m.start() and m.end() <= last for first, last in allowed):
            instead = list(RETIRED.values())[int(str(m.lastgroup)[1:])]
            found.append(f"{name}:{text.count(chr(10), 0, m.start()) + 1}: '{m.group()}'; write: {instead}")
    return found


def in_files(files: Iterator[Path]) -> list[str]:
    texts = ((f.relative_to(ROOT).as_posix(), f.read_text(encoding="utf-8")) for f in sorted(files))
    return [line for name, text in texts for line in findings(text, name)]


def test_a_retired_word_is_found_and_plain_english_is_not() -> None:
    text = "A symbol stands for a price.\nIt hangs on one\n# left out\n# at a time; class Wish: _told = 1"
    assert [line.split(";")[0] for line in findings(text, "page")] == [
        "page:2: 'hangs'",
        "page:3: 'left out\n# at a time'",
        "page:4: 'Wish'",
        "page:4: 'told'",
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_code_has_no_retired_word(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert in_files(iter(files)) == []
    assert [line for f in files for line in findings(f"module {f.stem}", f.relative_to(ROOT).as_posix())] == []


def test_templates_have_no_retired_word() -> None:
    assert in_files(p for p in (ROOT / "reports" / "templates").iterdir() if p.is_file()) == []


def test_documents_have_no_retired_word() -> None:
    documents = [ROOT / name for name in DOCUMENTS]
    assert in_files(iter([*documents, *(ROOT / "docs").rglob("*.md")])) == []


@pytest.mark.parametrize("folder", ["examples", "benchmarks"])
def test_examples_and_benchmarks_have_no_retired_word(folder: str) -> None:
    assert in_files(p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".md")) == []


def help_texts(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the help of a command and of those below it, each with what is typed."""
    yield f"{context.command_path} --help", " ".join(command.get_help(context).split())
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from help_texts(below, click.Context(below, parent=context, info_name=name))


def test_help_has_no_retired_word() -> None:
    texts = dict(help_texts(cli, click.Context(cli, info_name="hustings")))
    assert len(texts) > 20
    assert [line for typed, text in texts.items() for line in findings(text, typed)] == []


def test_a_tear_sheet_has_no_retired_word() -> None:
    days = business_days("2016-01-04", 300)
    won = trade(str(days[100]), str(days[119]), pnl=83_000.0, return_=0.083)
    page = tearsheet(make_run(days, np.where(np.arange(300) // 20 == 5, 0.004, 0.0), (won,)))
    assert findings(re.sub(r"<(?:script|style)[^>]*>.*?</[a-z]+>|<[^>]*>", " ", page, flags=re.S), "tear sheet") == []
