"""Keep configured secrets out of data that has to come back as it was.

A run is stored with its input and the values of its steps, and goes on with exactly these.
What redaction takes out is gone; so here each secret is cut out, and in front of the rest
stands where it was, and which one. An engine that is configured with the same secrets puts
them back.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

__all__ = ["MARK", "seal", "unseal"]

MARK: Final = b"sealed "
"""What sealed data begins with, and no other data that is stored: that is JSON."""

_SALT: Final = 8
_SIZE: Final = 8
"""Bytes of a digest: enough to tell the secrets of an engine apart, and no more."""


def seal(data: bytes, forms: Sequence[bytes]) -> bytes:
    """Cut secrets out of data; data without any is given as it is.

    Args:
        data: Does not begin with the mark.
        forms: What to cut out, the longest first.
    """
    # Here, since with `hashlib` it is half the price of importing this package.
    import json

    cuts = _find(data, forms)
    if not cuts:
        return data
    # A salt, so that nobody can tell from two rows that they hold the same secret.
    salt = os.urandom(_SALT)
    kept: list[bytes] = []
    told: list[tuple[int, str]] = []
    at = 0
    for start, end in cuts:
        kept.append(data[at:start])
        told.append((start, _digest(salt, data[start:end])))
        at = end
    kept.append(data[at:])
    head = json.dumps({"salt": salt.hex(), "cuts": told}, separators=(",", ":"))
    return b"".join((MARK, head.encode(), b"\n", *kept))


def unseal(data: bytes, forms: Sequence[bytes]) -> bytes:
    """Put secrets back; data that holds one which is not among the forms stays sealed."""
    import json

    if not data.startswith(MARK):
        return data
    end = data.find(b"\n")
    try:
        head = json.loads(data[len(MARK) : end])
        salt = bytes.fromhex(head["salt"])
        known = {_digest(salt, form): form for form in forms}
        cuts = [(int(start), known[digest]) for start, digest in head["cuts"]]
    except (ValueError, LookupError, TypeError):
        return data
    rest = memoryview(data)[end + 1 :]
    whole: list[bytes | memoryview] = []
    at, size = 0, 0
    for start, form in cuts:
        piece = rest[at : at + start - size]
        whole += [piece, form]
        at += len(piece)
        size += len(piece) + len(form)
    return b"".join((*whole, rest[at:]))


def _find(data: bytes, forms: Sequence[bytes]) -> list[tuple[int, int]]:
    """Find where secrets stand, sorted; where two overlap, the longer one counts."""
    found: list[tuple[int, int]] = []
    for form in forms:
        at = data.find(form)
        while at >= 0:
            end = at + len(form)
            place = bisect_left(found, (at, end))
            is_free = place == 0 or found[place - 1][1] <= at
            if is_free and (place == len(found) or end <= found[place][0]):
                found.insert(place, (at, end))
            else:
                end = at + 1
            at = data.find(form, end)
    return found


def _digest(salt: bytes, form: bytes) -> str:
    import hashlib

    return hashlib.blake2b(form, key=salt, digest_size=_SIZE).hexdigest()
