"""Texts that fit into a body of GitHub, and end as Markdown ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codeflow_engine.domain.marker import Marker
from codeflow_engine.providers.vcs.github.bodies import (
    BUDGET,
    LIMIT,
    ROOM,
    clean,
    cut,
    end_marker,
    fenced,
    in_code,
    mark,
    measure,
    suggestion_block,
    unmarked,
)

read_markdown = MarkdownIt("commonmark").render
MARKER = Marker(kind="review", key="5" * 64, run="01J8")
pieces = st.sampled_from(
    (
        *("word ", "\n", "\n\n", "```\n", "````py\n", "~~~\n", "  ```\n", "## Title\n"),
        *("\U0001f600", "<details>\n", "</details>\n", "`a` ", "- item\n", "    ```\n"),
        *("x" * 150, "\n```suggestion\n"),
    )
)
texts = st.lists(pieces, max_size=80).map("".join)


@given(texts, st.integers(200, 900))
def test_g20_a_text_that_is_cut_has_room_for_all_of_it(text: str, room: int) -> None:
    """No cut is longer than may be, in the units that count most; what fits stays as it is."""
    shown = cut(text, room)

    assert measure(shown) <= room
    assert shown == text if measure(text) <= room else "left out" in shown


@given(texts, st.integers(200, 900))
def test_g20_what_stands_behind_a_cut_is_no_code(text: str, room: int) -> None:
    """A fence that the cut leaves open is closed: a heading behind it is a heading."""
    shown = cut(text, room)
    if shown == text:
        return

    blocks = read_markdown(f"{shown}\n\n# Behind\n")

    assert "<h1>Behind</h1>" in blocks


def test_g20_a_text_is_cut_before_a_section_that_does_not_fit() -> None:
    """Half a section is worse than none, as long as half of the room is used."""
    text = "Intro.\n\n" + "a" * 300 + "\n\n## Second\n\n" + "b\n\n" * 200

    shown = cut(text, 600)

    assert shown.startswith("Intro.\n\n" + "a" * 300 + "\n\n*The rest")
    assert "## Second" not in shown


def test_g20_one_long_paragraph_is_cut_all_the_same() -> None:
    """Where nothing ends, the text is cut anywhere, and never inside a character."""
    shown = cut("\U0001f600" * 1_000, 301)

    assert shown.startswith("\U0001f600")
    assert measure(shown) <= 301
    shown.encode("utf-8")


def test_g20_characters_outside_of_the_basic_plane_count_twice() -> None:
    """GitHub does not say how it counts; so the body fits either way."""
    assert [measure("ab"), measure("\u00e4b"), measure("\U0001f600b")] == [2, 2, 3]
    assert ROOM < BUDGET < LIMIT


def test_g20_no_lone_surrogate_and_no_nul_is_sent() -> None:
    """They have no form in UTF-8, or in GitHub's database."""
    assert clean("a\udc80b\0c\ud83d\U0001f600") == "a\ufffdb\ufffdc\ufffd\U0001f600"


@given(texts)
def test_g28_a_marker_is_read_from_the_end_of_a_body_alone(text: str) -> None:
    """What comes before it may hold another one, as where somebody is quoted."""
    forged = Marker(kind="review", key="6" * 64).write()

    body = mark(f"{forged}\n{text}\n> {forged}", MARKER)

    assert end_marker(body) == MARKER
    assert end_marker(body.replace("\n", "\r\n") + "\r\n") == MARKER
    assert end_marker(f"{body}\n\nAn answer.") is None
    assert unmarked(body) == f"{forged}\n{text}\n> {forged}".rstrip()


@pytest.mark.parametrize("text", ["", "> " + MARKER.write(), MARKER.write() + " " + MARKER.write()])
def test_g28_what_is_not_a_line_of_its_own_is_no_marker(text: str) -> None:
    """A quotation of a marker at the end of a body is none of ours."""
    assert end_marker(text) is None


@given(st.text("`~\nab ", max_size=60))
def test_nothing_in_a_block_of_code_ends_it(text: str) -> None:
    """A suggestion that holds fences replaces the lines by exactly its text."""
    for block in (fenced(text), suggestion_block(text)):
        shown = read_markdown(f"{block}\n\n# Behind\n")
        assert "<h1>Behind</h1>" in shown
        assert shown.count("<pre>") == 1


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("", "```suggestion\n```"),
        ("\n", "```suggestion\n\n```"),
        ("a", "```suggestion\na\n```"),
        ("a\nb\n", "```suggestion\na\nb\n```"),
        ("```\n", "````suggestion\n```\n````"),
    ],
)
def test_a_suggestion_replaces_lines_by_lines(text: str, block: str) -> None:
    """No text deletes the lines, one newline makes an empty line, the last one may be missing."""
    assert suggestion_block(text) == block


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a/b.py", "`a/b.py`"),
        ("a`b", "`` a`b ``"),
        ("a\n# b", r"`a\n# b`"),
        ("\udcff\u202e", r"`\udcff\u202e`"),
        ("", "`  `"),
    ],
)
def test_a_path_is_shown_as_code_on_one_line(path: str, shown: str) -> None:
    """Its bytes are data: they make no other Markdown, and no other line."""
    assert in_code(path) == shown
