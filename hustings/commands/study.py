"""hustings study: replay a strategy and say what its events can bear."""

import json
from pathlib import Path

import click

from engine.study.result import Study
from hustings.commands.run_options import RunOptions, run_options
from hustings.commands.study_options import StudyOptions, study_options
from hustings.ledger import SHOWN, position_json
from hustings.recording import entered, listed
from hustings.run_folder import check_free, run_json, write_run
from hustings.sheet import sheet_of
from hustings.studying import position_after, registration_of, studied, study_json, subject_of
from hustings.terminal import apart, head, progress, say, say_json, table, told_paths
from reports.study_tables import registered_text

SHOWN_ROWS = 15


@click.command()
@click.argument("strategy")
@run_options
@study_options
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the files go [runs/<run_id>].")
@click.option("--no-report", is_flag=True, help="Write no tear sheet.")
@click.option("--no-variants", is_flag=True, help="Do not reckon other holds, delays and costs for the tear sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def study(
    strategy: str,
    options: RunOptions,
    studying: StudyOptions,
    out: Path | None,
    no_report: bool,
    no_variants: bool,
    as_json: bool,
) -> None:
    """Replay STRATEGY and say what its events can bear: power, tests, placebo dates, on what the result hangs.

    STRATEGY is a hustings rule, named as for 'hustings run'. Its files are those of a run, and study.json.
    """
    studying.settings()
    if out is not None:
        check_free(out)
    registered = registration_of(studying.prereg, options.adjust)
    with progress("replaying"), apart(quiet=as_json):
        subject = subject_of(strategy, options, vary=not (no_report or no_variants))
    position = entered(subject.run)
    with progress("studying"), apart(quiet=as_json):
        made = studied(subject, studying, position, registered)
    position = position_after(subject.run, position)
    folder = out if out is not None else Path("runs") / subject.run.run_id
    with progress("writing the tear sheet"):
        place = "" if position is None else position.text
        page = None if no_report else sheet_of(subject.run, made, trial=place)
        files = write_run(subject.run, folder, page, json.dumps(study_json(made), indent=2, sort_keys=True) + "\n")
    if position is not None:
        listed(subject.run, folder)
    if as_json:
        trial = None if position is None else position_json(position)
        say_json({**run_json(subject.run, files), "trial": trial, "study": study_json(made)})
        return
    head(subject.run)
    show(made)
    told_paths(files)
    if position is not None:
        say(f"{'trial':10} {position.text}; ledger {position.head[:SHOWN]}")


def show(made: Study) -> None:
    """Print a study: what was registered, its tables in reading order, and the verdict."""
    from reports.study_tables import study_tables

    for line in _registered(made):
        say(line)
    for each in study_tables(made):
        say(f"\n{each.title}")
        if each.rows:
            table(each.columns, each.rows[:SHOWN_ROWS], right=each.right)
        if len(each.rows) > SHOWN_ROWS:
            say(f"{len(each.rows) - SHOWN_ROWS} more rows are in the tear sheet and in study.json")
        if each.note:
            say(each.note)
    say(f"\n{made.verdict}\n")


def _registered(made: Study) -> list[str]:
    if made.prereg is None:
        return []
    departs = made.prereg["deviations"]
    return [
        f"hypothesis: {made.prereg['hypothesis']}",
        f"  {made.prereg['standing']}",
        f"  registered: {registered_text(made.prereg)}",
        *(f"  departs: {each}" for each in departs),
    ]
