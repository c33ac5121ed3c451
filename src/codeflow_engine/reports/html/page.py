"""The HTML report as a document: the parts in their order, and the policy that holds them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codeflow_engine.reports.form import conform
from codeflow_engine.reports.html import assets
from codeflow_engine.reports.html.controls import filters, help_dialog, theme_switch
from codeflow_engine.reports.html.coverage import ledger
from codeflow_engine.reports.html.facts import change_line, run_facts
from codeflow_engine.reports.html.finding import finding_card
from codeflow_engine.reports.html.head import head
from codeflow_engine.reports.html.markup import Markup, document, element, embed
from codeflow_engine.reports.html.picture import summary_picture
from codeflow_engine.reports.html.verdict import banner
from codeflow_engine.reports.html.words import counted, shorten, tally
from codeflow_engine.reports.summary import (
    by_file,
    count_severities,
    coverage_line,
    headline,
    live_and_settled,
)
from codeflow_engine.reports.visible import escape_path

__all__ = ["render"]

_OPENED = 20
"""Findings that stand open at first; the others open one by one, or all at once."""

_MANY = 200
"""Findings beyond which a browser lays out only those in sight."""

_MOST_TITLE = 120
"""Characters of the title of a change in the title of the document."""

_PLAIN = re.compile(r"[0-9a-z]{4,64}")


def render(review: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    """Render a review, in its JSON form, as one HTML document that stands for itself.

    The document asks for nothing: style and script are inside, named by their hashes in a
    Content Security Policy that allows nothing else. All of it is there without the script,
    which adds filters, keys and a switch of theme. The same review gives the same document.

    Args:
        review: What `Review.to_json` gives.
        encoding: Of what the document is written to; it reads the same in each.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    plain = conform(review)
    root = element("html", _head(plain), _body(plain), lang="en", class_="codeflow")
    return document(root, encoding)


def _head(review: Mapping[str, Any]) -> Markup:
    title = headline(review)
    if review["change"]["title"].strip():
        title += f" \u2013 {shorten(review['change']['title'].strip(), _MOST_TITLE)}"
    return head(title, assets.parts_style() + assets.page_style(), script=assets.script())


def _body(review: Mapping[str, Any]) -> Markup:
    live, settled = live_and_settled(review)
    cards = _Cards(review["findings"])
    targets = {path: f"file-{index}" for index, (path, _) in enumerate(by_file(live), 1)}
    listed = [
        _section("findings", "Findings", [_files(live, cards, targets), _none(review, live)]),
        _settled(settled, cards),
    ]
    return element(
        "body",
        element("a", "Skip to the findings", class_="cf-skip", href="#findings"),
        _header(review),
        element(
            "main",
            _section("summary", "Summary", summary_picture(review, targets=targets), unseen=True),
            filters(review["findings"], cards.sources) if review["findings"] else None,
            listed,
            _section("coverage", "Coverage", ledger(review["coverage"])),
            _section("run", "Run", run_facts(review)),
            class_="cf-many" if len(review["findings"]) > _MANY else None,
        ),
        element("footer", element("p", coverage_line(review))),
        help_dialog(),
        embed("script", assets.script()),
    )


def _header(review: Mapping[str, Any]) -> Markup:
    top = element(
        "div", element("span", "Code review", class_="cf-kind"), theme_switch(), class_="cf-top"
    )
    return element("header", top, banner(review), change_line(review))


def _section(name: str, title: str, content: Any, *, unseen: bool = False) -> Markup:
    heading = element("h2", title, id=f"{name}-title", class_="cf-unseen" if unseen else None)
    return element(
        "section", heading, content, id=name, aria_labelledby=f"{name}-title", tabindex="-1"
    )


def _none(review: Mapping[str, Any], live: Sequence[Mapping[str, Any]]) -> Markup | None:
    if live:
        return None
    told = "No findings."
    if review["outcome"] != "reviewed":
        told = "No findings in what was examined; the review is not complete."
    return element("p", told, class_="cf-nothing")


def _files(
    live: Sequence[Mapping[str, Any]], cards: _Cards, targets: Mapping[str, str]
) -> list[Markup]:
    shown = []
    opened = _OPENED
    for path, group in by_file(live):
        told = [counted(len(group), "finding"), f"({tally(count_severities(group))})"]
        heading = element(
            "h3",
            element("span", escape_path(path) or '""', class_="cf-path"),
            " ",
            element("span", " ".join(told), class_="cf-total"),
        )
        items = [cards.make(finding, opened=index < opened) for index, finding in enumerate(group)]
        opened -= len(group)
        shown.append(element("section", heading, items, class_="cf-file", id=targets[path]))
    return shown


def _settled(settled: Sequence[Mapping[str, Any]], cards: _Cards) -> Markup | None:
    if not settled:
        return None
    groups = [
        element(
            "section",
            element("h3", element("span", escape_path(path) or '""', class_="cf-path")),
            [cards.make(finding, opened=False) for finding in group],
            class_="cf-file",
        )
        for path, group in by_file(settled)
    ]
    told = f"{counted(len(settled), 'finding')} that no longer count at the gate."
    return _section(
        "settled", "Resolved or dismissed", [element("p", told, class_="cf-note"), groups]
    )


class _Cards:
    """Makes the cards of findings, with the ids and the data that the script looks at."""

    def __init__(self, findings: Iterable[Mapping[str, Any]]) -> None:
        names = sorted({source for finding in findings for source in finding["sources"]})
        self.sources = {name: index for index, name in enumerate(names)}
        self._taken: dict[str, int] = {}

    def make(self, finding: Mapping[str, Any], *, opened: bool) -> Markup:
        sources = " ".join(str(self.sources[name]) for name in finding["sources"])
        return finding_card(
            finding,
            opened=opened,
            anchor=self._id(finding["fingerprint"]),
            data_severity=finding["severity"],
            data_state=finding["state"],
            data_sources=sources,
        )

    def _id(self, fingerprint: str) -> str:
        """Name a finding by its fingerprint, so that a link to it holds in the next report."""
        name = fingerprint
        if not _PLAIN.fullmatch(name):
            name = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._taken[name] = number = self._taken.get(name, 0) + 1
        return f"finding-{name}" if number == 1 else f"finding-{name}-{number}"
