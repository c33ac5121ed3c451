"""Text from a change made safe to look at.

A terminal obeys control characters, a bidi control shows code in another order than the
compiler reads it (CVE-2021-42574), and an invisible character hides text from a reader.
None of them leaves a report: they are shown as the escapes that Python writes for them.
"""

from __future__ import annotations

import json
import re
import unicodedata

__all__ = ["escape", "escape_character", "escape_json", "escape_path", "is_hidden"]

# Default-ignorable characters and blanks that Unicode counts as letters, marks or symbols,
# so that `str.isprintable` lets them pass: joiners, fillers, variation selectors, the
# braille blank (DerivedCoreProperties.txt, Default_Ignorable_Code_Point).
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)

_BEYOND_PRINTABLE_ASCII = re.compile(r"[^\x20-\x7e\n]")
# Scripts with letters that many fonts draw like Latin ones (Unicode TS 39, confusables.txt).
_ALIKE = (
    "ARMENIAN ",
    "CHEROKEE ",
    "COPTIC ",
    "CYRILLIC ",
    "FULLWIDTH ",
    "GREEK ",
    "LISU ",
    "MATHEMATICAL ",
)

_END_BLANKS = re.compile(r"\A +| +\Z")
_WORD = re.compile(r"[^\W\d_]+")


def is_hidden(character: str) -> bool:
    """Say whether a character does something else than show a glyph, or shows none.

    These are all separators but the space, everything of category C (control, format,
    surrogate, private use, unassigned), and the ignorable letters and marks.
    """
    return not character.isprintable() or _BLANK.match(character) is not None


def escape_character(character: str) -> str:
    r"""Write a character as `\n`, `\x1b`, `\u202e` or `\U000e0041`."""
    return character.encode("unicode_escape").decode("ascii")


def escape(text: str, encoding: str = "utf-8") -> str:
    """Escape every hidden character, and every one that the encoding does not have."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        escape_character(c) if is_hidden(c) or not _fits(c, encoding) else c for c in text
    )


def escape_path(path: str, encoding: str = "utf-8") -> str:
    """Escape a path; letters that pass for Latin ones inside a Latin word are escaped too.

    A word that mixes scripts, such as one with a Cyrillic `a`, is how a path imitates
    another one. A word that is wholly of another script is left as it is. Blanks at an end
    are escaped, since nobody would see them there.
    """
    shown = escape(_WORD.sub(_unmix, path), encoding)
    return _END_BLANKS.sub(lambda found: r"\x20" * len(found[0]), shown)


def escape_json(text: str, encoding: str = "utf-8") -> str:
    """Escape a JSON document: outside of its strings it holds nothing that is hidden."""

    def replace(match: re.Match[str]) -> str:
        character = match[0]
        if is_hidden(character) or not _fits(character, encoding):
            return json.dumps(character)[1:-1] if character != "\x7f" else r"\u007f"
        return character

    return _BEYOND_PRINTABLE_ASCII.sub(replace, text)


def _fits(character: str, encoding: str) -> bool:
    if character.isascii():
        return True
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _unmix(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not any(c.isascii() for c in word):
        return word
    return "".join(escape_character(c) if _imitates(c) else c for c in word)


def _imitates(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_ALIKE)
