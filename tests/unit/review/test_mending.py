from __future__ import annotations

from collections.abc import Callable

import pytest
from shown_changes import loading, pieces

from codeflow_engine.domain.finding import RawFinding, Suggestion
from codeflow_engine.review.locate import locate

type MakeRaw = Callable[..., RawFinding]


def test_a_replacement_of_whole_lines_is_a_suggestion(raw: MakeRaw) -> None:
    """It takes the place of the lines that were quoted, on the new side."""
    found = locate(
        raw(quote="    if not data:\n        return None", replacement="    data = data or {}\n"),
        loading(),
    )
    assert found.suggestion == Suggestion(
        replacement="    data = data or {}", start_line=5, end_line=6
    )
    assert found.replacement is None


@pytest.mark.parametrize(
    ("quote", "replacement", "text"),
    [
        ("if not data:", "if data is None:", "    if data is None:"),
        ("if not data:\n    return None", "if no:\n    return 1", "    if no:\n        return 1"),
        (
            "if not data:\n        return None",
            "if a:\n        return 1",
            "    if a:\n        return 1",
        ),
        ("    if not data:", "  if not data:", "  if not data:"),
        ("if not data:", "    if a:", "    if a:"),
        ("if not data:", "a = 1\n\nb = 2", "    a = 1\n\n    b = 2"),
        ("+    if not data:", "+    if a:", "    if a:"),
        ("+    if not data:", "    if a:", "    if a:"),
        ("    if not data:", "    a\r\n    b\r\n", "    a\n    b"),
        ("-    data = read(path)\n+    data = read( path )", "    x = 1", "    x = 1"),
    ],
)
def test_a_replacement_gets_the_indentation_that_was_dropped(
    raw: MakeRaw, quote: str, replacement: str, text: str
) -> None:
    """What a model left away before the quote is missing before the replacement, too."""
    found = locate(raw(quote=quote, replacement=replacement), loading())
    assert found.suggestion is not None
    assert found.suggestion.replacement == text


@pytest.mark.parametrize(
    ("quote", "replacement"),
    [
        ("if not data", "if data is None"),
        ("    if not data:", None),
        ("    if not data:", ""),
        ("    if not data:", " \n"),
        ("    if not data:", "    if not data:"),
        ("if not data:", "if not data:\n"),
        ("    if not data:", "    key = '[redacted:github-token]'"),
        ("    if not data:", "    key = '[REDACTED:x]'"),
        ("    if not data:", "    if data\ufffd:"),
        ("    if not data:", "    if \u202edata:"),
        ("    if not data:", "    if \x1bdata:"),
        ("    if not data:", "+    if data:"),
        ("    if not data:", "if data:"),
        ("if not data:", "  if data:"),
        ("if not data:", "if a:\n    pass"),
        ("    if not data:", "    " + "x" * 20_000),
        ("-    data = read(path)", "    data = 1"),
    ],
)
def test_a_replacement_that_is_in_doubt_is_no_suggestion(
    raw: MakeRaw, quote: str, replacement: str | None
) -> None:
    """A part of a line, the old side, what was never there, and guesses are not offered."""
    found = locate(raw(quote=quote, replacement=replacement), loading())
    assert found.line is not None
    assert (found.suggestion, found.replacement) == (None, None)


def test_a_suggestion_for_a_file_with_carriage_returns_has_them(raw: MakeRaw) -> None:
    """The lines of a suggestion end as those do whose place they take."""
    chunk = pieces("", "a = 1\r\nb = 2\r\nc = 3\n")
    found = locate(raw(quote="a = 1\nb = 2", replacement="a = 2\nb = 3\n"), chunk)
    assert found.suggestion == Suggestion(replacement="a = 2\r\nb = 3\r", start_line=1, end_line=2)
    assert locate(raw(quote="b = 2\nc = 3", replacement="d = 4"), chunk).suggestion is None
