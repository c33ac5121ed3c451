"""Code is laid out in cells, so that marks stand under what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import finding, texts

from codeflow_engine.reports.cells import lay_out, width, wrap
from codeflow_engine.reports.excerpt import excerpt, suggestion
from codeflow_engine.reports.style import Style
from codeflow_engine.reports.visible import escape, escape_path


def marked(line: str, column: int, end: int | None, style: Style | None = None) -> list[str]:
    """Show one line with a finding in it."""
    code = {"start_line": 1, "lines": [line], "column": column, "end_column": end}
    return excerpt(finding(line=1, evidence=code), style or Style(), "")


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("\uff21", 2), ("\u1112\u1161\u11ab", 2), ("é", 1)],
)
def test_width_counts_cells(text: str, cells: int) -> None:
    """Wide characters take two cells, marks and joined vowels none."""
    assert width(text) == cells


@pytest.mark.parametrize(
    ("line", "column", "end", "rows"),
    [
        ("x = 1", 5, 6, ["> 1 | x = 1", "    |     ^"]),
        ("x = 1", 5, None, ["> 1 | x = 1", "    |     ^"]),
        ("\tx\ty", 4, 5, ["> 1 |     x   y", "    |         ^"]),
        ("\tx", 1, 2, ["> 1 |     x", "    | ^^^^"]),
        ("漢字 = 1", 1, 3, ["> 1 | 漢字 = 1", "    | ^^^^"]),
        ("漢字 = 1", 6, 7, ["> 1 | 漢字 = 1", "    |        ^"]),
        ("e\u0301 = 1", 6, 7, ["> 1 | e\u0301 = 1", "    |     ^"]),
        ("a\u202eb", 2, 3, ["> 1 | a\\u202eb", "    |  ^^^^^^"]),
        ("ab", 9, 12, ["> 1 | ab", "    |   ^"]),
        ("ab", 2, 1, ["> 1 | ab", "    |  ^"]),
        ("ab", 1, 99, ["> 1 | ab", "    | ^^"]),
        ("", 1, 1, ["> 1 |", "    | ^"]),
    ],
)
def test_the_mark_stands_under_the_columns(
    line: str, column: int, end: int | None, rows: list[str]
) -> None:
    """Tabs, wide, combining and escaped characters move the mark as they move the code."""
    assert marked(line, column, end) == rows


@pytest.mark.parametrize(("limit", "around"), [(40, 9), (80, 22), (None, 49)])
def test_a_long_line_is_cut_around_its_finding(limit: int | None, around: int) -> None:
    """Of ten thousand characters those around the finding are shown, between ellipses."""
    code, mark = marked("a" * 5000 + "eval(x)" + "b" * 5000, 5001, 5008, Style(width=limit))
    start = mark.index("^")

    assert code[start : len(mark)] == "eval(x)"
    assert code[:start].count("a") == around
    assert "b" * around in code
    assert code.endswith("b...")
    assert len(code) <= (limit or 160)


def test_a_third_of_the_room_shows_what_stands_before() -> None:
    """The window begins left of the finding, by as much as a third of it without the dots."""
    laid = lay_out("a" * 100 + "X" + "b" * 100, 30, focus=100)

    assert laid.text == "..." + "a" * 7 + "X" + "b" * 16 + "..."
    assert laid.cell(100) == 10


def test_a_finding_at_the_end_of_a_long_line_uses_the_whole_width() -> None:
    """Where nothing follows, more of what stands before is shown."""
    code, mark = marked("a" * 200 + "!", 201, 202, Style(width=60))

    assert len(code) == 60
    assert code.endswith("a!")
    assert mark.index("^") == 59


def test_a_line_that_fits_is_not_cut() -> None:
    """The limit is the last width that shows all."""
    assert lay_out("a" * 30, 30, focus=29).text == "a" * 30
    assert lay_out("a" * 31, 30).text == "a" * 27 + "..."


def test_s20_marks_without_width_do_not_make_a_line_endless() -> None:
    """A million combining marks on one letter are cut like any other long line."""
    line = "x" + "\u0301" * 1_000_000 + "y"

    for focus in (0, 500_000, 1_000_001):
        assert len(lay_out(line, 40, focus=focus).text) < 1000


@given(texts, st.integers(8, 60), st.integers(0, 20))
@settings(deadline=None, max_examples=200)
def test_laid_out_code_fits_and_its_cells_are_in_order(text: str, limit: int, focus: int) -> None:
    """No line is wider than its limit, and a later character never stands further left."""
    laid = lay_out(text * 5, limit, focus=focus)
    cells = [laid.cell(index) for index in range(len(text) * 5 + 1)]

    assert width(laid.text) <= limit
    assert cells == sorted(cells)
    assert laid.cell(min(focus, len(text) * 5)) <= limit


def test_all_lines_of_a_finding_are_marked() -> None:
    """A finding of several lines has a mark before each, and carets on the first alone."""
    code = {"start_line": 8, "lines": ["a", "bcd", "e", "f"], "column": 2, "end_column": 4}
    rows = excerpt(finding(line=9, end_line=10, evidence=code), Style(), "")

    assert rows == ["   8 | a", ">  9 | bcd", "     |  ^^", "> 10 | e", "  11 | f"]


def test_a_long_excerpt_keeps_the_finding() -> None:
    """Sixteen lines are shown, some before the finding, and the others are counted."""
    code = {"start_line": 1, "lines": [str(n) for n in range(1, 41)], "column": 1, "end_column": 2}
    rows = excerpt(finding(line=21, end_line=40, evidence=code), Style(), "")

    assert rows[0] == "     : 16 more lines"
    assert rows[1] == "  17 | 17"
    assert "> 21 | 21" in rows
    assert rows[-1] == "     : 8 more lines"


def test_evidence_without_lines_shows_nothing() -> None:
    """There is no frame around no code."""
    code = {"start_line": 1, "lines": [], "column": None, "end_column": None}

    assert excerpt(finding(evidence=code), Style(), "") == []


def test_evidence_without_a_column_marks_lines_alone() -> None:
    """Where the whole line is meant, no caret stands under it."""
    code = {"start_line": 1, "lines": ["a", "b"], "column": None, "end_column": None}

    assert excerpt(finding(line=2, evidence=code), Style(), "") == ["  1 | a", "> 2 | b"]


@pytest.mark.parametrize(
    ("edit", "fields", "rows"),
    [
        (
            ("", 12, 12),
            {},
            ["suggestion: delete line 12 (not checked)", '- 12 |     token = "ghp_****"'],
        ),
        (
            ("a", 12, 13),
            {},
            [
                "suggestion: replace lines 12-13 (not checked)",
                '- 12 |     token = "ghp_****"',
                "- 13 |     return 1",
                "+ 12 | a",
            ],
        ),
        (("a", 10, 12), {}, ["suggestion: replace lines 10-12 (not checked)", "+ 10 | a"]),
        (("a", 13, 14), {}, ["suggestion: replace lines 13-14 (not checked)", "+ 13 | a"]),
        (("a", 12, 12), {"side": "old"}, ["suggestion: replace line 12 (not checked)", "+ 12 | a"]),
        (
            ("a", 12, 12),
            {"evidence": None},
            ["suggestion: replace line 12 (not checked)", "+ 12 | a"],
        ),
        (
            ("a\u202e", 12, 3),
            {"evidence": None},
            ["suggestion: replace line 12 (not checked)", r"+ 12 | a\u202e"],
        ),
    ],
)
def test_a_suggestion_is_a_small_diff(
    edit: tuple[str, int, int], fields: dict[str, object], rows: list[str]
) -> None:
    """Old lines are shown where the evidence has them all, new ones always."""
    names = ("replacement", "start_line", "end_line")
    made = finding(suggestion=dict(zip(names, edit, strict=True)), **fields)

    assert suggestion(made, Style(), "") == rows


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"verified": True}, ["suggestion: delete line 12"]),
        ({"verified": False}, ["suggestion: delete line 12 (not checked)"]),
        ({}, ["suggestion: delete line 12 (not checked)"]),
    ],
)
def test_a_suggestion_that_nobody_checked_says_so(given: dict[str, bool], told: list[str]) -> None:
    """Only one that its review calls verified stands without a word about that."""
    edit = {"replacement": "", "start_line": 12, "end_line": 12, **given}

    assert suggestion(finding(suggestion=edit, evidence=None), Style(), "") == told


def test_a_long_suggestion_is_bounded() -> None:
    """Sixteen lines of it are shown and the rest is counted."""
    edit = {"replacement": "\n".join("x" * 18), "start_line": 1, "end_line": 1}
    rows = suggestion(finding(suggestion=edit), Style(), "")

    assert len(rows) == 18
    assert rows[-1] == "     : 2 more lines"


@pytest.mark.parametrize(
    ("text", "limit", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("a \u00a0\t\u3000b", None, ["a b"]),
        ("  x y", 4, ["  x", "  y"]),
        ("- aa bb", 5, ["- aa", "  bb"]),
        ("10. aa bb", 6, ["10. aa", "   bb"]),
        ("- abcdefgh", 6, ["-", "  abcd", "  efgh"]),
        ("  abcdefgh", 6, ["  abcd", "  efgh"]),
        ("a\n\n\n\nb\n", 10, ["a", "", "b"]),
        ("\n\na", 10, ["a"]),
        (" \n ", 10, []),
        ("a\u2028b\x1bc\x85", 40, [r"a\u2028b\x1bc\x85"]),
    ],
)
def test_prose_is_wrapped(text: str, limit: int | None, lines: list[str]) -> None:
    """Words wrap, long ones break, lists hang, and paragraphs stay."""
    assert wrap(text, limit) == lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x00\x1b\x7f\x9f\xad", r"\x00\x1b\x7f\x9f\xad"),
        ("\u202e\u2066\u200b\u2028", r"\u202e\u2066\u200b\u2028"),
        ("\U000e0041\U000e0100\ufe0f", r"\U000e0041\U000e0100\ufe0f"),
        ("\u00a0\u3000\u3164\u2800\ud800", r"\xa0\u3000\u3164\u2800\ud800"),
        ("Straße 漢字 🙂 שלום", "Straße 漢字 🙂 שלום"),
    ],
)
def test_s4_hidden_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    """What shows no glyph, or moves others, is written as Python writes it."""
    assert escape(text) == shown


def test_characters_that_an_encoding_lacks_are_escaped() -> None:
    """What is written can always be encoded."""
    assert escape("é漢", "latin-1") == r"é\u6f22"
    assert escape("é漢", "ascii") == r"\xe9\u6f22"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("src/main.py", "src/main.py"),
        ("src/m\u0430in.py", r"src/m\u0430in.py"),
        ("src/\uff46ile.py", r"src/\uff46ile.py"),
        ("src/данные.py", "src/данные.py"),
        ("src/テストfile.py", "src/テストfile.py"),
        ("src/café.py", "src/café.py"),
        (" a b ", r"\x20a b\x20"),
        ("a\nb", r"a\nb"),
    ],
)
def test_s4_a_path_shows_what_it_is_made_of(path: str, shown: str) -> None:
    """Letters that imitate Latin ones among Latin ones, and blanks at an end, are escaped."""
    assert escape_path(path) == shown
