"""The words of a model, brought into the engine's."""

from __future__ import annotations

import re
from typing import Final

from codeflow_engine.domain.finding import Category, Severity

__all__ = ["category_of", "cut", "kebab", "one_line", "severity_of", "valid_text"]

_SEVERITIES: Final = {
    **{severity.value: severity for severity in Severity},
    **dict.fromkeys(("blocker", "fatal", "severe"), Severity.CRITICAL),
    **dict.fromkeys(("error", "major", "important"), Severity.HIGH),
    **dict.fromkeys(("warning", "moderate", "normal"), Severity.MEDIUM),
    **dict.fromkeys(("minor", "trivial"), Severity.LOW),
    **dict.fromkeys(("information", "informational", "note", "hint", "nit"), Severity.INFO),
}
"""What tools and trackers call them."""

_CATEGORIES: Final = {
    **{category.value: category for category in Category},
    **dict.fromkeys(("bug", "logic", "defect"), Category.CORRECTNESS),
    **dict.fromkeys(("vulnerability", "privacy"), Category.SECURITY),
    **dict.fromkeys(("concurrency", "robustness", "error-handling"), Category.RELIABILITY),
    **dict.fromkeys(("efficiency", "speed"), Category.PERFORMANCE),
    **dict.fromkeys(("readability", "design", "complexity"), Category.MAINTAINABILITY),
    **dict.fromkeys(("test", "tests"), Category.TESTING),
    **dict.fromkeys(("docs", "comments"), Category.DOCUMENTATION),
    **dict.fromkeys(("formatting", "naming"), Category.STYLE),
}

_LONGEST_RULE: Final = 64
_NAMELESS: Final = "defect"

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ODD: Final = re.compile(r"[^a-z0-9]+")
_LONE: Final = re.compile("[\ud800-\udfff]")


def severity_of(word: str) -> Severity:
    """Give the severity that a word means; one that nobody knows is in the middle."""
    return _SEVERITIES.get(word.strip().casefold(), Severity.MEDIUM)


def category_of(word: str) -> Category:
    """Give the category that a word means; whatever else is wrong is a matter of correctness."""
    return _CATEGORIES.get(kebab(word), Category.CORRECTNESS)


def kebab(name: str) -> str:
    """Spell a name in kebab-case; one without a letter or digit of ASCII is `defect`."""
    # As much of it as may be looked at more than once.
    words = _HUMP.sub("-", name[: 4 * _LONGEST_RULE]).casefold()
    return _ODD.sub("-", words).strip("-")[:_LONGEST_RULE].rstrip("-") or _NAMELESS


def one_line(text: str) -> str:
    """Join a text with single spaces."""
    return " ".join(text.split())


def cut(text: str, most: int) -> str:
    """Shorten a text visibly where it has more characters than there is room for."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def valid_text(text: str) -> str:
    """Give a text that can be written in UTF-8: JSON can spell halves of characters."""
    return text if text.isascii() else _LONE.sub("\N{REPLACEMENT CHARACTER}", text)
