"""hustings runs, report: the registry of past runs, and the pages and tables of one written again."""

from pathlib import Path

from msgspec.structs import asdict

from datasets.csv_rows import sheet_csv
from datasets.errors import UserError
from hustings.files import write_folder, write_text
from hustings.page_data import place_of, read_page
from hustings.registry import count, entries, find, folder_of, forget, run_in
from hustings.run_folder import read_run
from hustings.sheet import TEAR_SHEET, print_pdf, sheet_again
from hustings.terminal import in_json, parameters_text, progress, say, say_files, say_json, table


def list_registry(*, limit: int, everything: bool) -> None:
    """Print the runs, newest first."""
    from reports.numbers import percent

    found = entries(limit=None if everything else limit)
    say_json([asdict(e) for e in found])
    columns = ["run", "when (UTC)", "strategy", "parameters", "", "trades", "return"]
    rows = []
    for e in found:
        simulated, total = "SIMULATED" if e.simulated else "", percent(e.total_return)
        what = [e.run_id, e.created_at[:16], e.strategy, parameters_text(e.parameters), simulated]
        rows.append([*what, str(e.n_trades), total])
    table(columns, rows, right=["trades", "return"])
    say(f"{len(found)} of {count()} runs")


def show_again(*, run: str) -> None:
    """Print a run read from its folder."""
    from hustings.run_folder import read_run, run_json
    from hustings.run_summary import summary

    folder = folder_of(run)
    loaded = read_run(folder)
    files = {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in (".json", ".csv", ".html")}
    say_json(run_json(loaded, files))
    summary(loaded, files)


def write_gallery(*, out: Path, no_sheets: bool) -> None:
    """Write a page over all runs, and the tear sheets that are missing."""
    from hustings.gallery import card, listed, make_sheets
    from reports.gallery import gallery

    is_file = out.suffix.casefold() in (".html", ".htm") and not out.is_dir()
    page, found = out if is_file else out / "index.html", list(map(listed, entries()))
    missing = sum(not run.gone and not run.has_sheet for run in found)
    with progress(f"reading {len(found)} runs, writing {missing} missing tear sheets"):
        failed = {} if no_sheets else make_sheets(found)
        shown = [card(run, page.parent, failed.get(run.entry.run_id, "")) for run in found]
        write_text(page, gallery(shown))
    linked = sum(bool(each.link) for each in shown)
    unlinked = {each.run_id: each.missing for each in shown if each.missing}
    say_json({"runs": len(shown), "linked": linked, "missing": unlinked, "files": {"gallery": str(page)}})
    say(f"{linked} of {len(shown)} runs linked\ngallery {page}")


def remove_from_registry(*, run: str, keep_files: bool) -> None:
    """Remove a run from the registry, and its files unless another run has its folder now."""
    entry = find(run)
    if not keep_files and run_in(Path(entry.folder)) == entry.run_id:
        from hustings.run_folder import remove_run

        remove_run(Path(entry.folder))
    forget(entry.run_id)
    say_json({"removed": entry.run_id})
    say(f"removed {entry.run_id}")


def report_run(*, run: str, out: Path | None, csv_dir: Path | None, quantstats: Path | None, pdf: bool) -> None:
    """Write the pages and tables of a run, and print where they are."""
    place = place_of(run)
    mailed = place if place.is_file() else None
    from reports.tables import tables

    folder = mailed.parent if mailed else place
    loaded = read_page(mailed) if mailed else read_run(folder)
    if mailed and not (out or csv_dir or quantstats or in_json()):
        raise UserError(f"'{run}' is a page: add --json, --csv DIR, --quantstats FILE or --out FILE")
    page, files = out or (mailed or folder / TEAR_SHEET), {}
    if quantstats is not None:
        link = page.name if quantstats.parent.resolve() == page.parent.resolve() else ""
        with progress("calling quantstats"):
            from reports.quantstats_page import quantstats_page  # brings pandas and matplotlib

            files["quantstats"] = write_text(
                quantstats, quantstats_page(loaded, tear_sheet=link), option="--quantstats"
            )
    if page != mailed:
        with progress("writing the tear sheet"):
            files["tearsheet"] = write_text(page, sheet_again(loaded, folder))
    if pdf:
        files["pdf"] = print_pdf(page)
    if csv_dir is not None:
        found = tables(loaded).items()
        texts = {f"{n}.csv": sheet_csv(rows[0], (r.values() for r in rows)) if rows else "" for n, rows in found}
        write_folder(csv_dir, texts, option="--csv")
        files |= {Path(name).stem: csv_dir / name for name in texts}
    if in_json():  # the tables are all that takes time here
        say_json({"run_id": loaded.run_id, "tables": tables(loaded), "files": files})
    say_files(files)
