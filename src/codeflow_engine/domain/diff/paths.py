"""Paths in the header lines of a diff: quoting, prefixes, and two names on one line."""

from __future__ import annotations

import re

__all__ = ["decode", "split_pair", "strip_one", "strip_prefixes", "take_name", "unquote"]

_ESCAPED = rb'\\(?:[abfnrtv"\\]|[0-3][0-7]{2})'
_QUOTED = re.compile(rb'"((?:[^"\\]|' + _ESCAPED + rb')*+)"')
_ESCAPE = re.compile(_ESCAPED)
_CONTROL = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b'"': b'"',
    b"\\": b"\\",
}

# `diff.mnemonicPrefix` (git-config): i(ndex), w(ork tree), c(ommit), o(bject), 1 and 2 for
# `--no-index`; `git diff -R` swaps the two sides.
_LETTERS = (b"a", b"b"), (b"i", b"w"), (b"c", b"i"), (b"c", b"w"), (b"o", b"w"), (b"1", b"2")
_PREFIXES = (*_LETTERS, *((new, old) for old, new in _LETTERS))

_CANDIDATES = 16
"""How many places on each side of the middle are tried to split two names.

The right place is off the middle by half the difference of the two prefixes' lengths.
"""


def decode(raw: bytes) -> str:
    """Decode UTF-8 so that `encode("utf-8", "surrogateescape")` gives the bytes back."""
    return raw.decode("utf-8", "surrogateescape")


def unquote(raw: bytes) -> bytes | None:
    """Undo C quoting (quotes, backslashes, octal); None where the quoting is broken.

    A name without quotes is given back as it is.
    """
    if not raw.startswith(b'"'):
        return raw
    quoted = _QUOTED.fullmatch(raw)
    return None if quoted is None else _ESCAPE.sub(_unescape, quoted[1])


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[0][1:]
    return _CONTROL.get(code) or bytes([int(code, 8)])


def take_name(text: bytes) -> tuple[bytes, bytes]:
    """Split the text after `--- ` or `+++ ` into the name as written and what follows.

    A timestamp follows after a tab; git puts a bare tab after a name that holds a space.
    """
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return quoted[0], text[quoted.end() :].removeprefix(b"\t")
    name, _, rest = text.partition(b"\t")
    return name, rest


def strip_one(name: bytes) -> bytes:
    """Take `a/` or `b/` off a name that stands alone."""
    return name[2:] or name if name.startswith((b"a/", b"b/")) else name


def strip_prefixes(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Take the prefixes of the two sides off two names of the same file.

    Equal names have none (`--no-prefix`). Otherwise one component goes when the rests are
    equal or the two are a pair that git uses; else all goes that stands before the
    components that both names end in (`diff -r one/tree other`). Names that end in
    different components are kept.
    """
    if old == new:
        return old, new
    old_head, _, old_rest = old.partition(b"/")
    new_head, _, new_rest = new.partition(b"/")
    alike = old_rest == new_rest or (old_head, new_head) in _PREFIXES
    if alike and old_rest and new_rest:
        return old_rest, new_rest
    same = 0
    old_parts, new_parts = old.split(b"/"), new.split(b"/")
    for one, other in zip(reversed(old_parts), reversed(new_parts), strict=False):
        if one != other:
            break
        same += 1
    path = b"/".join(old_parts[len(old_parts) - same :])
    return (path, path) if path else (old, new)


def split_pair(text: bytes, separator: bytes) -> tuple[bytes, bytes] | None:
    """Split two names that stand on one line; None where it cannot be told how.

    Names may hold the separator. They belong to one file, so the right place is the one
    near the middle that leaves the same path on both sides once prefixes are off.
    """
    if b'"' in text:
        return _split_quoted(text, separator)
    for place in _near_middle(text, separator):
        old, new = text[:place], text[place + len(separator) :]
        stripped = strip_prefixes(old, new)
        if stripped[0] == stripped[1]:
            return old, new
    if text.count(separator) == 1:
        old, _, new = text.partition(separator)
        return old, new
    for old_head, new_head in _PREFIXES:
        middle = separator + new_head + b"/"
        if text.startswith(old_head + b"/") and text.count(middle) == 1:
            old, _, new = text.partition(middle)
            return old, new_head + b"/" + new
    return None


def _split_quoted(text: bytes, separator: bytes) -> tuple[bytes, bytes] | None:
    """Split names of which one or both are quoted; a plain one holds no quote."""
    if text.startswith(b'"'):
        quoted = _QUOTED.match(text)
        old = b"" if quoted is None else quoted[0]
        rest = text[len(old) :]
        new = rest.removeprefix(separator)
        return (old, new) if old and new != rest else None
    old, found, new = text.partition(separator + b'"')
    return (old, b'"' + new) if found else None


def _near_middle(text: bytes, separator: bytes) -> list[int]:
    """Find the separators around the middle of the text, the nearest first."""
    middle = (len(text) - len(separator)) // 2
    places: list[int] = []
    place = text.find(separator, middle)
    while place >= 0 and len(places) < _CANDIDATES:
        places.append(place)
        place = text.find(separator, place + 1)
    limit = len(places) + _CANDIDATES
    place = text.rfind(separator, 0, middle + len(separator) - 1)
    while place >= 0 and len(places) < limit:
        places.append(place)
        place = text.rfind(separator, 0, place + len(separator) - 1)
    return sorted(places, key=lambda found: abs(2 * found + len(separator) - len(text)))
