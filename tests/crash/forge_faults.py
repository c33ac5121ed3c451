"""What goes wrong on the way to a forge, by a seed: a mixture that no run may suffer from."""

from __future__ import annotations

from typing import Final

from codeflow_engine.testing.forge.faults import Act, Fault

__all__ = ["HANG", "TIMEOUT", "rules_of"]

TIMEOUT: Final = 1.0
"""Seconds that a client of these tests waits for an answer."""

HANG: Final = 1.3
"""Seconds after which a hanging request is answered, which nobody reads any more."""

_WRITES: Final = ("POST", "PATCH", "PUT", "DELETE")


def rules_of(*, chance: float = 0.006, refuse: bool = False) -> list[Fault]:
    """Make the rules of a world.

    Args:
        chance: How probable each kind is, for each request.
        refuse: Whether reviews are refused with 422, as for one bad anchor (G16).
    """
    rules = [
        Fault(act=Act.STATUS, status=502, chance=chance),
        Fault(act=Act.RESET, chance=chance),
        Fault(act=Act.HANG, seconds=HANG, chance=chance / 2),
        Fault(act=Act.STATUS, status=403, retry_after=1, chance=chance / 2),
        Fault(act=Act.DRIP, method="GET", seconds=TIMEOUT / 2, chance=chance),
        Fault(act=Act.REVERSE, method="GET", chance=chance),
        Fault(act=Act.REPEAT, method="GET", chance=chance),
        Fault(act=Act.CUT, method="GET", chance=chance),
    ]
    for method in _WRITES:
        rules += [
            Fault(act=Act.STATUS, method=method, status=502, after=True, chance=9 * chance),
            Fault(act=Act.STATUS, method=method, status=503, chance=chance),
            Fault(act=Act.RESET, method=method, after=True, chance=6 * chance),
            Fault(act=Act.HANG, method=method, seconds=HANG, after=True, chance=6 * chance),
            Fault(act=Act.CUT, method=method, chance=chance),
        ]
    if refuse:
        rules.append(Fault(act=Act.STATUS, method="POST", path="*/reviews", status=422, on=1))
    return rules
