"""Numbers and texts that a flat schema may allow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["numbers", "strings"]

_FORMS: Final = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "duration": "PT0S",
    "email": "a@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "json-pointer": "",
    "regex": "",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
"""A text of each usual format; validators need not look at them, but readers of answers do."""

_WORDS: Final = ("", "0", "a", "A", "0.0", "00", "aa", "AA", "a0", "a-a", "a.a", "a/a", "a b")

_LONG: Final = 100_000
"""Characters; no answer is made longer."""


def numbers(flat: dict[str, Any], *, whole: bool) -> Iterator[int | float]:
    """Give numbers between the bounds, the lowest first where there is one."""
    step = flat.get("multipleOf")
    lows = [flat[word] for word in ("minimum", "exclusiveMinimum") if word in flat]
    highs = [flat[word] for word in ("maximum", "exclusiveMaximum") if word in flat]
    found: list[int | float] = []
    if lows:
        low = max(lows)
        found += [low, math.ceil(low), math.floor(low) + 1]
        if step:
            found += [math.ceil(low / step) * step, (math.floor(low / step) + 1) * step]
        if highs:
            found.append((low + min(highs)) / 2)
    found.append(0)
    if highs:
        high = min(highs)
        found += [high, math.floor(high), math.ceil(high) - 1]
        if step:
            found += [math.floor(high / step) * step, (math.ceil(high / step) - 1) * step]
    found += _beside(found[0], step, upwards=bool(lows) or not highs)
    if not whole:
        found += [0.5, found[0] + 0.5]
    yield from (int(one) if whole and one == int(one) else one for one in found)


def _beside(start: float, step: float | None, *, upwards: bool) -> Iterator[int | float]:
    """Give the next numbers, for arrays whose items differ."""
    first = start if isinstance(start, int) or step else math.ceil(start)
    along = (step or 1) if upwards else -(step or 1)
    return (first + along * count for count in range(1, 40))


def strings(flat: dict[str, Any]) -> Iterator[str]:
    """Give texts of the least length, with the form that is asked for if it is known."""
    fewest = min(int(flat.get("minLength", 0)), _LONG)
    form = flat.get("format")
    if form in _FORMS:
        yield _FORMS[form]
    if "pattern" in flat:
        told = [*flat.get("examples", ()), flat.get("default")]
        yield from (one for one in told if isinstance(one, str))
        yield from _WORDS
    yield "a" * fewest
    for count in range(40):
        yield chr(ord("b") + count % 25) + "a" * max(fewest - 1, count // 25)
