"""What goes wrong between a client and the forge, by rules that a test gives.

A rule picks requests by method, path and number, or by a seeded chance, and says what becomes
of them. The server does it: this module holds the rules and counts.

```python
forge.faults.add(Fault(act=Act.STATUS, method="POST", path="*/reviews", after=True))
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from codeflow_engine.errors import ConfigurationError

__all__ = ["Act", "Fault", "Faults", "Struck"]


class Act(StrEnum):
    """What becomes of a request."""

    STATUS = "status"
    """It is answered with the fault's status, and GitHub's page for it."""
    HANG = "hang"
    """It gets no answer for so many seconds, and then a page of status 504."""
    RESET = "reset"
    """Its connection breaks without an answer."""
    CUT = "cut"
    """Its answer ends in the midst, and the connection breaks."""
    TRUNCATE = "truncate"
    """Its answer is half a document, with the head of a whole one."""
    DRIP = "drip"
    """Its answer comes byte by byte, for so many seconds in all."""
    HTML = "html"
    """It is answered with a page instead of a document, and status 200."""
    TYPE = "type"
    """Its answer names another type of content."""
    REDIRECT = "redirect"
    """It is sent elsewhere, to the fault's `location`."""
    DELAY = "delay"
    """Its answer comes later."""
    REVERSE = "reverse"
    """Its list comes in the other order."""
    REPEAT = "repeat"
    """Its list has its last item twice."""
    CALL = "call"
    """Something else happens first: `call` runs, and the request goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A rule: which requests, and what becomes of them.

    With `after` the request does its work first, and what it wrote stands (G27).
    """

    act: Act
    method: str = "*"
    path: str = "*"
    """Under the API's root; `*` stands for anything."""
    on: int | Collection[int] | None = None
    """Numbers of the requests that fit method and path, from 1; None is all."""
    chance: float = 1.0
    status: int = 502
    after: bool = False
    seconds: float = 0.0
    location: str = ""
    retry_after: int | None = None
    call: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        if self.act is Act.CALL and self.call is None:
            raise ConfigurationError("a fault that calls says what")
        if self.act is Act.REDIRECT and not (self.location and self.status in {301, 302, 307}):
            raise ConfigurationError("a redirect has a location and status 301, 302 or 307")
        if not 0 <= self.chance <= 1:
            raise ConfigurationError(f"a chance is between 0 and 1, not {self.chance}")

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A request that a fault struck."""

    method: str
    path: str
    act: Act
    number: int
    after: bool


@dataclass(slots=True)
class Faults:
    """The rules in force, and what they struck.

    Args:
        seed: What the chances are drawn by: the same requests are struck with the same seed.
        latency: Seconds that every answer takes longer.
    """

    seed: str = "forge"
    latency: float = 0.0
    struck: list[Struck] = field(default_factory=list)
    _rules: list[tuple[Fault, list[int]]] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Put rules into force, behind those that are: the first that strikes does."""
        self._rules.extend((fault, [0]) for fault in faults)

    def clear(self) -> None:
        """Take all rules out of force, and the latency; what was struck stays told."""
        self._rules.clear()
        self.latency = 0.0

    def choose(self, method: str, path: str) -> Fault | None:
        """Count a request under each rule that it fits, and find the one that strikes it."""
        chosen: Fault | None = None
        for index, (fault, seen) in enumerate(self._rules):
            if not fault.fits(method, path):
                continue
            seen[0] += 1
            if chosen is None and self._strikes(fault, seen[0], index):
                chosen = fault
                self.struck.append(
                    Struck(
                        method=method,
                        path=path,
                        act=fault.act,
                        number=seen[0],
                        after=fault.after,
                    )
                )
        return chosen

    def _strikes(self, fault: Fault, number: int, index: int) -> bool:
        if fault.on is not None:
            numbers = {fault.on} if isinstance(fault.on, int) else fault.on
            if number not in numbers:
                return False
        if fault.chance >= 1:
            return True
        # The number decides, not the order of threads: a run can be repeated.
        drawn = hashlib.sha256(f"{self.seed}:{index}:{number}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") / 2**64 < fault.chance
