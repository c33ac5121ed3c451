"""Text of others is Markdown that shows what it says, and does nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import texts

from codeflow_engine.reports.inert import code_line, code_span, cut, fence, inline, paragraphs
from codeflow_engine.reports.visible import escape
from markdown_reader import active, headings, plain_text, tokens

HOSTILE = (
    "![x](https://evil.example/?d=1)",
    "[x](javascript:alert(1))",
    "[x]: https://evil.example",
    "[x][y]",
    "<img src=x onerror=alert(1)>",
    "<!--",
    "<details>",
    "<https://evil.example>",
    "https://evil.example/a",
    "www.evil.example",
    "ada@evil.example",
    "@everyone",
    "acme/shop#12",
    "#123",
    "GH-12",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "/close",
    "# heading",
    "===",
    "---",
    "***",
    "- item",
    "12. item",
    "> quote",
    "| a | b |",
    "|---|",
    "```",
    "~~~~",
    "`",
    "``",
    "`a`",
    "`a b`(",
    "\\",
    "\\`",
    "$x$",
    ":tada:",
    "&lt;b&gt;",
    "[^1]",
    "    code",
    "\t",
    "\n",
    "\n\n",
    " ",
    "**bold**",
    "snake_case_",
    "\u202e",
    "\x1b[2J",
    "word",
    "e.g.",
)
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=4), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Revoke it, and (really) rotate 3.12.", "Revoke it, and (really) rotate 3.12."),
        ("`os` is imported; it's unused!", "`os` is imported; it's unused!"),
        ("call foo_bar() - or a.py, (b_c).", "call `foo_bar()` - or `a.py`, (`b_c`)."),
        ("see https://x.y, @all and #12", "see `https://x.y`, `@all` and `#12`"),
        ("/close", "`/close`"),
        ("- one", "\\- one"),
        ("1. one", "1\\. one"),
        ("---", "`---`"),
        ("-", "\\-"),
        ("``a ` b``", "``a ` b``"),
        ("a ` b", "a `` ` `` b"),
        ("`a`[`b`](c)", "`` `a`[`b`](c) ``"),
        ("\u6f22\u5b57 \u00abx\u00bb caf\u00e9", "\u6f22\u5b57 \u00abx\u00bb caf\u00e9"),
        ("a\u202eb", r"`a\u202eb`"),
        (" a\t\r b ", "a b"),
        ("", ""),
    ],
)
def test_a_word_is_prose_or_code(text: str, written: str) -> None:
    """Letters and the signs of prose stay; all else is shown as code."""
    assert inline(text) == written


@given(hostile | texts)
@settings(deadline=None, max_examples=400)
def test_s7_no_line_of_others_does_anything(text: str) -> None:
    """It is one paragraph of text and code, whatever stands in it."""
    written = inline(text)
    kinds = {token.type for token in tokens(written)}

    assert not active(written)
    assert kinds <= {"paragraph_open", "inline", "text", "code_inline", "paragraph_close"}


@given(hostile | texts)
@settings(deadline=None, max_examples=400)
def test_s7_no_text_of_others_does_anything(text: str) -> None:
    """It is paragraphs with line breaks, also behind a line of ours."""
    written = "\n".join(["Ours", *paragraphs(text)])
    kinds = {token.type for token in tokens(written)}

    assert not active(written)
    assert not headings(written)
    assert kinds <= {
        *("paragraph_open", "inline", "text", "code_inline", "hardbreak", "softbreak"),
        "paragraph_close",
    }


@given(hostile | texts)
@settings(deadline=None, max_examples=300)
def test_every_character_is_still_seen(text: str) -> None:
    """Nothing is lost but blanks, and the backticks of code spans."""
    blank = {c for c in text if c in "\t\r\n" or unicodedata.category(c) == "Zs"}
    line = "".join(c for c in text if c not in blank)

    def seen(shown: str) -> str:
        return shown.replace(" ", "").replace("`", "")

    assert seen(plain_text(inline(text))) == seen(escape(line))


@given(hostile | texts)
@settings(deadline=None, max_examples=300)
def test_a_code_span_shows_all_of_its_text(text: str) -> None:
    """No number of backticks ends it, and no space at its ends is lost."""
    shown = escape(text)
    parsed = [token for token in tokens(f"a {code_span(text)} b") if token.type == "code_inline"]

    assert [token.content for token in parsed] == ([shown] if shown else [])


@given(st.lists(hostile | texts, max_size=4))
@settings(deadline=None, max_examples=300)
def test_no_row_ends_a_fence(rows: list[str]) -> None:
    """A fence is one token with all rows, however many backticks they hold."""
    shown = [f"+{code_line(row.replace('\n', ' '), 400)}" for row in rows]
    parsed = list(tokens("\n".join(fence(shown, "diff"))))

    assert [token.type for token in parsed] == ["fence"]
    assert parsed[0].content == "".join(f"{row}\n" for row in shown)


def test_a_text_that_is_cut_says_so() -> None:
    """It is never longer than it may be."""
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abc..."
