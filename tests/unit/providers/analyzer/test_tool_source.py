"""Where the lines of a Python file stand, for git and for Python."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.finding import Suggestion
from codeflow_engine.providers.analyzer.tools.source import Edit, Source, UnreadableError

TEXTS = st.text(st.sampled_from("ab\n\r\u2028\x0c\x85é😀 "), max_size=30)


@given(text=TEXTS, mark=st.booleans())
def test_a_place_of_python_is_the_same_character_for_git(text: str, *, mark: bool) -> None:
    """Every character has a row for Python and a line for git, and both find it."""
    data = text.encode("utf-8-sig" if mark else "utf-8")
    source = Source("a.py", data)
    lines = data.decode().split("\n")
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    for number, row in enumerate(rows, 1):
        for at, character in enumerate(row, 1):
            line, column = source.place(number, at)
            assert column is not None
            assert lines[line - 1][column - 1] == character


@given(TEXTS)
def test_bytes_of_a_row_become_a_column_of_characters(text: str) -> None:
    """What Python counts in bytes of UTF-8 is counted in characters."""
    source = Source("a.py", text.encode())
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    for number, row in enumerate(rows, 1):
        for at in range(len(row) + 1):
            assert source.column_of_byte(number, len(row[:at].encode())) == at + 1


def test_python_counts_rows_as_this_does() -> None:
    """The parser of Python itself puts a name where `place` looks for it."""
    data = b"a\rb\r\nc\n\x0cd\n'\xe2\x80\xa8\xc2\x85'; e\n"
    source = Source("a.py", data)
    lines = data.decode().split("\n")

    names = [node for node in ast.walk(ast.parse(data)) if isinstance(node, ast.Name)]
    assert sorted(node.id for node in names) == ["a", "b", "c", "d", "e"]
    for node in names:
        line, column = source.place(
            node.lineno, source.column_of_byte(node.lineno, node.col_offset)
        )
        assert lines[line - 1][(column or 0) - 1] == node.id


@pytest.mark.parametrize(
    "place", [(0, 1), (1, 0), (4, 1), (1, 9), (-1, 1), (10**9, 1), (1, 10**9)], ids=str
)
def test_a_place_that_is_not_there_is_refused(place: tuple[int, int]) -> None:
    """A tool that points outside of the file is not believed."""
    with pytest.raises(ValueError, match="no "):
        Source("a.py", b"ab\ncd\n").place(*place)


def test_the_end_of_a_file_is_its_last_line() -> None:
    """Python points behind the last line where something is missing."""
    assert Source("a.py", b"x = (\n").place(2, 1) == (1, None)
    assert Source("a.py", b"").place(1, 1) == (1, 1)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "utf-8"),
        (b"# -*- coding: Latin_1 -*-\n", "iso-8859-1"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=iso-8859-15 :\n", "iso-8859-15"),
        (b"# coding: utf-8-unix\n", "utf-8"),
        (b"\r# coding: cp1252\n", "cp1252"),
        (b"x = 1\n# coding: latin-1\n", "utf-8"),
        (b"\n\n# coding: latin-1\n", "utf-8"),
    ],
)
def test_the_encoding_is_the_one_that_python_reads(head: bytes, encoding: str) -> None:
    """A comment in one of the first two lines names it (PEP 263)."""
    assert Source("a.py", head + b"x = 1\n").encoding == encoding


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "rot13", "idna", "zlib", "x" * 90])
def test_s20_an_encoding_that_runs_code_or_moves_lines_is_refused(name: str) -> None:
    """Only UTF-8 and plain tables of bytes are read; nothing is looked up by the name."""
    with pytest.raises(UnreadableError, match="which is not read"):
        Source("a.py", f"# coding: {name}\nx = 1\n".encode())


def suggest(text: str, *edits: tuple[tuple[int, int], tuple[int, int], str]) -> Suggestion | None:
    given = [Edit(start=start, end=end, content=content) for start, end, content in edits]
    return Source("a.py", text.encode()).suggestion(given)


def test_edits_become_one_edit_of_whole_lines() -> None:
    """Lines at the ends that stay are not part of it; a deletion has an empty text."""
    text = "one\ntwo\nthree\n"

    assert suggest(text, ((2, 1), (2, 4), "TWO")) == Suggestion(
        replacement="TWO", start_line=2, end_line=2
    )
    assert suggest(text, ((2, 1), (3, 1), "")) == Suggestion(
        replacement="", start_line=2, end_line=2
    )
    assert suggest(text, ((1, 4), (2, 1), ""), ((3, 1), (3, 2), "T")) == Suggestion(
        replacement="onetwo\nThree", start_line=1, end_line=3
    )
    assert suggest(text, ((2, 1), (2, 1), "new\n")) == Suggestion(
        replacement="new\ntwo", start_line=2, end_line=2
    )
    assert suggest("a\r\nb\r\n", ((2, 1), (2, 2), "c")) == Suggestion(
        replacement="c\r", start_line=2, end_line=2
    )


def test_edits_that_cannot_be_said_are_not_offered() -> None:
    """Overlaps, edits without effect, and a line that would be left empty."""
    text = "one\ntwo\n"

    assert suggest(text) is None
    assert suggest(text, ((1, 1), (1, 3), "x"), ((1, 2), (1, 3), "y")) is None
    assert suggest(text, ((1, 1), (1, 4), "one")) is None
    assert suggest(text, ((1, 1), (1, 4), "")) is None
    assert suggest(text, ((1, 3), (1, 1), "x")) is None
    latin = Source("a.py", b"# coding: latin-1\nx\n")
    assert latin.suggestion([Edit(start=(2, 1), end=(2, 2), content="y")]) is None
