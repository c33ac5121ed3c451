"""A repository's configuration, read as data: no include is followed, nothing is obeyed.

The form is that of git-config's section "Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["parse", "truth"]

_SECTION: Final = re.compile(r'\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?\]')
_KEY: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*")
_SPACE: Final = re.compile(r"\s*(?:[#;][^\n]*)?")
_TOKEN: Final = re.compile(
    r'"(?P<quoted>(?:[^"\\\n]|\\[ntb"\\\n])*+)"'
    r'|(?P<plain>(?:[^\s"\\#;]|\\[ntb"\\])++)'
    r"|(?P<blanks>[^\S\n]+)"
    r"|(?P<nothing>[#;][^\n]*|\\(?:\n|\Z))"
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\", "\n": ""}


def truth(values: Mapping[str, str], key: str, *, default: bool) -> bool:
    """Read a boolean as git does; a value that is none counts as the default."""
    value = values.get(key, "").lower() if key in values else None
    if value in {"true", "yes", "on", "1"}:
        return True
    return False if value in {"false", "no", "off", "0", ""} else default


def parse(data: bytes) -> dict[str, str]:
    """Read variables into `section.key` or `section.subsection.key`; the last one wins.

    Sections and keys are in lower case. A key without a value is `true`.

    Raises:
        ValueError: The form is broken; holds the number of the line.
    """
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    prefix = ""
    place = 0
    while place < len(text):
        space = _SPACE.match(text, place)
        if space is not None and space.end() > place:
            place = space.end()
            continue
        header = _SECTION.match(text, place)
        if header is not None:
            prefix = header[1].lower() + "."
            if header[2] is not None:
                prefix += re.sub(r"\\(.)", r"\1", header[2]) + "."
            place = header.end()
            continue
        key = _KEY.match(text, place)
        if key is None:
            raise ValueError(text.count("\n", 0, place) + 1)
        value, place = _value(text, key.end())
        values[prefix + key[1].lower()] = value
    return values


def _value(text: str, place: int) -> tuple[str, int]:
    """Read what follows a key, up to the end of its line."""
    if not text.startswith("=", place):
        if place < len(text) and text[place] != "\n":
            raise ValueError(text.count("\n", 0, place) + 1)
        return "true", place
    value = blanks = ""
    place += 1
    while place < len(text) and text[place] != "\n":
        token = _TOKEN.match(text, place)
        if token is None:
            raise ValueError(text.count("\n", 0, place) + 1)
        place = token.end()
        if token.lastgroup == "blanks":
            blanks += token[0] if value else ""  # kept only where something stands after them
        elif not token[0].startswith(("#", ";")):
            # A line that goes on keeps its blanks, even where nothing follows.
            part = token["quoted"] or token["plain"] or ""
            value += blanks + _ESCAPE.sub(lambda found: _ESCAPES[found[1]], part)
            blanks = ""
    return value, place
