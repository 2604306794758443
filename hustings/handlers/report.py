"""hustings report: writes the tear sheet of a run again, the tables behind it, and quantstats' own sheet."""

from pathlib import Path

from datasets.csv_rows import sheet_csv
from datasets.errors import UserError
from hustings.files import write_folder, write_text
from hustings.page_data import place_of, read_page
from hustings.printing import print_pdf
from hustings.run_folder import read_run
from hustings.second_page import TEAR_SHEET
from hustings.sheet import sheet_again
from hustings.terminal import in_json, progress, say_files, say_json


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
