"""hustings events lint, moves, agreement: checks of the catalogue."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.events import CATALOGUE
from datasets.events.label_file import Agreement, agreement, load_labels, relabelled
from datasets.events.lint import lint
from datasets.prices.bars import Bars
from datasets.prices.published_moves import PublishedMove, published_moves
from hustings.inputs import events_of, has_bars, instruments_of, source_of
from hustings.terminal import counted, in_json, progress, say, say_json, table, warn

if TYPE_CHECKING:
    from engine.study.labels import LabelReaction


def lint_catalogue(*, path: Path | None, quick: bool, reaction: bool, data: Path | None, coded: Path | None) -> int:
    """Print what is doubtful in events, and return 1 if there are findings, or labels that know the reaction."""
    if not reaction and (data is not None or coded is not None):
        raise UserError("--data and --labels go with --reaction: add it, or leave them out")
    with progress("checking events"):
        n_rows, findings = lint(path or CATALOGUE, quick=quick)
    reactions, n_events = _reactions(path, coded, data) if reaction else ([], 0)
    rows = {"reactions": [_reaction_row(r) for r in reactions], "events": n_events} if reaction else {}
    say_json({"rows": n_rows, "findings": list(map(asdict, findings)), **rows})
    for each in findings:
        say(f"{each.file} line {each.line} {each.event_id}: {each.message} [{each.rule}]")
    say(f"{counted(len(findings), 'finding')} in {n_rows} rows")
    if reaction:
        _show_reactions(reactions, n_events)
    return 1 if findings or any(r.warning for r in reactions) else 0


def _reactions(path: Path | None, coded: Path | None, data: Path | None) -> tuple[list["LabelReaction"], int]:
    from engine.study.labels import label_reactions  # imports scipy.stats, which no other check needs

    with progress("reading bars"):
        return label_reactions(events_of([path] if path else [], coded, only=path is not None), _loader(data))


def _reaction_row(r: "LabelReaction") -> dict[str, object]:
    groups = [{"value": g.value, "n": g.n, "up": g.up, "mean_percent": g.mean} for g in (r.first, r.second)]
    tests = {"p_sign": r.p_sign, "p_size": r.p_size, "p_surprise": r.p_surprise}
    return {"label": r.label, "basis": r.basis, "groups": groups, **tests, "warning": r.warning or None}


def _show_reactions(reactions: list["LabelReaction"], n_events: int) -> None:
    if not reactions:
        say(f"{counted(n_events, 'event')} with bars of their main index: nothing to compare; --data names the bars")
        return
    columns = ["label", "basis", "first sessions that rose", "mean %", "against", "mean % ", "p sign", "p size", "p *"]
    rows = []
    for r in reactions:
        groups = [cell for g in (r.first, r.second) for cell in (f"{g.value}: {g.up} of {g.n}", f"{g.mean:+.2f}")]
        rows.append([r.label, r.basis, *groups, *(_p(p) for p in (r.p_sign, r.p_size, r.p_surprise))])
    table(columns, rows, right=["mean %", "mean % ", "p sign", "p size", "p *"])
    say(f"{counted(n_events, 'event')} with bars of their main index; first session: the first to close after known_at")
    say(
        "p sign: Fisher's exact test; p size: Mann-Whitney; p *: upsets all go the label's way, expected ones by chance"
    )
    for r in reactions:
        if r.warning and not in_json():
            warn(r.warning)


def _p(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2g}"


def compare_moves(*, data: Path | None, sources: tuple[Path, ...], only_events: bool) -> int:
    """Print published first-session moves with those of the bars; return 1 if one differs without a note."""
    with progress("reading bars"):
        found = published_moves(events_of(sources, only=only_events), _loader(data))
    say_json([_row(m) for m in found])
    _show(found)
    return 1 if any(m.agrees is False and not m.note for m in found) else 0


def _loader(data: Path | None) -> Callable[[str], Bars | None]:
    """Return what gives the bars of an index, read once; None if there are none."""
    source, known = source_of(data), {i.symbol: i for i in instruments_of(data)}

    @cache
    def load(index: str) -> Bars | None:
        instrument = known.get(index)
        return source.load(instrument) if instrument is not None and has_bars(source, instrument) else None

    return load


def _row(move: PublishedMove) -> dict[str, str | float | bool | None]:
    return {
        "event_id": move.event_id,
        "index": move.index,
        "anchor": "reaction",
        "session": None if move.session is None else move.session.isoformat(),
        "published": str(move.published),
        "found": None if move.found is None else round(move.found, 4),
        "agrees": move.agrees,
        "note": move.note,
        "why": move.why,
    }


_WORDS = {True: "agrees", False: "differs", None: "not found"}


def _show(found: list[PublishedMove]) -> None:
    columns = ["event", "index", "session", "published", "found", "", "note"]
    rows = []
    for m in found:
        of_bars = "" if m.found is None else f"{m.found:.2f}"
        cells = [m.event_id, m.index, str(m.session or ""), str(m.published), of_bars]
        rows.append([*cells, _WORDS[m.agrees], m.note or m.why])
    table(columns, rows, right=["published", "found"])
    counts = {word: sum(m.agrees is verdict for m in found) for verdict, word in _WORDS.items()}
    unexplained = sum(m.agrees is False and not m.note for m in found)
    summary = (
        f"{counts['agrees']} agree within rounding, {counts['differs']} differ, {counts['not found']} without bars"
    )
    say(f"{len(found)} published moves: {summary}; {unexplained} differ without a note")
    say("each is close to close of the reaction day, the first session to close after the event was known")


def show_agreement(*, coded: Path, against: Path | None, sources: tuple[Path, ...], only_events: bool) -> None:
    """Print how far a coder's labels agree with the events' own, or with another coder's."""
    events, labels = events_of(sources, only=only_events), load_labels(coded)
    relabelled(events, labels)  # refuses an event that is not there
    if against is not None:
        other = load_labels(against)
        events = relabelled(events, other).select(lambda e: e.event_id in other.events)
    found = agreement(events, labels)
    if not any(a.n for a in found):
        raise UserError(f"{labels.name} codes no label that the events have too: nothing to compare")
    say_json([_agreement_row(a) for a in found])
    columns = ["label", "coded by both", "agree", "share", "kappa", "differ on"]
    table(columns, [_agreement_cells(a) for a in found], right=columns[1:5])


def _agreement_row(a: Agreement) -> dict[str, object]:
    pairs = [{"first": first, "second": second, "n": n} for (first, second), n in a.table.items()]
    return {"label": a.label, "n": a.n, "agree": a.agree, "kappa": a.kappa, "pairs": pairs, "differ": list(a.differ)}


def _agreement_cells(a: Agreement) -> list[str]:
    share = f"{a.agree / a.n:.1%}" if a.n else "n/a"
    kappa = "n/a" if a.kappa is None else f"{a.kappa:.2f}"
    more = f" and {len(a.differ) - 4} more" if len(a.differ) > 4 else ""
    return [a.label, str(a.n), str(a.agree), share, kappa, ", ".join(a.differ[:4]) + more]
