"""Claims about what a reader does with a page in a browser: every control works by mouse and by keyboard."""

import re

import pytest

from reports.comparison import comparison
from reports.gallery import gallery
from reports.tearsheet import tearsheet
from tests.reports.browsing import CHROMIUM, opened
from tests.reports.pages import cards, many, several

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"),
]
FIRST = [0.01, -0.02, 0.03, 0.00, 0.01, 0.02, -0.01, 0.04, 0.02, -0.03, 0.01, 0.02]
SECOND = [0.02, -0.01, 0.02, 0.03, 0.02, 0.05, -0.02, 0.06, 0.01, -0.01, 0.03, 0.04]


@pytest.fixture(scope="module")
def files(tmp_path_factory, traded):
    folder = tmp_path_factory.mktemp("controls")
    (folder / "runs" / "0").mkdir(parents=True)
    (folder / "runs" / "0" / "tearsheet.html").write_text("<!DOCTYPE html><title>sheet</title><p>here")
    texts = {
        "comparison": comparison([several(FIRST, strategy="one"), several(SECOND, strategy="two")]),
        "nine": comparison(many(9)),
        "gallery": gallery(cards(24)),
        "thousand": gallery(cards(1_000)),
        "sheet": tearsheet(traded),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture
def compared(chromium, files):
    with opened(chromium, files["comparison"]) as found:
        yield found.page
        assert found.complaints == []


@pytest.fixture
def gallery_page(chromium, files):
    with opened(chromium, files["gallery"]) as found:
        yield found.page
        assert found.complaints == []


def years(page, chart="equities"):
    """Return the dates that stand below a chart."""
    return page.locator(f"#{chart} .x-axis .tick").all_text_contents()


def place(page, chart):
    """Return where a chart lies, scrolled into view: a mouse cannot reach what is below the fold."""
    svg = page.locator(f"#{chart}")
    svg.scroll_into_view_if_needed()
    return svg.bounding_box()


def bar(page, chart="equities"):
    return page.locator(f".plot:has(#{chart})").locator("xpath=preceding-sibling::*[1]")


# Charts


def test_a_chart_zooms_by_its_buttons_and_back(compared):
    whole = years(compared)
    bar(compared).get_by_role("button", name="Zoom in").click()
    assert years(compared) != whole
    bar(compared).get_by_role("button", name="Show all").click()
    assert years(compared) == whole


def test_a_chart_zooms_by_dragging(compared):
    whole, box = years(compared), place(compared, "equities")
    compared.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 100)
    compared.mouse.down()
    compared.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 120, steps=4)
    compared.mouse.up()
    assert years(compared) != whole
    assert years(compared, "drawdowns") == whole  # each chart on its own


def test_a_chart_zooms_and_is_read_off_by_keyboard(compared):
    whole = years(compared)
    compared.locator(".plot:has(#equities)").focus()
    for key in ("ArrowRight", "ArrowRight", "+", "+"):
        compared.keyboard.press(key)
    assert years(compared) != whole
    compared.keyboard.press("End")
    answered = bar(compared).locator("output").text_content()
    assert re.fullmatch(r"2\d{3}-\d\d-\d\d · one 1\.\d\d · two 1\.\d\d", answered)
    compared.keyboard.press("0")
    assert years(compared) == whole


def test_a_chart_is_read_off_by_pointing_at_it(compared):
    box = place(compared, "drawdowns")
    compared.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    answered = bar(compared, "drawdowns").locator("output").text_content()
    assert re.fullmatch(r"2017-\d\d-\d\d · one -?\d\.\d\d % · two -?\d\.\d\d %", answered)


