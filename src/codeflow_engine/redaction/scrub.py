"""Redact a JSON-like value in its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeflow_engine.redaction.rule import NAMED_VALUE, compiled

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = (
    r"(?:^|[_. -]|(?<=[a-z0-9])(?-i:(?=[A-Z])))"
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|(?:set[_-]?)?cookie"
    r"|(?:proxy[_-]?)?authorization|(?:api|access|private|secret|signing|encryption)[_-]?key)$"
)
_HEADERS = r"authorization|cookie|\w+(?:-\w+)+"
_MARKS_ONLY = r"(?:\[redacted:[a-z0-9-]{1,40}\])+"


class _Scrubbing:
    """One walk over a value, without recursion: depth is the sender's choice."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        # What is still to copy: where it goes, under which key, and whether it is secret.
        self._waiting: list[tuple[Any, Any, Any, bool]] = []
        self._tuples: list[tuple[Any, Any, list[Any]]] = []

    def run(self, value: Any) -> Any:
        root = [value]
        self._waiting.append((root, 0, value, False))
        while self._waiting:
            holder, key, item, secret = self._waiting.pop()
            holder[key] = self._copy(holder, key, item, secret=secret)
        # The inner ones come last in the list, and are wanted first.
        for holder, key, items in reversed(self._tuples):
            holder[key] = tuple(items)
        return root[0]

    def _copy(self, holder: Any, key: Any, item: Any, *, secret: bool) -> Any:
        if isinstance(item, str | bytes):
            return self._text(item, secret=secret)
        if isinstance(item, Mapping):
            return self._mapping(item)
        if isinstance(item, list | tuple):
            items = [None] * len(item)
            if isinstance(item, tuple):
                self._tuples.append((holder, key, items))
            pair = _is_header(item)
            for index, part in enumerate(item):
                self._waiting.append((items, index, part, secret or (pair and index == 1)))
            return items
        return item

    def _mapping(self, item: Mapping[Any, Any]) -> dict[Any, Any]:
        copy: dict[Any, Any] = {}
        taken: Counter[Any] = Counter()
        for key, value in item.items():
            shown: Any = self._text(key, secret=False) if isinstance(key, str | bytes) else key
            name = shown
            while name in copy:
                taken[shown] += 1
                suffix = f"#{taken[shown] + 1}"
                name = shown + (suffix if isinstance(shown, str) else suffix.encode())
            copy[name] = None
            self._waiting.append((copy, name, value, _names_secret(key)))
        return copy

    def _text(self, text: str | bytes, *, secret: bool) -> str | bytes:
        if isinstance(text, bytes):
            shown = self._shown(text.decode("utf-8", "surrogateescape"), secret=secret)
            return shown.encode("utf-8", "surrogateescape")
        return self._shown(text, secret=secret)

    def _shown(self, text: str, *, secret: bool) -> str:
        if secret and text and not compiled(_MARKS_ONLY).fullmatch(text):
            return f"[redacted:{NAMED_VALUE}]"
        return self._redact(text)


def _names_secret(key: Any) -> bool:
    name = key.decode("latin-1") if isinstance(key, bytes) else key
    return isinstance(name, str) and bool(compiled(_NAMES, ignore_case=True).search(name))


def _is_header(item: list[Any] | tuple[Any, ...]) -> bool:
    match item:
        case [str() | bytes() as key, str() | bytes()]:
            name = key.decode("latin-1") if isinstance(key, bytes) else key
            return _names_secret(name) and bool(
                compiled(_HEADERS, ignore_case=True).fullmatch(name)
            )
    return False


def scrubbed(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a copy of a value with every string redacted.

    Args:
        value: Strings, bytes, mappings, lists and tuples, nested; others are taken over.
        redact: Makes a text safe.
    """
    return _Scrubbing(redact).run(value)
