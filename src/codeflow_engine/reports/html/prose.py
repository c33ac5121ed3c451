"""What people and models write: paragraphs, and code between backticks. Nothing else is markup."""

from __future__ import annotations

import re

from codeflow_engine.reports.html.markup import Content, Markup, element, visible

__all__ = ["prose", "quoted"]

_QUOTED = re.compile(r"`([^`\n]+)`")


def prose(text: str) -> Markup | None:
    """Show text of several lines: an empty line parts paragraphs, backticks quote code."""
    paragraphs = [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"))]
    shown = [element("p", quoted(part), dir="auto") for part in paragraphs if part.strip()]
    return element("div", shown, class_="cf-prose") if shown else None


def quoted(text: str) -> list[Content]:
    """Show text, and as code what stands between backticks on one line."""
    parts = _QUOTED.split(text)
    return [
        element("code", visible(part)) if index % 2 else visible(part)
        for index, part in enumerate(parts)
    ]