def test_a_line_is_switched_off_by_mouse_and_by_keyboard_and_is_then_not_read_off(compared):
    first, second = compared.get_by_role("checkbox").all()
    drawn = compared.locator("#equities .line")
    first.click()
    assert [drawn.nth(n).is_visible() for n in (0, 1)] == [False, True]
    second.focus()
    compared.keyboard.press("Space")
    assert [drawn.nth(n).is_visible() for n in (0, 1)] == [False, False]
    compared.keyboard.press("Space")
    compared.locator(".plot:has(#equities)").focus()
    compared.keyboard.press("End")
    assert "one" not in bar(compared).locator("output").text_content()
    assert compared.locator("#exposures .line.r0").is_hidden()


# Tables


def column(page, label, n):
    return page.locator(f'.box[aria-label="{label}"] tbody tr td:nth-child({n}) span').all_text_contents()


def test_events_are_sorted_by_a_heading_by_mouse_and_by_keyboard(compared):
    label = "Trades, event by event"
    head = compared.locator(f'.box[aria-label="{label}"] thead').get_by_role("button", name="one")
    head.click()
    assert column(compared, label, 3)[:3] == ["-3.00 %", "-2.00 %", "-1.00 %"]
    assert head.locator("xpath=..").get_attribute("aria-sort") == "ascending"
    head.focus()
    compared.keyboard.press("Enter")
    assert column(compared, label, 3)[:3] == ["+4.00 %", "+3.00 %", "+2.00 %"]
    assert head.locator("xpath=..").get_attribute("aria-sort") == "descending"


def test_events_are_filtered_by_words(compared):
    field = compared.get_by_label("Find an event")
    field.fill("jp-07 general")
    shown = compared.locator('.box[aria-label="Trades, event by event"] tbody tr:visible')
    assert shown.count() == 1
    assert "JP-07" in shown.text_content()
    field.press("Escape")
    assert shown.count() == 12


def test_many_runs_are_sorted_by_a_number_of_theirs(chromium, files):
    with opened(chromium, files["nine"]) as found:
        box = found.page.locator(".box:has(table[data-sortable])").first
        box.get_by_role("button", name="Total return").click()
        cells = box.locator("tbody tr td:nth-child(2)").evaluate_all("els => els.map(e => Number(e.dataset.v))")
        assert cells == sorted(cells)
        assert len(cells) == 9


def test_the_table_of_contents_goes_there(compared):
    compared.get_by_role("link", name="What differs").click()
    assert compared.url.endswith("#h-differ")
    assert compared.evaluate("document.querySelector('#h-differ').getBoundingClientRect().top") < 800


# The gallery


def names(page):
    return page.locator(".gallery li:visible .what > a bdi, .gallery li:visible .what > bdi").all_text_contents()


def returns(page):
    return page.locator(".gallery li dl div:first-child dd").all_text_contents()


def test_runs_are_found_by_words(gallery_page):
    field = gallery_page.get_by_label("Find runs")
    field.fill("buy-after hold=7")
    assert names(gallery_page) == ["buy-after-event"]
    assert gallery_page.locator(".list-bar output").text_content() == "1 of 24"
    field.press("Escape")
    assert len(names(gallery_page)) == 24


def test_runs_are_sorted_by_return_both_ways_and_what_is_not_there_comes_last(gallery_page):
    gallery_page.get_by_label("Sort by").select_option("Return")
    falling = [float(r.removesuffix(" %")) for r in returns(gallery_page)[:-1]]
    assert falling == sorted(falling, reverse=True)
    gallery_page.get_by_role("button", name="falling").focus()
    gallery_page.keyboard.press("Enter")
    rising = [float(r.removesuffix(" %")) for r in returns(gallery_page)[:-1]]
    assert rising == sorted(rising)
    assert returns(gallery_page)[-1] == "n/a"


def test_runs_are_sorted_by_keyboard(gallery_page):
    gallery_page.get_by_label("Sort by").focus()
    gallery_page.keyboard.press("ArrowDown")
    rules = [name.lower() for name in names(gallery_page)]
    assert rules == sorted(rules)


def test_a_sheet_opens_from_the_gallery_without_a_server(chromium, files):
    with opened(chromium, files["gallery"]) as found:
        found.page.locator(".gallery a").first.click()
        found.page.wait_for_url("file://**/runs/0/tearsheet.html")
        assert found.page.title() == "sheet"


