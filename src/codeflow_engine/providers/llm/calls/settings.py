"""What can be set for any provider of models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Gt

__all__ = ["LLMSettings"]

_Seconds = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMSettings:
    """Where a provider is, and how long it may take."""

    api_key: str | None = field(default=None, repr=False)
    """Its key; None takes the provider's usual variable of the environment. One shorter than 8
    characters, as local servers are given, is not redacted."""

    base_url: str | None = None
    """Where its interface is; None is the provider's own place."""

    timeout: _Seconds = 300.0
    """Seconds that a whole call may take."""

    idle_timeout: _Seconds = 30.0
    """Seconds without a byte of a stream, before its first piece as well: a model that reads or
    thinks for longer before it speaks needs more."""

    connect_timeout: _Seconds = 5.0
    """Seconds until a connection stands."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Sent with each call, as gateways in front of a provider want them."""

    ca_file: str | None = None
    """Certificates to trust in place of the system's, as a PEM file."""
