"""Claims that only a browser can check: nothing is fetched, nothing complains, nothing is wider than a phone."""

import shutil

import pytest

from reports.comparison import comparison
from reports.tearsheet import tearsheet

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"),
]


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["tear sheet", "tear sheet without trades", "comparison"])
def file(request, tmp_path, traded, idle):
    page = {
        "tear sheet": lambda: tearsheet(traded),
        "tear sheet without trades": lambda: tearsheet(idle),
        "comparison": lambda: comparison([traded, idle, traded]),
    }[request.param]()
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_page_opens_alone_and_fits(chromium, file, width, scheme):
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri(), wait_until="networkidle")
    widest = page.evaluate("document.scrollingElement.scrollWidth")
    page.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert widest <= width


def test_figures_and_tables_are_seen(chromium, tmp_path, traded):
    path = tmp_path / "page.html"
    path.write_text(tearsheet(traded), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    page.goto(path.as_uri())
    heights = page.evaluate(
        "[...document.querySelectorAll('main svg[role=img]')].map(s => s.getBoundingClientRect().height)"
    )
    page.close()
    assert len(heights) >= 10
    assert min(heights) > 100
