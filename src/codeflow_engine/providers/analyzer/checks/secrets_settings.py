"""What a host can set about the scan for secrets."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SecretsSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsSettings:
    """Settings of the scan for secrets."""

    removed: bool = True
    """Whether a secret that the change removes is told of: it is still in the history."""
