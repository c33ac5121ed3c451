"""Redact a JSON-like value in its shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeflow_engine.redaction.rule import NAMED_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET_KEY = re.compile(
    r"(?:^|[_. -]|(?<=[a-z0-9])(?-i:(?=[A-Z])))"
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|(?:set[_-]?)?cookie"
    r"|(?:proxy[_-]?)?authorization|(?:api|access|private|secret|signing|encryption)[_-]?key)$",
    re.IGNORECASE,
)
_HEADER = re.compile(r"authorization|cookie|\w+(?:-\w+)+", re.IGNORECASE)
_MARKS_ONLY = re.compile(r"(?:\[redacted:[a-z0-9-]{1,40}\])+")


class _Scrubbing:
    """One walk over a value, without recursion: depth is the sender's choice."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._waiting: list[tuple[Any, Any, Any, bool]] = []
        self._tuples: list[tuple[Any, Any, list[Any]]] = []

    def run(self, value: Any) -> Any:
        root = [value]
        self._waiting.append((root, 0, value, False))
        while self._waiting:
            holder, key, item, secret = self._waiting.pop()
            holder[key] = self._taken(holder, key, item, secret=secret)
        for holder, key, items in reversed(self._tuples):
            holder[key] = tuple(items)
        return root[0]

    def _taken(self, holder: Any, key: Any, item: Any, *, secret: bool) -> Any:
        if isinstance(item, str):
            return self._text(item, secret=secret)
        if isinstance(item, bytes):
            text = self._text(item.decode("utf-8", "surrogateescape"), secret=secret)
            return text.encode("utf-8", "surrogateescape")
        if isinstance(item, Mapping):
            return self._mapping(item)
        if isinstance(item, list | tuple):
            items = [None] * len(item)
            if isinstance(item, tuple):
                self._tuples.append((holder, key, items))
            pair = _is_header(item)
            self._waiting += [
                (items, index, part, secret or (pair and index == 1))
                for index, part in enumerate(item)
            ]
            return items
        return item

    def _mapping(self, item: Mapping[Any, Any]) -> dict[Any, Any]:
        copy: dict[Any, Any] = {}
        for key, value in item.items():
            name = self._key(key, copy)
            copy[name] = None
            secret = isinstance(key, str) and bool(_SECRET_KEY.search(key))
            self._waiting.append((copy, name, value, secret))
        return copy

    def _key(self, key: Any, taken: dict[Any, Any]) -> Any:
        """Return a key without secrets that no other entry has."""
        if not isinstance(key, str):
            return key
        shown = name = self._redact(key)
        number = 1
        while name in taken:
            number += 1
            name = f"{shown}#{number}"
        return name

    def _text(self, text: str, *, secret: bool) -> str:
        if secret and text and not _MARKS_ONLY.fullmatch(text):
            return f"[redacted:{NAMED_VALUE}]"
        return self._redact(text)


def _is_header(item: list[Any] | tuple[Any, ...]) -> bool:
    match item:
        case [str(name), str() | bytes()]:
            pass
        case [bytes(raw), str() | bytes()]:
            name = raw.decode("latin-1")
        case _:
            return False
    return bool(_HEADER.fullmatch(name) and _SECRET_KEY.search(name))


def scrubbed(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a copy of a value with every string redacted.

    Args:
        value: Strings, bytes, mappings, lists and tuples, nested; others are taken over.
        redact: Makes a text safe.
    """
    return _Scrubbing(redact).run(value)
