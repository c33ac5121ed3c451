"""What a run has spent on models, in words; what is not known never reads as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.prose import count

__all__ = ["spent"]

_COUNTS = ("calls", "input_tokens", "output_tokens")


def spent(summary: object) -> str:
    """Say what a run has spent, by the `usage` of its summary.

    Args:
        summary: Plain JSON data in whatever form its workflow gives; None while it goes on.
    """
    usage = summary.get("usage") if isinstance(summary, Mapping) else None
    if not isinstance(usage, Mapping) or any(type(usage.get(name)) is not int for name in _COUNTS):
        return "not known"
    if not usage["calls"]:
        return "none: no model was called"
    told: list[Any] = [count(usage["calls"], "call")]
    told += [f"{usage['input_tokens']:,} tokens in", f"{usage['output_tokens']:,} tokens out"]
    cost = usage.get("cost_usd")
    money = f"{cost} USD" if isinstance(cost, str) else "price not known"
    return ", ".join([money, *told])
