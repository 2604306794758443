"""The tear sheet of a run; quantstats' sheet, made in a second process meanwhile; and pages printed as PDF."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from engine.run.run import Run
from hustings.terminal import progress, warn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import UserError
from datasets.files import replace_file
from hustings.files import writing
from hustings.page_data import data_tag, sealed
from hustings.recording import position_if_any
from hustings.registry import run_in
from hustings.run_folder import read_checked
from hustings.trials import TrialPosition

if TYPE_CHECKING:
    from engine.study.result import Study  # imports the statistics, which a run without a page does not use


TEAR_SHEET, QUANTSTATS = "tearsheet.html", "quantstats.html"


@contextmanager
def second_page(*, wanted: bool) -> Iterator[Callable[[Run], Callable[[], str | None]]]:
    """Give what begins quantstats' sheet of a run; what that returns waits for the page.

    The page is None where it is not ``wanted``, or, after a warning, where it could not be made. The process imports
    quantstats, the half of the work, while the run is not there yet. It ends with the block.
    """
    if not wanted:
        yield lambda _: lambda: None
        return
    from multiprocessing import Pipe, get_context  # not needed, and slow to import, without a second page

    ours, theirs = Pipe()
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # of a fork among threads: those of libraries, which are idle
        process = get_context().Process(target=_serve, args=(ours, theirs), daemon=True)
        process.start()
    theirs.close()

    def begin(run: Run) -> Callable[[], str | None]:
        with suppress(OSError):  # it has ended, which shows when the page is waited for
            ours.send(run)
        return lambda: _received(ours)

    try:
        yield begin
    finally:
        ours.close()
        process.terminate()
        process.join()


def _received(line: "Connection[Any, Any]") -> str | None:
    with progress("waiting for quantstats' sheet"):
        try:
            answer = line.recv()
        except (EOFError, OSError):
            answer = RuntimeError("its process ended")
    if isinstance(answer, str):
        return answer
    warn(
        f"hustings: quantstats' sheet could not be made ({answer}); 'hustings report RUN --quantstats FILE' tries again"
    )
    return None


def _serve(ours: "Connection[Any, Any]", theirs: "Connection[Any, Any]") -> None:
    """Import quantstats, and answer a run with its page."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    ours.close()  # a copy, which would keep the line open after the end of that process
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    from reports.quantstats_page import quantstats_page
    from reports.quantstats_sheet import import_quantstats

    with suppress(EOFError, OSError):
        import_quantstats()
        run = theirs.recv()
        try:
            theirs.send(quantstats_page(run, tear_sheet=TEAR_SHEET))
        except Exception as e:
            theirs.send(RuntimeError(f"{type(e).__name__}: {e}"))


_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 120
_NODE = re.compile(rb"\(node\d{8}\)")
_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")


def print_pdf(page: Path) -> Path:
    """Write a page as a PDF of the same name, laid out for paper; the same page and browser give the same bytes.

    Raises:
        UserError: there is no browser, it fails, or the file cannot be written.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UserError(
            f"a PDF needs one of {', '.join(_BROWSERS[:3])} on the PATH; or print '{page}' from your browser"
        )
    pdf = page.with_suffix(".pdf")
    with progress("printing"), tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "page.pdf"
        _print(browser, page, made, Path(scratch) / "profile")
        with writing(pdf):
            replace_file(pdf, _reproducible(made.read_bytes()))
    return pdf


def _print(browser: str, page: Path, pdf: Path, profile: Path) -> None:
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
        f"--user-data-dir={profile}", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.resolve().as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as e:
        raise UserError(f"{browser} did not print '{page}' within {_SECONDS} s") from e
    if done.returncode or not pdf.is_file():
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise UserError(f"{browser} could not print '{page}': {last}")


def _reproducible(pdf: bytes) -> bytes:
    """Return a PDF without what changes from one printing to the next: the time, and gaps in the names of its nodes.

    Its length is unchanged, so that its table of contents is still valid.
    """
    nodes = sorted(set(_NODE.findall(pdf)))
    name = {node: b"(node%08d)" % n for n, node in enumerate(nodes, start=1)}
    return _DATE.sub(rb"\g<1>19700101000000", _NODE.sub(lambda found: name[found[0]], pdf))


def sheet_of(run: Run, study: "Study | None", position: TrialPosition | None, *, quantstats: str = "") -> str:
    """Return the tear sheet of a run as one HTML page; ``quantstats`` is the address of quantstats' sheet, if any."""
    from reports.tearsheet import tearsheet

    section = None
    if study is not None:
        from reports.study_figures import study_section  # brings SciPy

        section = study_section(study)
    trial, caution = ("", "") if position is None else (position.text, position.caution)
    page = tearsheet(run, section, trial=trial, caution=caution, quantstats=quantstats, data=data_tag(run))
    return sealed(page)


def sheet_again(run: Run, folder: Path) -> str:
    """Return the tear sheet of a run read from its folder, with its study and its present position in the ledger."""
    return sheet_of(run, kept_study(folder, run.run_id), position_if_any(run), quantstats=kept_sheet(folder))


def kept_sheet(folder: Path) -> str:
    """Return the address of quantstats' sheet as seen from a run's folder; blank if there is none."""
    return QUANTSTATS if (folder / QUANTSTATS).is_file() else ""


def kept_study(folder: Path, run_id: str) -> "Study | None":
    """Return the study in a run's folder, if it is of that run.

    Raises:
        UserError: it is there and cannot be read.
    """
    name = "study.json"
    if not (folder / name).is_file() or run_in(folder) != run_id:
        return None
    from pydantic import TypeAdapter, ValidationError

    from engine.study.result import Study

    try:
        text = read_checked(folder, name)
        if json.loads(text).get("run_id") != run_id:
            return None
        return TypeAdapter(Study).validate_json(text)
    except (OSError, ValueError, AttributeError, ValidationError) as e:
        path = folder / name
        raise UserError(f"'{path}' is damaged or of another version; study the strategy again, or remove it") from e
