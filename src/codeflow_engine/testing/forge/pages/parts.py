"""Parts of the pages: the frame, who wrote what, marks of state, and lines of a diff."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources

from codeflow_engine.reports.html.assets import digest
from codeflow_engine.reports.html.markup import Content, Markup, document, element, embed, visible
from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.pages.links import link
from codeflow_engine.testing.forge.state import Label, Reaction, User

__all__ = ["Row", "badge", "by", "label", "page", "reactions", "rows", "section", "source", "tabs"]

_HEADER = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@.*")
_FACES = {
    "+1": "\U0001f44d",
    "-1": "\U0001f44e",
    "laugh": "\U0001f604",
    "hooray": "\U0001f389",
    "confused": "\U0001f615",
    "heart": "\u2764\ufe0f",
    "rocket": "\U0001f680",
    "eyes": "\U0001f440",
}


def page(title: str, *content: Content, trail: Content = None, status: int = 200) -> web.Response:
    """Answer with a whole page, under a policy that lets it do nothing."""
    style = resources.files(__package__).joinpath("style.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src {digest(style)}; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        embed("style", style),
    )
    top = element("header", link("/", "Forge"), trail, class_="top")
    body = element("body", top, element("main", element("h1", visible(title)), content))
    return web.Response(
        text=document(element("html", head, body, lang="en")),
        content_type="text/html",
        charset="utf-8",
        status=status,
        headers={
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )


def section(title: str, *content: Content, number: int | None = None) -> Markup:
    """Make a part of a page under a heading."""
    told = None if number is None else element("span", number, class_="count")
    return element("section", element("h2", title, " ", told), content)


def tabs(*choices: tuple[str, str, int, bool]) -> Markup:
    """Make the row of a page's sisters: path, title, number of things, whether it is this one."""
    made = [
        element("li", link(path, title, element("span", number, class_="count"), current=current))
        for path, title, number, current in choices
    ]
    return element("nav", element("ul", made), class_="tabs", aria_label="Pull request")


def badge(text: str, kind: str = "") -> Markup:
    """Make a mark of a state."""
    return element("span", visible(text), class_=f"badge {kind}".strip())


def label(one: Label) -> Markup:
    """Show a label; its colour says nothing that the name does not."""
    return badge(one.name, "label")


def by(account: User, at: float, verb: str = "commented") -> Markup:
    """Say who did something, and when."""
    return element(
        "p",
        element("strong", visible(account.login)),
        badge("bot", "bot") if account.is_bot else None,
        f" {verb} ",
        element("time", stamp(at), datetime=stamp(at)),
        class_="by",
    )


def reactions(found: Sequence[Reaction]) -> Markup | None:
    """Show how often each reaction was given, and by whom."""
    if not found:
        return None
    counts = Counter(one.content for one in found)
    items = []
    for content, number in counts.items():
        who = ", ".join(one.user.login for one in found if one.content == content)
        face = element("span", _FACES[content], role="img", aria_label=content)
        items.append(element("li", face, f" {number}", title=who))
    return element("ul", items, class_="reactions")


def source(text: str) -> Markup:
    """Show what was really sent, marks of ours and hidden characters included."""
    return element(
        "details",
        element("summary", "Source"),
        element("pre", element("code", visible(text)), translate="no"),
        class_="source",
    )


type Row = tuple[str, int | None, int | None, str]
"""A line of a diff: its mark, its numbers before and after, its text."""


def rows(hunk: str) -> Iterator[Row]:
    """Give the lines of a hunk, its header first."""
    old = new = 0
    for index, line in enumerate(hunk.split("\n")):
        header = _HEADER.fullmatch(line) if not index else None
        if header:
            old, new = int(header[1]), int(header[2])
            yield "@", None, None, line
            continue
        mark, text = line[:1] or " ", line[1:]
        has_old, has_new = mark in " -", mark in " +"
        yield mark, old if has_old else None, new if has_new else None, text
        old, new = old + has_old, new + has_new
