"""How sure somebody says to be, as a number from 0 to 1."""

from __future__ import annotations

from typing import Final

__all__ = ["as_confidence"]

_PERCENT: Final = 2
"""From here on a number is meant in hundredths; below it somebody counts a little past 1."""


def as_confidence(told: float) -> float:
    """Bring what a model says into the range: it may be a percentage, or out of all bounds."""
    # Bounded first: a whole number of JSON may be too large for a float. A NaN becomes 0.
    bounded = float(min(100, max(0, told)))
    return bounded / 100 if bounded >= _PERCENT else min(1.0, bounded)
