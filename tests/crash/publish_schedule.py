"""Schedules of kills and faults of a review that is published, and what has to hold after each."""

from __future__ import annotations

import contextlib
import json
import random
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from crash_database import answers, done_steps, read
from crash_life import ANY, Blow, Life, Trace, read_trace
from crash_publishing import DRAINED
from crash_schedule import Played, Schedule, Stand
from forge_changes import FULL
from forge_process import AFTER, BEFORE, LATE, TERM, Forges

__all__ = ["POLICY", "Published", "Wanted", "Wreck", "faulty", "play", "table", "wrecks"]

POLICY: Final[Mapping[str, Any]] = {
    "labels": {"security": "security", "ready": "success"},
    "issues_at": "high",
    "sarif": True,
}

SETTINGS: Final[Mapping[str, Any]] = {
    "chunk_tokens": 2500,
    "fence_key": "the same in all worlds",
    "lease": 1.5,
}
"""Two processes that are busy are not taken for dead as fast as one that waits."""

_MOST_PAIRS: Final = 12


@dataclass(frozen=True)
class Wreck:
    """What happens to one run."""

    blows: tuple[Blow, ...] = ()
    """Points at which workers are killed, one after the other."""

    strikes: tuple[tuple[int | str, str], ...] = ()
    """Writes, by number or by the end of their path, at which the forge kills who asks, and
    when."""

    faults: Mapping[str, Any] | None = None
    """Faults of the way to the forge."""


@dataclass
class Wanted:
    """What an undisturbed run has written."""

    items: Counter[str]


@dataclass
class Published(Played):
    """What came of it."""

    wreck: Wreck = field(default_factory=Wreck)
    told: dict[str, Any] = field(default_factory=dict)
    """By the forge."""

    receipts: list[tuple[str, str]] = field(default_factory=list)
    """Kind and external id of each receipt that the database holds."""

    errors: str = ""
    has_failed: bool = False
    """Whether the run was given up, and resumed when nothing went wrong any more."""

    @property
    def items(self) -> Counter[str]:
        return Counter(self.told["items"])

    @property
    def kills(self) -> Counter[str]:
        """How often somebody was killed at each boundary: a point, or a write."""
        writes = Counter(f"{when} {_shape(path)}" for _, when, path in self.told["killed"])
        return super().kills + writes

    @property
    def is_over(self) -> bool:
        """Whether the run came to an end that needs nobody."""
        return any((line.what, line.of) == ("end", "succeeded") for line in self.lines)

    @property
    def tells_otherwise(self) -> bool:
        """Whether the report is another one with right, for it says what it did not get."""
        unread = "discussion that could not be read"
        return self.is_incomplete or any(unread in item for item in self.items)

    @property
    def is_incomplete(self) -> bool:
        """Whether the host did not give all files, and the review said so."""
        outcomes = {line.of for line in self.lines if line.what == "outcome"}
        return bool(outcomes) and "reviewed" not in outcomes

    def wrong(self, wanted: Wanted) -> list[str]:
        """Say everything that must not be."""
        return [
            *self._wrong_items(wanted),
            *self._wrong_receipts(),
            *self._wrong_answers(),
            *self._wrong_steps(),
        ]

    def _wrong_items(self, wanted: Wanted) -> Iterable[str]:
        if self.tells_otherwise:
            # It is another review, which has everything once, too.
            yield from (f"twice: {item[:200]}" for item, at in self.items.items() if at > 1)
        else:
            yield from self._not_wanted(wanted)
        if self.told["pending"]:
            yield f"{self.told['pending']} reviews are pending"
        reviews = [item for item in self.items.elements() if item.startswith("review ")]
        if len(reviews) > 1:
            yield f"{len(reviews)} reviews of one head"

    def _not_wanted(self, wanted: Wanted) -> Iterable[str]:
        refused = bool((self.wreck.faults or {}).get("refuse"))
        told = [item for item in self.items.elements() if item.startswith("review ")]
        for item, count in (self.items - wanted.items).items():
            # A review that is refused is written anew, with what it says in other places (G16).
            if not (refused and count == 1 and item in told):
                yield f"too much, {count} times: {item[:200]}"
        for item, count in (wanted.items - self.items).items() if self.is_reviewed else ():
            moved = refused and (item.startswith("review ") or _is_in(item, told))
            if not moved:
                yield f"lost, {count} times: {item[:200]}"

    def _wrong_receipts(self) -> Iterable[str]:
        stands = set(self.told["ids"])
        told = {identity for _, identity in self.receipts}
        named = {one for one in told if one.split(":")[0] in _NAMED}
        if lies := named - stands:
            yield f"receipts for what does not stand: {sorted(lies)}"
        stands = {one for one in stands if one.split(":")[0] in _NAMED}
        if self.is_reviewed and (missing := stands - named):
            yield f"no receipts for {sorted(missing)}"


def _is_in(item: str, reviews: Sequence[str]) -> bool:
    """Tell whether a comment stands in the body of a review."""
    kind, path, _, _, line, *_ = item.split(" ")
    return kind == "inline" and any(f"**`{path}`, line {line}**" in one for one in reviews)


_NAMED: Final = {"review", "comment", "check", "issue"}


def _shape(path: str) -> str:
    return "/".join("N" if part.isdigit() else part for part in path.split("/")[4:]) or path


