"""Prints a page as PDF with the browser of this machine; nothing else in hustings needs a browser."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from datasets.errors import UserError
from datasets.files import replace_file
from hustings.files import writing
from hustings.terminal import progress

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
