"""A browser opens the HTML report, and a reader finds the way through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import html_reviews
from browsers import Browser
from codeflow_engine.reports.html import render

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"width": 360, "height": 740}


def shown(page: Page) -> int:
    """Count the findings that can be seen."""
    return page.locator(".cf-finding:visible").count()


@pytest.mark.parametrize("name", ["rich", "partial", "empty", "hostile"])
def test_the_page_fits_a_phone(browser: Browser, name: str) -> None:
    """At 360 pixels nothing but boxes of code scrolls sideways, whatever the text is."""

    def look(page: Page) -> int:
        return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    html = render(getattr(html_reviews, name)())

    assert browser.visit(html, look, viewport=PHONE) <= 0


def test_filters_hide_findings_and_count_right(browser: Browser) -> None:
    """Severity, state, source and text narrow what is shown, and an empty list says why."""

    def look(page: Page) -> None:
        told = page.locator("#shown")
        assert (shown(page), told.inner_text()) == (8, "8 of 8 shown")
        page.uncheck("input[value=critical]")
        assert (shown(page), told.inner_text()) == (7, "7 of 8 shown")
        page.uncheck("input[value=dismissed]")
        assert (shown(page), told.inner_text()) == (6, "6 of 8 shown")
        page.select_option("#source", label="ruff")
        assert (shown(page), told.inner_text()) == (2, "2 of 8 shown")
        page.fill("#search", "TIMEOUT settings.py")
        page.wait_for_function("document.getElementById('shown').textContent === '1 of 8 shown'")
        assert shown(page) == 1
        assert page.locator(".cf-file:visible").count() == 1
        page.fill("#search", "no such thing")
        page.wait_for_selector("#empty")
        assert shown(page) == 0
        assert page.locator(".cf-verdict").is_visible()
        page.click("#clear-empty")
        assert (shown(page), told.inner_text()) == (8, "8 of 8 shown")
        assert not page.locator("#empty").is_visible()

    browser.visit(render(html_reviews.rich()), look)


def test_keys_move_between_findings_and_open_them(browser: Browser) -> None:
    """`j` and `k` move the focus, Enter opens, `/` searches, `?` helps, Escape goes back."""

    def focused(page: Page) -> str:
        return str(page.evaluate("document.activeElement.id"))

    def look(page: Page) -> None:
        ids = page.locator(".cf-finding > summary").evaluate_all("all => all.map(one => one.id)")
        for key, index in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0)):
            page.keyboard.press(key)
            assert focused(page) == ids[index]
        card = page.locator(f"details:has(#{ids[0]})")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        for key in ("Enter", "Space"):
            before = card.get_attribute("open")
            page.keyboard.press(key)
            assert (card.get_attribute("open") is None) != (before is None)
        page.keyboard.press("/")
        page.keyboard.type("jk?")
        assert page.input_value("#search") == "jk?"
        page.keyboard.press("Escape")
        assert page.input_value("#search") == ""
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("#help").is_visible()

    browser.visit(render(html_reviews.rich()), look)


def test_the_theme_follows_the_system_and_the_switch(browser: Browser) -> None:
    """Dark and light are different colours, by the system's wish or the reader's."""

    def ground(page: Page) -> Any:
        return page.evaluate(
            "[document.documentElement, document.querySelector('.cf-title')]"
            ".map((e) => getComputedStyle(e).backgroundColor + getComputedStyle(e).color)"
        )

    def look(page: Page) -> list[Any]:
        seen = [ground(page)]
        for _ in range(3):
            page.keyboard.press("t")
            seen.append(ground(page))
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        return seen

    html = render(html_reviews.rich())
    light = browser.visit(html, look, color_scheme="light")
    dark = browser.visit(html, look, color_scheme="dark")

    assert light[0] != dark[0]
    assert light == [light[0], light[0], dark[0], light[0]]
    assert dark == [dark[0], light[0], dark[0], dark[0]]


def test_everything_is_there_without_a_script(browser: Browser) -> None:
    """Where scripts do not run, no control is shown and every finding can be opened."""

    def look(page: Page) -> None:
        assert not page.locator("search").is_visible()
        assert not page.locator("#theme").is_visible()
        assert shown(page) == 8
        last = page.locator(".cf-finding").last
        assert not last.locator(".cf-body").is_visible()
        last.locator("summary").click()
        assert last.locator(".cf-body").is_visible()

    browser.visit(render(html_reviews.rich()), look, java_script_enabled=False)