def play(
    stand: Stand,
    forges: Forges,
    wreck: Wreck,
    world: str,
    url: str,
    *,
    change: str = FULL,
    flaw: str = "",
) -> Published:
    """Let pairs of workers publish a pull request until one of them has seen the end."""
    forges.ask("/open", world=world, change=change)
    strikes = {str(which): when for which, when in wreck.strikes}
    forges.ask("/arm", world=world, strikes=strikes, faults=wreck.faults)
    lives, errors = 0, ""
    trace = stand.place / f"{world}.trace"
    for pair in range(_MOST_PAIRS):
        children = [
            stand.begin(
                "publish", _life(stand, forges, wreck, (world, url, name), flaw), policy=POLICY
            )
            for name in (f"{pair}a", f"{pair}b")
        ]
        lives += len(children)
        ends = [child.wait() for child in children]
        errors += "".join(
            child.errors
            for child, end in zip(children, ends, strict=True)
            if end not in {0, DRAINED, -signal.SIGKILL}
        )
        if 0 in ends:
            break
        _look(stand, world, url)
    has_failed = any((line.what, line.of) == ("end", "failed") for line in read_trace(trace))
    if has_failed:
        # What the forge did not let it do is done once it does.
        forges.ask("/calm", world=world)
        _look(stand, world, url)
        last = _life(stand, forges, replace(wreck, blows=()), (world, url, "last"), flaw)
        lives += 1
        stand.live("publish", last, policy=POLICY, resumes=True)
    told = forges.ask("/told", world=world)
    forges.ask("/close", world=world)
    return Published(
        schedule=Schedule(wreck.blows),
        wreck=wreck,
        lines=read_trace(trace),
        asked=stand.outside.asked(world),
        posts=[],
        lives=lives,
        told=told,
        receipts=_receipts(url, world),
        errors=errors,
        has_failed=has_failed,
    )


def _life(
    stand: Stand, forges: Forges, wreck: Wreck, where: tuple[str, str, str], flaw: str
) -> Life:
    world, url, name = where
    life = stand.life(world, url, name=name, blows=wreck.blows, **SETTINGS)
    return replace(life, forge=forges.port, flaw=flaw, reads=True)


def _look(stand: Stand, world: str, url: str) -> None:
    """Write down what is on disk while everybody is dead."""
    life = stand.life(world, url)
    with contextlib.suppress(Exception):  # there may be no database yet
        for step in done_steps(url, world):
            Trace(life).note("done", step)
        for key in sorted(answers(url, world)):
            Trace(life).note("stored", key)


def _receipts(url: str, world: str) -> list[tuple[str, str]]:
    rows = read(url, world, "effects", "body, receipt", "receipt IS NOT NULL")
    return sorted(
        (json.loads(body)["kind"], json.loads(receipt)["external_id"]) for body, receipt in rows
    )


def wrecks(points: Sequence[tuple[str, int]], writes: int, count: int, seed: int) -> list[Wreck]:
    """Make so many schedules: each boundary in turn, alone and before further kills.

    Args:
        points: The named points of a traced run.
        writes: How many writes it made.
        count: How many schedules; with fewer than there are boundaries, some of all kinds.
        seed: Where chance comes from.
    """
    chance = random.Random(seed)  # noqa: S311 - places of a test
    ends = [
        (number, when) for number in range(1, writes + 1) for when in (BEFORE, AFTER, LATE, TERM)
    ]
    places: list[tuple[str | None, int, str]] = [(name, at, "") for name, at in points]
    places += [(None, number, when) for number, when in ends]
    chosen = places if count >= len(places) else chance.sample(places, count)
    made = []
    for turn in range(count):
        name, at, when = chosen[turn % len(chosen)]
        blows = [Blow(point=name, time=at)] if name is not None else []
        strikes = {} if name is not None else {at: when}
        more = min(turn // len(chosen), 1) + (chance.random() < 0.2)
        for _ in range(more):
            if chance.random() < 0.5:
                blows.append(Blow(point=ANY, time=chance.randint(1, len(points))))
            else:
                number, then = chance.choice(ends)
                strikes.setdefault(number, then)
        made.append(Wreck(tuple(blows), tuple(sorted(strikes.items()))))
    return made


def table(played: Sequence[Published]) -> str:
    """Write how often workers were killed at each boundary."""
    kills: Counter[str] = sum((one.kills for one in played), Counter())
    struck = Counter(line for one in played for line in one.told["struck"])
    width = max((len(name) for name in [*kills, *struck]), default=0)
    rows = [f"{name:<{width}} {count:>6}" for name, count in sorted(kills.items())]
    rows += [f"fault {name:<{width - 6}} {count:>6}" for name, count in sorted(struck.items())]
    done = sum(one.is_reviewed for one in played)
    again = sum(one.has_failed for one in played)
    head = (
        f"{len(played)} schedules, {sum(kills.values())} kills at {len(kills)} boundaries, "
        f"{sum(struck.values())} faults, {sum(one.lives for one in played)} lives, "
        f"{done} published, {again} of them after they were resumed"
    )
    return "\n".join([head, *rows])


def faulty(points: Sequence[tuple[str, int]], count: int, seed: int) -> list[Wreck]:
    """Make so many schedules in which requests go wrong by chance, and workers die in some."""
    chance = random.Random(seed)  # noqa: S311 - places of a test
    made = []
    for number in range(count):
        blows = []
        if chance.random() < 0.3:
            blows.append(Blow(point=ANY, time=chance.randint(1, len(points))))
        faults = {"seed": seed * 10_000 + number, "refuse": chance.random() < 0.2}
        made.append(Wreck(tuple(blows), faults=faults))
    return made
