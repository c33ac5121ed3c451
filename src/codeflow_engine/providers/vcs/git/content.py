"""What a file of the working tree would be as a blob, without running any filter.

The rules are those of gitattributes: line ends (`text`, `eol`, `core.autocrlf`) and `$Id$`
are simple and done here; so is the pointer of Git LFS, which follows from the content. Any
other filter, and other encodings, are never run: such a file is *opaque*.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from codeflow_engine.providers.vcs.git.rules import Attributes

__all__ = ["blob_id", "canonical", "forms", "has_crlf", "is_opaque", "keeps_crlf", "lfs_pointer"]

_UNSET: Final = {b"unspecified", b"unset"}
_IDENT: Final = re.compile(rb"\$Id:[^\n$]*\$")
_POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
_POINTER_SIZE: Final = 1024  # git-lfs takes nothing larger for a pointer

# What `convert.c` counts: everything but these controls and DEL is printable.
_CONTROLS: Final = bytes(set(range(32)) - set(b"\b\t\n\r\f\x1b")) + b"\x7f"


def blob_id(object_format: str, size: int, pieces: Iterable[bytes]) -> str:
    """Compute the id that git gives to a blob."""
    digest = hashlib.new(object_format, b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def is_opaque(attributes: Attributes) -> bool:
    """Tell whether only a foreign program could tell what the blob would be."""
    filtered = attributes.filter not in {*_UNSET, b"lfs"}
    return filtered or attributes.encoding.upper() not in {b"UNSPECIFIED", b"UNSET", b"UTF-8"}


def lfs_pointer(size: int, pieces: Iterable[bytes]) -> bytes:
    """Write what Git LFS stores in place of a content; an empty one stays empty."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    if not size:
        return b""
    return _POINTER + b"oid sha256:%s\nsize %d\n" % (digest.hexdigest().encode(), size)


def canonical(
    content: bytes, attributes: Attributes, *, autocrlf: str, crlf_recorded: bool
) -> bytes:
    """Turn content of the working tree into content of a blob.

    Args:
        content: As the file is.
        attributes: Of its path; one without a foreign filter.
        autocrlf: The setting `core.autocrlf`.
        crlf_recorded: Whether the blob in the index has CRLF; then `auto` leaves it alone.
    """
    if attributes.filter == b"lfs" and not _is_pointer(content):
        content = lfs_pointer(len(content), [content])
    how = _line_ends(attributes, autocrlf)
    if how == "text" or (how == "auto" and not crlf_recorded and not _is_binary(content)):
        content = content.replace(b"\r\n", b"\n")
    if attributes.ident == b"set":
        content = _IDENT.sub(b"$Id$", content)
    return content


def keeps_crlf(attributes: Attributes, autocrlf: str) -> bool:
    """Tell whether it matters that a recorded blob has CRLF."""
    return _line_ends(attributes, autocrlf) == "auto"


def has_crlf(blob: bytes) -> bool:
    """Tell whether a recorded blob has CRLF line ends."""
    return b"\r\n" in blob and not _is_binary(blob)


def forms(content: bytes) -> Iterator[bytes]:
    """Give every blob that a content can become here, whatever the attributes."""
    unix = content.replace(b"\r\n", b"\n")
    for one in (content, unix):
        yield one
        yield _IDENT.sub(b"$Id$", one)
    yield lfs_pointer(len(content), [content])


def _line_ends(attributes: Attributes, autocrlf: str) -> str:
    if attributes.text in {b"set", b"input"}:
        return "text"
    if attributes.text == b"auto":
        return "auto"
    if attributes.text == b"unset":
        return "binary"
    if attributes.eol in {b"lf", b"crlf"}:
        return "text"
    return "auto" if autocrlf.lower() in {"true", "input", "yes", "on", "1"} else "binary"


def _is_pointer(content: bytes) -> bool:
    return len(content) < _POINTER_SIZE and content.startswith(_POINTER)


def _is_binary(content: bytes) -> bool:
    """Guess as git does before it touches line ends."""
    if b"\0" in content or content.count(b"\r") != content.count(b"\r\n"):
        return True
    body = content.removesuffix(b"\x1a")
    odd = len(body) - len(body.translate(None, _CONTROLS))
    line_ends = body.count(b"\n") + body.count(b"\r")
    return (len(body) - odd - line_ends) >> 7 < odd
