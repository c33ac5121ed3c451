"""Find secrets and keep them out of whatever leaves the engine."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NoReturn

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction.forms import forms_of, is_searchable
from codeflow_engine.redaction.growth import Growth
from codeflow_engine.redaction.registry import Registry
from codeflow_engine.redaction.rules import RULES, indexed
from codeflow_engine.redaction.scan import Scan, merged
from codeflow_engine.redaction.scrub import scrubbed
from codeflow_engine.redaction.seal import seal, unseal
from codeflow_engine.redaction.spans import OffsetMap, Span
from codeflow_engine.redaction.stream import RedactionStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codeflow_engine.redaction.rule import Rule


_UNCHANGED = OffsetMap.of((), ())

_SHORT: Final = 256
_REMEMBERED: Final = 1024
"""Texts of so many characters, and how many of them, that are not looked through again."""


class Redactor:
    """The rules and the registered secrets of one engine.

    Safe to share between threads. It is neither pickled nor copied, and no form of it as
    text shows a registered value.

    Args:
        secrets: Values that the engine was configured with.
        rules: What else counts as a secret; an earlier rule's name wins over a later one's.

    Raises:
        ConfigurationError: A rule cannot work, or a secret is empty.
    """

    __slots__ = ("_adding", "_growth", "_known", "_registered", "_scan")

    def __init__(self, *, secrets: Iterable[str] = (), rules: Sequence[Rule] = RULES) -> None:
        self._scan = Scan(indexed(rules), Registry())
        self._growth = Growth(self._scan.index.keys)
        self._known = lru_cache(_REMEMBERED)(self.redact)
        self._registered: frozenset[str] = frozenset()
        self._adding = Lock()
        for secret in secrets:
            self.add_secret(secret)

    def __repr__(self) -> str:
        return f"Redactor(rules={len(self._scan.index.rules)}, secrets={len(self._registered)})"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "a redactor holds secrets and is neither pickled nor copied; make a new one"
        )

    def add_secret(self, value: str) -> bool:
        """Register a value that must never be shown, in any usual encoding.

        Returns:
            Whether it is looked for from now on. A value shorter than 8 characters, of
            fewer than 4 different ones, or that is a widespread default such as
            `postgres` is not: in ordinary text it would mostly stand for something else.
            Where a rule applies, as in a URL, such a value is found all the same.

        Raises:
            ConfigurationError: The value is empty or blank.
        """
        if not value.strip():
            raise ConfigurationError("a secret to redact is empty; leave it unset instead")
        if not is_searchable(value):
            return False
        # Whoever uses a host names its keys with each call; to work out the forms of one takes
        # a millisecond.
        if value in self._registered:
            return True
        forms = forms_of(value)
        if self._scan.registry.knows(forms):
            return True
        with self._adding:
            self._scan = Scan(self._scan.index, self._scan.registry.with_forms(forms))
            self._known = lru_cache(_REMEMBERED)(self.redact)
            self._registered |= {value}
        return True

    def find(self, text: str) -> tuple[Span, ...]:
        """Return the secrets of a text, in order; they neither overlap nor touch.

        A secret over several lines is one span a line.
        """
        scan = self._scan
        return tuple(
            Span(piece.start, piece.end, scan.label(piece.rank))
            for piece in merged(scan.pieces(text))
        )

    def exposes(self, text: str) -> bool:
        """Tell whether a registered value stands in a text, in any of its forms."""
        return self._scan.exposes(text)

    def redact(self, text: str) -> str:
        """Return the text with `[redacted:<rule>]` in the place of each secret.

        Number and position of lines stay the same. What is redacted already stays so.
        """
        return self.redact_mapped(text)[0]

    def redact_mapped(self, text: str) -> tuple[str, OffsetMap]:
        """Return the redacted text with the way back from it to the source."""
        spans = self.find(text)
        if not spans:
            return text, _UNCHANGED
        shown = [f"[redacted:{span.rule}]" for span in spans]
        out: list[str] = []
        at = 0
        for span, placeholder in zip(spans, shown, strict=True):
            out += (text[at : span.start], placeholder)
            at = span.end
        out.append(text[at:])
        return "".join(out), OffsetMap.of(spans, tuple(map(len, shown)))

    def stream(self) -> RedactionStream:
        """Return a redactor of one text in chunks; it knows the secrets registered by now."""
        return RedactionStream(self._scan, self._growth)

    @property
    def has_secrets(self) -> bool:
        """Whether any value is registered that is looked for."""
        return bool(self._registered)

    def seal(self, data: bytes) -> bytes:
        """Cut registered values out of data, so that `unseal` can put them back.

        Args:
            data: Anything that does not begin with the mark of sealed data.
        """
        return seal(data, self._scan.registry.encoded)

    def unseal(self, data: bytes) -> bytes:
        """Give data as it was before `seal`.

        Where it holds a value that is not registered here, it stays as it is.
        """
        return unseal(data, self._scan.registry.encoded)

    def scrub(self, value: Any) -> Any:
        """Return a copy of a JSON-like value without secrets, in its shape.

        Strings and bytes are redacted wherever they stand, keys of mappings too. A string
        under a key such as `password` or `authorization` goes as a whole. Other values
        are taken over as they are.
        """
        return scrubbed(value, self._redact_again)

    def _redact_again(self, text: str) -> str:
        """Redact what may come again and again: names of fields, words of a schema."""
        return self._known(text) if len(text) <= _SHORT else self.redact(text)
