"""The controls of the page: without the script they do nothing, and are not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment
from codeflow_engine.reports.html.shapes import severity
from codeflow_engine.reports.html.words import shorten
from codeflow_engine.reports.summary import count_severities

__all__ = ["filters", "help_dialog", "theme_switch"]

_MOST_SOURCE = 60

_STATES = ("new", "open", "resolved", "dismissed")
_THEMES = {"system": "Theme: system", "light": "Theme: light", "dark": "Theme: dark"}

_KEYS = (
    (("j", "\u2193"), "next finding"),
    (("k", "\u2191"), "previous finding"),
    (("Enter", "Space"), "open or close it"),
    (("o",), "open or close all that are shown"),
    (("/",), "search"),
    (("t",), "change the theme"),
    (("?",), "these keys"),
    (("Esc",), "leave the search, clear it, or close this"),
)


def theme_switch() -> Markup:
    """Make the button that goes through the themes, and the one that shows the keys."""
    return element(
        "div",
        element("button", "Keys", type="button", id="keys", aria_haspopup="dialog"),
        element("button", _THEMES["system"], type="button", id="theme", data_theme="system"),
        class_="cf-script cf-buttons",
    )


def filters(findings: Sequence[Mapping[str, Any]], sources: Mapping[str, int]) -> Markup:
    """Make the filters by severity, state, source and text, and say what they show."""
    states = Counter(finding["state"] for finding in findings)
    bad = [
        _choice("severity", name, severity(name), number)
        for name, number in count_severities(findings).items()
        if number
    ]
    known = [_choice("state", name, name, states[name]) for name in _STATES if states[name]]
    options = [
        element("option", shorten(name, _MOST_SOURCE), value=index)
        for name, index in sources.items()
    ]
    chosen = element("select", element("option", "any source", value=""), options, id="source")
    search = element(
        "input",
        type="search",
        id="search",
        autocomplete="off",
        spellcheck="false",
        placeholder="path, title, text, fingerprint",
        aria_describedby="shown",
    )
    buttons = [
        element("button", "Open all", type="button", id="unfold"),
        element("button", "Clear filters", type="button", id="clear", hidden=True),
    ]
    empty = element(
        "div",
        element("p", "No finding matches these filters.", class_="cf-nothing"),
        element("p", "The findings are still there, and the verdict above stands. "),
        element("button", "Clear filters", type="button", id="clear-empty"),
        id="empty",
        class_="cf-empty",
        hidden=True,
    )
    bar = element(
        "search",
        _field("Search", search, "search"),
        _choices("Severity", bad),
        _choices("State", known),
        _field("Source", chosen, "source") if sources else None,
        element("output", f"{len(findings):,} of {len(findings):,} shown", id="shown"),
        element("div", buttons, class_="cf-buttons"),
        class_="cf-script cf-filters",
        aria_label="Filter the findings",
    )
    return fragment(bar, empty)


def help_dialog() -> Markup:
    """Make the dialog that lists the keys, and can turn the single ones off."""
    rows = [
        element(
            "div",
            element(
                "dt",
                [[" " if index else "", element("kbd", key)] for index, key in enumerate(keys)],
            ),
            element("dd", told),
        )
        for keys, told in _KEYS
    ]
    switch = element(
        "label",
        element("input", type="checkbox", id="single-keys", checked=True),
        " Use keys of one character",
    )
    return element(
        "dialog",
        element("h2", "Keys", id="help-title"),
        element("dl", rows, class_="cf-keys"),
        element("p", switch),
        element("button", "Close", type="button", id="help-close"),
        id="help",
        aria_labelledby="help-title",
    )


def _choices(title: str, choices: Sequence[Markup]) -> Markup:
    return element("fieldset", element("legend", title), choices)


def _choice(group: str, value: str, told: Content, number: int) -> Markup:
    box = element("input", type="checkbox", checked=True, value=value, data_filter=group)
    return element("label", box, told, element("span", f"{number:,}", class_="cf-total"))


def _field(title: str, control: Markup, name: str) -> Markup:
    return element("div", element("label", title, for_=name), control, class_=f"cf-field cf-{name}")
