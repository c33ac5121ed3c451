"""The secrets that an engine was configured with, found by their exact value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction.keys import LEAD, MAX_PLACEHOLDER, RUN, View
from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = 4
_RUN = rf"[A-Za-z0-9_-]{{{RUN}}}"


class Registry:
    """The forms of every registered secret. Immutable; shows none of them.

    Args:
        forms: What to look for, without line breaks.
    """

    __slots__ = ("_beginning", "_forms", "_known", "_spaced", "_unspaced", "encoded")

    def __init__(self, forms: frozenset[str] = frozenset()) -> None:
        # The longest first, so that the outcome is one of the set, not of its order.
        self._known = forms
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._forms = tuple((form, _literal(form)) for form in ordered)
        self.encoded: tuple[bytes, ...] = tuple(
            form.encode("utf-8", "surrogatepass") for form in ordered
        )
        """Every form as bytes, the longest first."""

        self._spaced = max((len(form) for form in forms if compiled(r"\s").search(form)), default=0)
        self._unspaced = max(map(len, forms), default=0)
        self._beginning: dict[str, list[str]] = {}
        for form in ordered:
            for size in range(1, _HEAD + 1):
                self._beginning.setdefault(form[:size], []).append(form)

    def __repr__(self) -> str:
        return f"Registry(forms={len(self._forms)})"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a registry of secrets is neither pickled nor copied")

    def knows(self, forms: tuple[str, ...]) -> bool:
        """Tell whether all of these are looked for already."""
        return self._known.issuperset(forms)

    def with_forms(self, forms: tuple[str, ...]) -> Registry:
        """Return a registry that also knows `forms`."""
        return Registry(self._known | frozenset(forms))

    def occurrences(self, text: str, view: View, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of each form that begins between `start` and `end`.

        Args:
            text: The text.
            view: The same text from `start` on, to the pad of the index behind `end`.
            start: Where to begin.
            end: Where to stop.
        """
        for form, literal in self._forms:
            if literal is not None and literal not in view.dense:
                continue
            at = text.find(form, start, end + len(form) - 1)
            while at >= 0:
                yield at, at + len(form)
                at = text.find(form, at + 1, end + len(form) - 1)

    def undecided(self, text: str, line: int, word: int) -> int:
        """Return the first place at which a form may still come to stand.

        Args:
            text: A text whose end is not known.
            line: Where its last line starts, or what was settled of it ends.
            word: Where its last word starts, in the last line.
        """
        size = len(text)
        spaced = max(line, size - self._spaced - MAX_PLACEHOLDER)
        unspaced = max(word, size - self._unspaced - MAX_PLACEHOLDER)
        for at in range(min(spaced, unspaced), size):
            for form in self._beginning.get(text[at : at + _HEAD], ()):
                if form.startswith(text[at:]) or (
                    text.startswith(form, at) and size < at + len(form) + MAX_PLACEHOLDER
                ):
                    return at
        return size


def _literal(form: str) -> str | None:
    """Return ASCII that stands among the runs of any text with the form in it, if there is any."""
    run = compiled(_RUN).search(form, 0, RUN + LEAD)
    return form[: run.end()] if run and form[: run.end()].isascii() else None
