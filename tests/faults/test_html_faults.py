"""The HTML report in a browser under all that text can do, in every look, and in bulk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import html_reviews
from browsers import Browser
from codeflow_engine.reports.html import render

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.fault

NAMES = ("rich", "clean", "partial", "skipped", "failed", "empty", "hostile")
WIDTHS = (320, 360, 768, 1280)
LOADED = 30
"""Seconds for thousands of findings on a machine that does other things too."""

CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
  };
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest("option")) continue;
    const one = luminance(channels(getComputedStyle(element).color));
    const other = luminance(ground(element));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([ratio, `${element.tagName}.${element.className} ${node.data.slice(0, 20)}`]);
  }
  return found;
}
"""


@pytest.mark.parametrize("name", NAMES)
def test_every_review_fits_every_width_in_every_look(browser: Browser, name: str) -> None:
    """From 320 pixels on, light, dark, in forced colours and on paper, nothing overflows."""

    def look(page: Page) -> list[int]:
        seen = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            seen.append(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
        return seen

    html = render(getattr(html_reviews, name)())
    looks: tuple[dict[str, Any], ...] = (
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {"forced_colors": "active"},
        {"java_script_enabled": False},
    )

    for options in looks:
        assert max(browser.visit(html, look, **options)) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["rich", "partial", "failed", "empty", "hostile"])
def test_all_text_is_readable(browser: Browser, name: str, scheme: str) -> None:
    """Each piece of text has the contrast of WCAG AA (1.4.3) on what lies behind it."""

    def look(page: Page) -> list[tuple[float, str]]:
        if page.locator("#unfold").count():
            page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        return [tuple(one) for one in page.evaluate(CONTRAST)]

    found = browser.visit(render(getattr(html_reviews, name)()), look, color_scheme=scheme)

    assert len(found) > 20
    assert not [one for one in found if one[0] < 4.5]


def test_paper_shows_all(browser: Browser) -> None:
    """In print, closed findings and closed parts of the ledger are open, and no control is."""

    def look(page: Page) -> None:
        page.locator("#unfold").click()
        assert page.locator(".cf-body:visible").count() == 0
        page.emulate_media(media="print")
        for part in page.locator(".cf-body, .cf-group").all():
            box = part.bounding_box()
            assert box is not None
            assert box["height"] > 20
        assert page.locator("button:visible, input:visible").count() == 0
        over = page.locator(".cf-code").evaluate_all(
            "all => all.filter((one) => one.scrollWidth > one.clientWidth).length"
        )
        assert over == 0

    browser.visit(render(html_reviews.rich()), look, viewport={"width": 700, "height": 900})


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_s16_hostile_text_stays_text(browser: Browser, *, script: bool) -> None:
    """Text that would close, load, run or submit is shown as it was written, and does nothing."""

    def look(page: Page) -> None:
        page.locator("summary").evaluate_all("all => all.forEach((one) => one.click())")
        page.wait_for_timeout(200)
        text = page.locator("body").text_content() or ""
        for written in ("</script><script>window.pwned=1</script>", "onerror=window.pwned=1>"):
            assert written in text
        for kind in ("img", "iframe", "base", "form", "object", "embed", "body > script + *"):
            assert page.locator(kind).count() == 0
        assert page.locator("script").count() == 1
        links = page.locator("a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
        assert all(link.startswith("#") for link in links)

    browser.visit(render(html_reviews.hostile()), look, java_script_enabled=script)


def test_thousands_of_findings_open_and_filter(browser: Browser) -> None:
    """Five thousand findings are opened, searched and stepped through in seconds."""
    html = render(html_reviews.large(5000))

    def look(page: Page) -> None:
        assert page.locator("#shown").inner_text() == "5,000 of 5,000 shown"
        page.fill("#search", "number 4321,")
        page.wait_for_function("document.getElementById('shown').textContent.startsWith('1 ')")
        assert page.locator(".cf-finding:not([hidden])").count() == 1
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.matches('.cf-finding > summary')")
        for told in ("Open all", "Close all"):
            page.click("#unfold")
            assert page.locator("#unfold").inner_text() == told
        assert page.locator(".cf-finding[open]").count() == 5000

    began = time.monotonic()
    browser.visit(html, look)

    assert time.monotonic() - began < LOADED


def test_a_link_to_a_finding_opens_it(browser: Browser) -> None:
    """An address with the id of a closed finding shows that finding, open and focused."""

    def look(page: Page) -> None:
        page.wait_for_selector("[open] > #finding-2290fe5d7c4b1a86:focus")
        page.wait_for_timeout(200)
        assert page.locator("#finding-2290fe5d7c4b1a86:focus").count() == 1
        page.uncheck("input[value=dismissed]")
        page.evaluate("location.hash = '#finding-c81d0b3f9e5a7264'")
        page.wait_for_selector("[open] > #finding-c81d0b3f9e5a7264:focus")

    browser.visit(render(html_reviews.rich()), look, address="#finding-2290fe5d7c4b1a86")


def test_the_keyboard_alone_reaches_everything(browser: Browser) -> None:
    """The first stop skips to the findings, every stop shows its focus, and has a name."""

    def look(page: Page) -> None:
        page.wait_for_selector(".cf-code[tabindex]")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
        assert page.locator(".cf-skip").bounding_box()["y"] >= 0  # type: ignore[index]
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            name, outline = page.evaluate(
                "[document.activeElement.tagName + (document.activeElement.id || "
                "document.activeElement.textContent.slice(0, 20)), "
                "getComputedStyle(document.activeElement).outlineStyle]"
            )
            if name.startswith("BODY"):
                break
            seen.add(name)
            assert outline != "none", name
        assert {"INPUTsearch", "SELECTsource", "BUTTONunfold", "BUTTONtheme"} <= seen
        assert sum(name.startswith("SUMMARY") for name in seen) >= 9

    phone = {"width": 360, "height": 3000}

    browser.visit(render(html_reviews.rich()), look, viewport=phone)


def test_keys_of_one_character_can_be_turned_off(browser: Browser) -> None:
    """Who speaks to the computer can turn them off (WCAG 2.1.4); arrows still move."""

    def look(page: Page) -> None:
        page.click("#keys")
        page.uncheck("#single-keys")
        page.click("#help-close")
        page.keyboard.press("t")
        assert page.locator("#theme").inner_text() == "Theme: system"
        page.locator(".cf-finding > summary").first.focus()
        page.keyboard.press("j")
        first = page.evaluate("document.activeElement.id")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.id") != first

    browser.visit(render(html_reviews.rich()), look)


@pytest.mark.parametrize(
    "added",
    [
        "<script>window.pwned=1</script>",
        "<img src=x onerror=window.pwned=1>",
        "<p style='color:red'>",
        "<img src=//evil.invalid/a.png>",
    ],
)
def test_the_watch_and_the_policy_can_fail(browser: Browser, added: str) -> None:
    """A document with one foreign element is stopped by its policy, and that is noticed."""
    html = render(html_reviews.clean()).replace("<footer>", f"{added}<footer>")

    with pytest.raises(AssertionError):
        browser.visit(html, lambda page: page.wait_for_timeout(200))
