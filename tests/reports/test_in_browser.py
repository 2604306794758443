"""Claims that only a browser can check: nothing is fetched, nothing complains, nothing is cut off, all can be reached."""

import pytest

from reports.charts import ChartColumn, Columns, columns_svg
from reports.svg import WIDTH
from tests.reports.browsing import (
    A4,
    CHROMIUM,
    SCREENSHOTS,
    colour_violations,
    cut_off,
    opened,
    unreachable,
    violations,
)
from tests.reports.pages import NAMES, pages

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"),
]
PAGES = [
    "tear sheet",
    "tear sheet of two trades",
    "tear sheet without trades",
    "tear sheet of all lost",
    "tear sheet of Strategy",
    *(f"tear sheet named {kind}" for kind in NAMES),
    "comparison",
    "comparison of twelve events",
    "comparison of three",
    "comparison of many",
    "comparison of names",
    "implied",
    "gallery",
    "gallery of none",
]

SHAPES = [name for name in PAGES if not name.startswith("tear sheet named ") or name == PAGES[5]]
"""Pages that differ in more than a name, with the first of the hostile names."""
KINDS = ["tear sheet", "comparison", "comparison of many", "gallery"]
"""One page of each style sheet, with all there is on it: the others have no colours of their own."""


@pytest.fixture(scope="module")
def made(traded, idle, tmp_path_factory):
    """Return where a page lies, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")
    how = pages(traded, idle, folder)

    def file(name):
        path = folder / f"{PAGES.index(name)}.html"
        if not path.exists():
            path.write_text(how[name](), encoding="utf-8")
        return path

    return file


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_alone_in_light_and_dark_on_a_desk_and_a_telephone(chromium, made, photograph, name):
    with opened(chromium, made(name), width=375) as found:
        for width, scheme in ((375, "light"), (375, "dark"), (1200, "dark"), (1200, "light")):
            found.page.set_viewport_size({"width": width, "height": 800})
            found.page.emulate_media(color_scheme=scheme)
            if name in SHAPES:
                photograph(found, f"{name} {width} {scheme}")
            assert cut_off(found) == []
            assert found.page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert found.complaints == []


@pytest.mark.parametrize("name", SHAPES)
def test_printed_on_a4_nothing_is_cut_off(chromium, made, photograph, name):
    with opened(chromium, made(name), width=A4) as found:
        found.page.emulate_media(media="print")
        photograph(found, f"{name} print")
        assert cut_off(found) == []
        pdf = found.page.pdf(prefer_css_page_size=True, path=SCREENSHOTS / f"{name.replace(' ', '-')}.pdf")
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize("width", [600, WIDTH])
@pytest.mark.parametrize("n", [1, 2, 5, 12, 25, 40, 41])
def test_names_of_columns_stay_inside_their_drawing(chromium, tmp_path, n, width):
    columns = [ChartColumn(f"GB-{1900 + place}-06-08-GENERALWAHL", 0.0, 1.0, "rise", "") for place in range(n)]
    drawn = columns_svg(Columns("columns", "Columns", "Columns.", columns, str, width=width))
    (tmp_path / "page.html").write_text(f"<main>{drawn}</main><style>svg {{ width: {width}px; font: 12px sans-serif }}")
    with opened(chromium, tmp_path / "page.html") as found:
        assert found.page.locator("text.tick").count() > min(n, 2)
        assert cut_off(found) == []


@pytest.mark.parametrize("name", SHAPES)
def test_axe_finds_no_violation_of_wcag_a_and_aa(chromium, made, name):
    with opened(chromium, made(name)) as found:
        assert violations(found) == []
        if name in KINDS:
            assert colour_violations(found) == []


@pytest.mark.parametrize("name", SHAPES)
def test_the_tab_key_reaches_every_control_and_shows_where_it_is(chromium, made, name):
    with opened(chromium, made(name)) as found:
        assert unreachable(found) == []


@pytest.mark.parametrize("name", KINDS)
def test_without_script_every_number_and_a_static_chart_are_there(chromium, made, photograph, name):
    with opened(chromium, made(name), script=False) as found, opened(chromium, made(name)) as alive:
        cells = "els => els.map(e => e.textContent.replace(/\\s+/g, ' ').trim())"
        shown = found.page.locator("main td, main dd").evaluate_all(cells)
        assert shown == alive.page.locator("main td, main dd").evaluate_all(cells)
        hidden = "els => els.filter(e => !e.checkVisibility() && !e.closest('details:not([open]), .in-held')).length"
        assert found.page.locator("main td, main dd, main svg").evaluate_all(hidden) == 0
        drawn = found.page.locator("main svg :is(polyline, path, rect, circle)").count()
        assert drawn > 0
        assert found.page.locator("main button, main input[type=search]").count() == 0
        photograph(found, f"{name} without script")
        assert found.complaints == []


def test_figures_and_tables_are_seen(chromium, made):
    with opened(chromium, made("tear sheet")) as found:
        heights = "[...document.querySelectorAll('main svg[role=img]')].filter(s => s.checkVisibility()).map(s => s.getBoundingClientRect().height)"
        found_heights = found.page.evaluate(heights)
    assert len(found_heights) >= 5
    assert min(found_heights) > 60
