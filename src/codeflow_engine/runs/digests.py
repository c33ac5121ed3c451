"""The digest of an input: equal for equal ones, whatever the order in which they are written.

An input that is asked for again under the same key may come from another process, which goes
through a set in another order, or from a later release, whose input has one more optional field.
Neither makes it another one. So dicts and sets are put in order, and a field of a dataclass
that has its default is left out.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields, is_dataclass
from hashlib import sha256
from typing import Any, Final

from codeflow_engine.errors import SerializationError
from codeflow_engine.runs.forms import form_of
from codeflow_engine.runs.leaves import LEAVES

__all__ = ["digest"]

_write_json = json.JSONEncoder(separators=(",", ":")).encode

_JSON: Final = frozenset({type(None), bool, int, float, str})
"""What JSON tells apart by itself."""

_PLAIN: Final = _JSON | {dict, list, tuple, set, frozenset}
"""What is told apart by how it is written here."""


def digest(name: str, value: Any) -> str:
    """Make the digest of what a workflow of a name is given.

    Args:
        name: Of the workflow.
        value: What `codec.encode` takes.

    Raises:
        SerializationError: It is nested too deeply.
    """
    try:
        told = _told(value)
    except RecursionError:
        raise SerializationError("it is nested too deeply, or contains itself") from None
    return sha256(f"{name}\0{told}".encode("ascii")).hexdigest()


def _told(value: Any) -> str:
    """Write a value in one form, without the name of its class, which may change."""
    kind = type(value)
    if kind in _JSON:
        return _write_json(value)
    if kind is dict:
        pairs = [f"{_named(key)}:{_named(one)}" for key, one in value.items()]
        return f"{{{','.join(sorted(pairs))}}}"
    if kind is list or kind is tuple:
        return f"[{','.join(map(_named, value))}]"
    if kind is set or kind is frozenset:
        return f"<{','.join(sorted(map(_named, value)))}>"
    if kind not in LEAVES and is_dataclass(kind):
        given = {
            field.name: _named(getattr(value, field.name))
            for field in fields(kind)
            if field.init and not _has_default(value, field)
        }
        return f"({','.join(f'{name}={given[name]}' for name in sorted(given))})"
    return _leaf(value)


def _named(value: Any) -> str:
    """Write a part, so that values of two classes of a union stay two."""
    kind = type(value)
    told = _told(value)
    return told if kind in _PLAIN else f"{kind.__name__}{told}"


def _leaf(value: Any) -> str:
    blobs: list[bytes] = []
    plain = form_of(type(value)).write(value, blobs)
    return _write_json([plain, *(sha256(blob).hexdigest() for blob in blobs)])


def _has_default(value: Any, field: Field[Any]) -> bool:
    default = field.default
    if default is MISSING:
        if field.default_factory is MISSING:
            return False
        default = field.default_factory()
    given = getattr(value, field.name)
    # To Python False equals 0.
    return type(given) is type(default) and bool(given == default)
