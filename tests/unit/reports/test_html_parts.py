"""Code, prose and colours of the HTML report."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from report_samples import finding, findings

from codeflow_engine.reports.html.assets import page_style, parts_style
from codeflow_engine.reports.html.code import excerpt, suggestion
from codeflow_engine.reports.html.finding import finding_card
from codeflow_engine.reports.html.prose import prose
from codeflow_engine.reports.html.words import counted, duration, place

COLORS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", parts_style()
    )
}
WORDS = ("ink", "muted", "accent", "critical", "high", "medium", "low", "info", "good", "bad")
TEXT = [
    *((word, ground) for word in WORDS for ground in ("ground", "surface", "code")),
    *((word, ground) for word in ("ink", "muted") for ground in ("hit", "old", "new", "track")),
    *(("ink", ground) for ground in ("mark", "old-mark", "new-mark")),
    *(("bad", ground) for ground in ("hit", "old", "new", "track")),
    ("good", "new"),
]
SHAPES = [
    ("edge", "surface"),
    ("edge", "ground"),
    *((name, ground) for name in WORDS for ground in ("surface", "track")),
]


def luminance(color: str) -> float:
    """Compute the relative luminance of a colour (WCAG 2.2)."""
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Compute the contrast ratio of two colours (WCAG 2.2)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def marked(line: str, column: int, end: int | None) -> str:
    """Show one line with a finding in it, without what stands around its text."""
    code = {"start_line": 1, "lines": [line], "column": column, "end_column": end}
    match = re.search(
        r'class="cf-text">(.*)</span>\n', str(excerpt(finding(line=1, evidence=code)))
    )
    assert match is not None
    return match[1]


def rows(code: Any) -> list[tuple[str, ...]]:
    """List kind, number, mark and text of each line of a listing."""
    found = re.findall(
        r'class="cf-line cf-(\w+)"><span class="cf-number">(\d+)</span>'
        r'<span class="cf-mark">(.*?)</span><span class="cf-text">(.*?)</span>\n</',
        str(code),
    )
    return [tuple(one) for one in found]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(theme: int) -> None:
    """Text has a ratio of 4.5 on whatever it stands on (1.4.3), shapes have 3 (1.4.11)."""
    wrong = [
        (word, ground, round(ratio, 2))
        for pairs, least in ((TEXT, 4.5), (SHAPES, 3.0))
        for word, ground in pairs
        if (ratio := contrast(COLORS[word][theme], COLORS[ground][theme])) < least
    ]

    assert not wrong
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5


def test_every_colour_is_a_variable() -> None:
    """No rule names a colour of its own, so that the ratios above are those of the page."""
    style = re.sub(r"--[\w-]+: light-dark\([^)]*\);", "", parts_style() + page_style())

    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)", style)
    assert set(re.findall(r"rgb\([^)]*\)", style)) == {"rgb(0 0 0 / 0.45)"}
    assert set(re.findall(r"var\(--([\w-]+)", style)) <= {
        *COLORS,
        *("tone", "under", "sans", "mono", "radius"),
    }


@pytest.mark.parametrize(
    ("line", "column", "end", "text"),
    [
        ("x = 1", 5, 6, "x = <mark>1</mark>"),
        ("x = 1", 5, None, "x = <mark>1</mark>"),
        ("\tx\ty", 4, 5, "\tx\t<mark>y</mark>"),
        ("a<b>", 2, 4, "a<mark>&lt;b</mark>&gt;"),
        ("a\u202eb", 2, 3, 'a<mark><span class="cf-hidden">\\u202e</span></mark>b'),
        ("ab", 9, 12, "ab<mark> </mark>"),
        ("ab", 2, 1, "a<mark>b</mark>"),
        ("ab", 1, 99, "<mark>ab</mark>"),
        ("", 1, 1, "<mark> </mark>"),
    ],
)
def test_the_mark_is_around_the_columns(line: str, column: int, end: int | None, text: str) -> None:
    """Columns count characters of the source, whatever is shown in their place."""
    assert marked(line, column, end) == text


@pytest.mark.parametrize(("column", "before"), [(1, 0), (5001, 40), (10_000, 399)])
def test_a_long_line_is_cut_around_its_mark(column: int, before: int) -> None:
    """Of ten thousand characters four hundred are shown, between ellipses."""
    text = re.sub(r"<span class=\"cf-dots\".*?</span>", "|", marked("a" * 10_000, column, None))
    head, mark, tail = re.split("</?mark>", text)

    assert mark == "a"
    assert head.strip("|") == "a" * before
    assert len((head + mark + tail).replace("|", "")) == 400
    assert (head[:1] == "|", tail[-1:] == "|") == (column > 1, column < 10_000)


def test_all_lines_of_a_finding_are_marked() -> None:
    """A finding of several lines has a mark before each, and columns on the first alone."""
    code = {"start_line": 8, "lines": ["a", "bcd", "e", "f"], "column": 2, "end_column": 4}

    assert rows(excerpt(finding(line=9, end_line=10, evidence=code))) == [
        ("near", "8", " ", "a"),
        ("hit", "9", "&gt;", "b<mark>cd</mark>"),
        ("hit", "10", "&gt;", "e"),
        ("near", "11", " ", "f"),
    ]


def test_a_long_excerpt_keeps_the_finding() -> None:
    """Sixteen lines are shown, four before the finding, and the others are counted."""
    lines = [f"line {number}" for number in range(1, 101)]
    code = {"start_line": 1, "lines": lines, "column": None, "end_column": None}
    listing = str(excerpt(finding(line=50, evidence=code)))

    assert [row[1] for row in rows(listing)] == [str(number) for number in range(46, 62)]
    assert re.findall(r"\u2026 (\d+ more lines)", listing) == ["45 more lines", "39 more lines"]


def test_a_suggestion_is_a_diff_that_marks_what_differs() -> None:
    """Old lines come from the evidence, new ones from the edit; equal ends are not marked."""
    edit = {"replacement": "    token = env()", "start_line": 12, "end_line": 12}
    made = str(suggestion(finding(suggestion=edit)))

    assert "<figcaption>Suggestion: replace line 12 (not checked)</figcaption>" in made
    assert rows(made) == [
        ("old", "12", "-", "    token = <mark>&quot;ghp_****&quot;</mark>"),
        ("new", "12", "+", "    token = <mark>env()</mark>"),
    ]


@pytest.mark.parametrize(
    ("edit", "told", "lines"),
    [
        ({"replacement": "", "start_line": 12, "end_line": 12}, "delete line 12", ["-"]),
        (
            {"replacement": "a\nb", "start_line": 12, "end_line": 13},
            "lines 12-13",
            ["-"] * 2 + ["+"] * 2,
        ),
        ({"replacement": "a", "start_line": 50, "end_line": 60}, "lines 50-60", ["+"]),
        ({"replacement": "", "start_line": 50, "end_line": 50}, "delete line 50", []),
    ],
)
def test_a_suggestion_says_what_it_replaces(
    edit: dict[str, Any], told: str, lines: list[str]
) -> None:
    """A deletion has no new lines, and where the old ones are not known none are shown."""
    made = str(suggestion(finding(suggestion=edit)))

    assert told in made
    assert [row[2] for row in rows(made)] == lines


@pytest.mark.parametrize(
    ("old", "new", "marks"),
    [
        ("abc", "abc", []),
        ("abc", "abxc", ["x"]),
        ("abxc", "abc", ["x"]),
        ("aa", "aaa", ["a"]),
        ("xyz", "abc", []),
    ],
)
def test_only_what_differs_is_marked(old: str, new: str, marks: list[str]) -> None:
    """Where two lines have nothing in common, or all, nothing is marked."""
    code = {"start_line": 1, "lines": [old], "column": None, "end_column": None}
    edit = {"replacement": new, "start_line": 1, "end_line": 1}
    made = suggestion(finding(line=1, evidence=code, suggestion=edit))

    assert re.findall("<mark>(.*?)</mark>", str(made)) == marks


@given(findings)
@settings(max_examples=100)
def test_a_card_stands_alone(made: dict[str, Any]) -> None:
    """One finding can be shown without a page around it, open or not."""
    card = str(finding_card(made, opened=True))

    assert card.startswith('<details class="cf-finding cf-is-')
    assert card.count("<summary>") == 1
    assert len(rows(excerpt(made))) == min(16, len((made["evidence"] or {"lines": []})["lines"]))


def test_prose_keeps_paragraphs_and_quotes_code() -> None:
    """An empty line parts paragraphs, backticks on one line are code, the rest is text."""
    assert str(prose("a `b<c` d\r\n  e\n \n\n`f\ng`")) == (
        '<div class="cf-prose"><p dir="auto">a <code>b&lt;c</code> d\n  e</p>'
        '<p dir="auto">`f\ng`</p></div>'
    )
    assert prose(" \n ") is None


def test_numbers_times_and_places_are_words() -> None:
    """Units stand beside numbers, thousands are parted, a place names its side."""
    assert (counted(1, "unit"), counted(2000, "unit")) == ("1 unit", "2,000 units")
    assert (duration(0.4231), duration(59.999), duration(3725.4)) == (
        "0.42 s",
        "60.00 s",
        "62 min 5 s",
    )
    assert place(finding(line=3, end_line=9)) == "lines 3-9"
    assert place(finding(line=None, side="old")) == "whole file, before the change"
    assert place(finding(evidence=None)) == "line 12"
