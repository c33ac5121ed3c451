"""What the engine does to the outside: effects, plans of them, and the receipts for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from codeflow_engine.errors import SerializationError

__all__ = ["Effect", "EffectKind", "Plan", "Receipt", "effect_key"]

_SCHEMA = 1


class EffectKind(StrEnum):
    """Kinds of effects on a VCS host."""

    REVIEW = "review"
    SUMMARY = "summary"
    CHECK = "check"
    LABEL = "label"
    ISSUE = "issue"
    COMMIT = "commit"
    SARIF = "sarif"
    """A report for the host's own list of alerts."""

    RESOLUTION = "resolution"
    """Threads of ours whose findings are mended, or dismissed, are resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One write to the outside, planned but not done."""

    key: str
    """Digest of target, kind, head and content: equal for the same effect in any run."""

    kind: EffectKind
    target: str
    """The change that it goes to; fixed by the run, never by a model."""

    head: str
    """Revision that it speaks of; an effect for an old head is not delivered."""

    payload: Mapping[str, Any]
    """Plain JSON data in the form of its kind."""


def effect_key(target: str, kind: EffectKind, head: str, content: object) -> str:
    """Make the key of an effect: equal for the same effect, in whichever run it is planned.

    Args:
        target: The change that it goes to.
        kind: What it writes.
        head: Revision that it speaks of.
        content: What tells it from others of its kind for that head, such as the fingerprints
            of findings; plain JSON data. What may differ between two runs that found the same,
            such as a duration, does not belong here.

    Raises:
        SerializationError: The content is no plain JSON data.
    """
    return _digest("effect", target, kind.value, head, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is to be written about one review; nothing of it is done yet.

    It is bound to the head that was reviewed: what approves it approves it for that head.
    """

    provider: str
    """Name of the VCS backend that delivers it."""

    target: str
    """The change that all effects go to."""

    head: str
    """Revision that all effects speak of."""

    run_id: str
    """Run that made the review."""

    effects: tuple[Effect, ...]
    """In the order in which they are delivered."""

    def __post_init__(self) -> None:
        if not {(one.target, one.head) for one in self.effects} <= {(self.target, self.head)}:
            raise ValueError("an effect of a plan goes to its target, and speaks of its head")
        if len({one.key for one in self.effects}) < len(self.effects):
            raise ValueError("two effects of a plan have the same key")

    @property
    def key(self) -> str:
        """Digest of target, head and the keys of the effects; other runs may make it too."""
        return _digest("plan", self.target, self.head, [one.key for one in self.effects])

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form, as values that `json.dumps` takes."""
        from codeflow_engine.domain.encoding import to_plain

        return {"schema": _SCHEMA, "key": self.key, **to_plain(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Load the JSON form.

        Raises:
            SerializationError: The data has another schema version or another form, or its
                key is not that of its effects.
        """
        from codeflow_engine.domain.encoding import from_plain

        given: object = data
        plain = dict(given) if isinstance(given, Mapping) else {}
        schema, key = plain.pop("schema", None), plain.pop("key", None)
        if type(schema) is not int or schema != _SCHEMA:
            raise SerializationError(f"not a plan in the form of schema {_SCHEMA}")
        plan = from_plain(cls, plain)
        if plan.key != key:
            raise SerializationError("the key of a plan is not that of its effects")
        return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that an effect stands on the host."""

    key: str
    """Key of the effect."""

    external_id: str
    """Id of what was written, in the host's words."""

    found: bool
    """Whether it stood there already, so that nothing was written."""

    at: datetime


def _digest(*parts: object) -> str:
    try:
        text = json.dumps(parts, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise SerializationError("the content of an effect is no plain JSON data") from None
    return sha256(text.encode("ascii")).hexdigest()