COMPARE_FIVE = """() => {
  const begun = performance.now(), boxes = document.querySelectorAll(".gallery input");
  [0, 100, 300, 600, 900].forEach(n => boxes[n].click());
  return document.body.offsetHeight && performance.now() - begun;
}"""


def test_a_thousand_runs_are_searched_and_sorted(chromium, files):
    with opened(chromium, files["thousand"]) as found:
        page = found.page
        assert page.locator(".gallery li").count() == 1_000
        page.get_by_label("Find runs").fill("hold=77")
        page.get_by_label("Sort by").select_option("return")
        assert page.locator(".list-bar output").text_content() == "11 of 1,000"
        assert page.evaluate(COMPARE_FIVE) < 1_000  # milliseconds; thirty are usual
        assert page.locator(".compared tbody tr").count() == 5


def test_runs_are_filtered_by_rule_market_and_date(gallery_page):
    page = gallery_page
    page.get_by_label("Market").select_option("USDJPY")
    assert len(names(page)) == 8
    page.locator(".list-bar select").first.select_option("pro-growth-win")
    assert names(page) == ["pro-growth-win"] * 4
    page.locator(".list-bar input[type=date]").first.fill("2026-11-10")
    assert len(names(page)) == 2


def test_chosen_runs_are_compared_in_the_page(gallery_page):
    """Runs 0 and 1 have returned 50.52 % and 24.40 %; the second one is simulated."""
    page = gallery_page
    for n in (0, 1):
        page.locator(".gallery input").nth(n).check()
    rows = page.locator(".compared tbody tr").all_text_contents()
    assert len(rows) == page.locator(".compared polyline").count() == 2
    assert [figure in row for figure, row in zip(("50.52 %", "24.40 %"), rows, strict=True)] == [True, True]
    assert "SIMULATED" in rows[1]
    assert page.locator(".compared b").all_text_contents()[::2] == ["hold=0", "hold=1"]
    assert "hustings compare 0000000000000000 0000000000001eef" in page.locator(".compared .note").text_content()
    over_first = [e / e[0] for each in cards(24)[:2] if (e := each.equity) is not None]
    highest, lowest = max(e.max() for e in over_first), min(e.min() for e in over_first)
    axis = page.locator(".compared > svg text").all_text_contents()
    assert axis[:2] == [f"{100 * lowest - 100:.1f} %", f"{100 * highest - 100:.1f} %"]
    assert axis[-2:] == ["2016-01-04", "2018-12-28"]
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".compared").is_hidden()


# The tear sheet


def test_controls_of_the_tear_sheet_work_by_mouse_and_keyboard(chromium, files):
    with opened(chromium, files["sheet"]) as found:
        page = found.page
        for button in page.locator("main button:not([disabled])").all()[:60]:
            if button.is_visible() and button.is_enabled():
                button.click()
                button.press("Enter")
        for box in page.locator(".plot[tabindex='0']").all():
            box.focus()
            for key in ("ArrowRight", "End", "+", "-", "0", "Escape"):
                page.keyboard.press(key)
        for summary in page.locator("main summary").all():
            before = summary.evaluate("el => el.parentElement.open")
            summary.press("Enter")
            assert summary.evaluate("el => el.parentElement.open") != before
        for link in page.locator("nav a[href^='#']").all():
            assert page.locator(link.get_attribute("href")).count() == 1
        assert found.complaints == []


def test_events_of_the_tear_sheet_are_filtered(chromium, files):
    with opened(chromium, files["sheet"]) as found:
        field = found.page.locator("input[type=search]").first
        field.fill("no such event")
        table = field.locator("xpath=../following-sibling::*[1]").first
        assert table.locator("tbody tr:visible").count() == 0
        field.press("Escape")
        assert table.locator("tbody tr:visible").count() > 0
