"""Opening pages in Chromium: what must hold of any page, as functions that return what is wrong with it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)
"""The browser of the tests. The headless shell is the same engine without windows: it needs half the processor time."""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
"""Options that keep the browser from looking for its maker's servers."""
A4 = 703
"""Pixels across a sheet of A4 between its margins of 12 mm."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]


COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe-core that look at colours: all that another colour scheme can change, and what takes its time."""
BUT_COLOURS = {"runOnly": {"type": "tag", "values": WCAG}, "rules": {name: {"enabled": False} for name in COLOURS}}
ONLY_COLOURS = {"runOnly": {"type": "rule", "values": COLOURS}}
ONLY = {"resultTypes": ["violations"]}
"""What passes is not written out, of which there is much."""


@dataclass
class Opened:
    """A page in the browser, what it said on the console, and what it asked for besides itself."""

    page: Any
    url: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """What the console heard and which addresses but its own the page asked for."""
        return self.said + [url for url in self.asked if not url.startswith("data:") and url != self.url]


@contextmanager
def opened(
    browser: Any, file: Path, *, width: int = 1200, scheme: str = "light", script: bool = True
) -> Iterator[Opened]:
    """Open a file in a window of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script, device_scale_factor=1
    )
    context.set_default_timeout(120_000)  # a busy machine is no fault
    page = context.new_page()
    found = Opened(page, file.as_uri())
    page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(file.as_uri(), wait_until="load")
    try:
        yield found
    finally:
        context.close()


DRAW_ALL = """() => {
  document.head.insertAdjacentHTML("beforeend", "<style>* { content-visibility: visible !important; }</style>");
}"""
"""Draws what is off the screen, too; at once, since a page without script tells nobody when a style has loaded."""


def photographed(found: Opened, name: str) -> None:
    """Keep a picture of the whole page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found.page.evaluate(DRAW_ALL)
    safe = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    found.page.screenshot(path=SCREENSHOTS / f"{safe}.png", full_page=True, animations="disabled")


CUT_OFF = """() => {
  document.head.insertAdjacentHTML("beforeend", "<style>* { content-visibility: visible !important; }</style>");
  const wide = document.documentElement.clientWidth, found = [];
  const shown = (what, el) => found.push(`${what}: ${el.tagName} ${el.className.baseVal ?? el.className} "${el.textContent.trim().slice(0, 40)}"`);
  const scrolls = el => { for (let e = el; e; e = e.parentElement) if (/auto|scroll/.test(getComputedStyle(e).overflowX)) return true; return false; };
  for (const el of document.querySelectorAll("main *:not(svg *)")) {
    const style = getComputedStyle(el), box = el.getBoundingClientRect();
    if (!box.width || style.visibility === "hidden" || el.matches("input, select")) continue;
    if (/hidden|clip/.test(style.overflowX) && el.tagName !== "svg" && el.scrollWidth > el.clientWidth + 1) shown("clipped", el);
    if (box.right > wide + 1 && !scrolls(el)) shown("beyond the edge", el);
    if (box.left < -1 && !scrolls(el)) shown("before the edge", el);
  }
  for (const text of document.querySelectorAll("main svg text")) {
    const inner = text.getBoundingClientRect(), outer = text.closest("svg").getBoundingClientRect();
    if (!inner.width || !outer.width) continue;
    if (inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1) shown("outside its drawing", text);
  }
  return found.slice(0, 12);
}"""


def cut_off(found: Opened) -> list[str]:
    """Return what a reader cannot get to see: text clipped, or beyond an edge that does not scroll."""
    return list(found.page.evaluate(CUT_OFF))


REMEMBER_COLOURS = """;(() => {
  const colour = axe.commons.color.Color.prototype, parse = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    if (!known.has(text)) known.set(text, parse.call(new axe.commons.color.Color(), text));
    const {r, g, b, alpha} = known.get(text);
    return Object.assign(this, {r, g, b, alpha});
  };
})()"""
"""axe-core parses the few colours of a page anew for each element and all its ancestors, a third of its time."""


ONE_ROW_OF_A_KIND = """() => {
  for (const body of document.querySelectorAll("tbody")) {
    const seen = new Set();
    for (const row of [...body.rows]) {
      const kind = [row, ...row.querySelectorAll("*")].map(e => [e.tagName, e.getAttribute("class"), e.getAttribute("style")].join()).join(";");
      if (seen.has(kind)) row.remove();
      seen.add(kind);
    }
  }
}"""
"""Leaves of each table one row of those whose elements have the same tags, classes and styles, and so the same colours."""


def colour_violations(found: Opened) -> list[str]:
    """Return what axe-core finds against the colours, in light and in dark; afterwards most rows of tables are gone."""
    found.page.evaluate(ONE_ROW_OF_A_KIND)
    light = violations(found, of=ONLY_COLOURS)
    found.page.emulate_media(color_scheme="dark")
    return light + violations(found, of=ONLY_COLOURS)


def violations(found: Opened, *, of: dict[str, Any] = BUT_COLOURS) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 A and AA, a line for each rule with the first elements it names."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not found.page.evaluate("'axe' in window"):
        found.page.evaluate(AXE_SCRIPT + REMEMBER_COLOURS)
    result = found.page.evaluate("options => axe.run(document, options)", {**of, **ONLY})
    return [
        f"{v['id']} ({len(v['nodes'])}): {v['help']}: " + " | ".join(n["html"][:120] for n in v["nodes"][:3])
        for v in result["violations"]
    ]


CONTROLS = "main a[href], main button:not([disabled]), main input, main select, main summary, main [tabindex='0']"
RECORD_FOCUS = """() => {
  window.visited = new Map();
  document.addEventListener("focusin", ({target}) => {
    const style = getComputedStyle(target);
    if (!window.visited.has(target)) window.visited.set(target, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0);
  });
}"""
"""Writes down each element that gets the focus, and whether it shows that."""
NO_OUTLINE = "[...window.visited].filter(([, seen]) => !seen).map(([e]) => `no outline: ${e.outerHTML.slice(0, 90)}`)"
NOT_REACHED = """els => els.filter(e => e.checkVisibility() && !window.visited.has(e))
  .map(e => `not reached: ${e.outerHTML.slice(0, 90)}`)"""


def unreachable(found: Opened) -> list[str]:
    """Return the controls that the Tab key does not reach, or that do not show that they have the focus."""
    page = found.page
    page.evaluate(RECORD_FOCUS)
    for _ in range(page.locator(CONTROLS).count() + 5 + 4 * page.locator("input[type=date]").count()):
        page.keyboard.press("Tab")
    return [*page.evaluate(NO_OUTLINE), *page.locator(CONTROLS).evaluate_all(NOT_REACHED)]
