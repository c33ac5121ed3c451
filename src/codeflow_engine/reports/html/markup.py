"""HTML that is made of elements: whatever is text is escaped, and there is no other way in.

`Markup` is finished HTML, and only the functions of this module make it. A string that is
given as content or as an attribute is text, also where it looks like a tag: it can close
nothing, open nothing and name no address. Hidden characters are shown as escapes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape as escape_html
from typing import Final

from codeflow_engine.reports.visible import escape, is_hidden

__all__ = ["Content", "Markup", "document", "element", "embed", "fragment", "visible"]

type Content = str | int | Markup | Iterable[Content] | None
"""Text, a number, finished HTML, nothing, or several of them."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_VOID = frozenset({"br", "hr", "input", "link", "meta"})
_RAW = frozenset({"script", "style"})
_ADDRESSES = frozenset({"action", "formaction", "href", "src", "srcdoc", "srcset", "xlink-href"})
_LINK = re.compile(r"#[A-Za-z][A-Za-z0-9-]*|data:,")
_HARMLESS = re.compile(r"[\w .,:;/()+=*@#%!?$^~|{}\[\]-]*", re.ASCII)
_LAYOUT = re.compile(r"([\t\n])")


class Markup:
    """Finished HTML, which stands in content as it is."""

    __slots__ = ("_html",)

    def __init__(self, html: str) -> None:
        self._html: Final = html

    def __str__(self) -> str:
        return self._html


def element(name: str, /, *content: Content, **attributes: str | int | bool | None) -> Markup:
    """Make an element.

    Args:
        name: Its tag; `script` and `style` are made by `embed` alone.
        content: What it holds.
        attributes: Text or numbers; True writes the name alone, False and None nothing.
            `class_` is written `class`, and `data_state` `data-state`.

    Raises:
        ValueError: The attribute would be obeyed rather than shown (an event, a style, an
            address out of the document), or the element cannot hold what it is given.
    """
    opened = "<" + _tag(name)
    for key, value in attributes.items():
        if value is not None and value is not False:
            opened += _attribute(_attribute_name(key), value)
    if name in _VOID:
        if content:
            raise ValueError(f"an element {name} holds nothing")
        return Markup(opened + ">")
    return Markup(f"{opened}>{_write(content)}</{name}>")


def embed(name: str, text: str) -> Markup:
    """Make a `script` or a `style` element from a file of this package, byte for byte.

    Raises:
        ValueError: The text would end the element or is not ASCII, whose bytes every encoding
            keeps, or the element is another one.
    """
    if name not in _RAW or not text.isascii() or "</" in text or "<!--" in text:
        raise ValueError(f"an element {name} cannot hold this text")
    return Markup(f"<{name}>{text}</{name}>")


def fragment(*content: Content) -> Markup:
    """Join content to one piece of finished HTML."""
    return Markup(_write(content))


def document(root: Markup, encoding: str = "utf-8") -> str:
    """Write a whole document, which ends with a line feed.

    In another encoding than UTF-8 all characters beyond ASCII are written by their numbers,
    so that the document reads the same whatever it is taken for.
    """
    text = f"<!doctype html>\n{root}\n"
    if codecs.lookup(encoding).name == "utf-8":
        return text
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def visible(text: str, *, keep: str = "\t\n") -> Markup:
    r"""Show text with its hidden characters as marked escapes, but for those kept.

    The mark tells an escape of ours from the same letters in the text, such as `\u202e`.
    """
    if text.isascii() and text.isprintable():
        return Markup(_text(text))
    pieces: list[Content] = []
    shown = 0
    for index, character in enumerate(text):
        if character in keep or not is_hidden(character):
            continue
        pieces.append(text[shown:index])
        pieces.append(element("span", escape(character), class_="cf-hidden"))
        shown = index + 1
    return fragment(pieces, text[shown:])


def _write(content: Content) -> str:
    if isinstance(content, str):
        return _text(content)
    if isinstance(content, Markup):
        return str(content)
    if content is None:
        return ""
    if isinstance(content, int):
        return str(content)
    return "".join([_write(part) for part in content])


def _text(text: str) -> str:
    if _HARMLESS.fullmatch(text):
        return text
    if not (text.isascii() and text.isprintable()):
        parts = _LAYOUT.split(text)
        text = "".join([part if part in {"\t", "\n"} else escape(part) for part in parts])
    return escape_html(text)


@lru_cache(maxsize=256)
def _tag(name: str) -> str:
    if not _NAME.fullmatch(name) or name in _RAW:
        raise ValueError(f"not a tag to write: {name!r}")
    return name


@lru_cache(maxsize=256)
def _attribute_name(key: str) -> str:
    name = key.rstrip("_").replace("_", "-")
    if not _NAME.fullmatch(name) or name == "style" or name[:2].lower() == "on":
        raise ValueError(f"not an attribute to write: {name!r}")
    return name


def _attribute(name: str, value: str | int) -> str:
    if value is True:
        return f" {name}"
    text = str(value)
    if name.lower() in _ADDRESSES and not _LINK.fullmatch(text):
        raise ValueError(f"an address leads only into the document: {name}")
    return f' {name}="{_text(text)}"'
