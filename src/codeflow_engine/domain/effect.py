"""What the engine does to the outside: effects, and the receipts for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = ["Effect", "EffectKind", "Receipt"]


class EffectKind(StrEnum):
    """Kinds of effects on a VCS host."""

    REVIEW = "review"
    SUMMARY = "summary"
    CHECK = "check"
    LABEL = "label"
    ISSUE = "issue"
    COMMIT = "commit"


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
