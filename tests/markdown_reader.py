"""A reader of GitHub-flavoured Markdown that is not ours, and what it takes for active."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["active", "headings", "plain_text", "tokens"]

_READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_FOLD = re.compile(r"<details><summary>[A-Za-z0-9,: -]+</summary>\n|</details>\n")

# What a forge looks for in text that is not code, after it is rendered.
_FORGE = re.compile(
    r"@[A-Za-z0-9]|#[0-9]|\bgh-[0-9]|https?:|ftp:|mailto:|xmpp:|\bwww\.|\$|:[a-z0-9_+-]+:"
    r"|\b(?=[a-f]*[0-9])[0-9a-f]{7,40}\b|\[\^|&[a-z0-9#]+;",
    re.IGNORECASE,
)


def tokens(text: str) -> Iterator[Token]:
    """Yield all tokens of a document, those within lines too."""
    for token in _READER.parse(text):
        yield token
        yield from token.children or ()


def active(text: str) -> list[str]:
    """List what does something: HTML other than our own, links, images, references."""
    found = []
    for token in tokens(text):
        if token.type in {"link_open", "image", "html_inline"}:
            found.append(f"{token.type} {token.content or token.attrs}")
        if token.type == "html_block" and not _FOLD.fullmatch(token.content):
            found.append(f"html_block {token.content}")
        if token.type == "text":
            found += _FORGE.findall(token.content)
    # Bots read the source: a command is a line that begins with a slash, in code too.
    found += re.findall(r"^[ \t>]*/\S*", text, re.MULTILINE)
    return found


def headings(text: str) -> list[str]:
    """Give the text of each heading."""
    parsed = _READER.parse(text)
    pairs = pairwise(parsed)
    return [after.content for token, after in pairs if token.type == "heading_open"]


def plain_text(text: str) -> str:
    """Give what a person sees of one paragraph or more, code spans as their content."""
    rows = []
    for token in _READER.parse(text):
        if token.type == "inline":
            parts = token.children or []
            rows.append("".join("\n" if p.type.endswith("break") else p.content for p in parts))
    return "\n\n".join(rows)
