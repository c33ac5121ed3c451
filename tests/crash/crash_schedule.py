"""Schedules of kills, and what has to hold whichever of them comes."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from crash_database import answers, done_steps
from crash_life import ANY, Blow, Life, Line, Trace, read_trace
from crash_nursery import Child, Nursery
from crash_servers import Outside

__all__ = [
    "LEASE",
    "POLL",
    "Played",
    "Schedule",
    "Stand",
    "boundaries",
    "play",
    "schedules",
    "table",
]

BOTH = ("sqlite", "postgres")
"""Databases of tests that are held on both in every run; for the fixture `url`."""

LEASE = 0.6
"""Seconds after which a worker of a crash test counts as gone."""

POLL = 0.1
"""Seconds between two looks of a worker."""

_MOST_LIVES = 12
_PATIENCE = 60.0


@dataclass(frozen=True)
class Schedule:
    """Where the first lives of a run are killed; the one after them is left alone."""

    blows: tuple[Blow, ...]


@dataclass(frozen=True)
class Stand:
    """What a schedule is played on."""

    nursery: Nursery
    outside: Outside
    place: Path

    def life(
        self,
        world: str,
        url: str,
        *,
        name: str = "",
        blows: tuple[Blow, ...] = (),
        **settings: Any,
    ) -> Life:
        """Make what a life is told; settings are those of its engine."""
        given = {"lease": LEASE, "poll": POLL, "linger": 0.3, **settings}
        lines = [f"{name} = {_toml(value)}\n" for name, value in sorted(given.items())]
        digest = sha256("".join(lines).encode()).hexdigest()[:16]
        path = self.place / f"{digest}.toml"
        if not path.exists():
            path.write_text("".join(lines), "utf-8")
        return Life(
            world=world,
            url=url,
            model=self.outside.model,
            forge=self.outside.forge,
            trace=str(self.place / f"{world}.trace"),
            name=name,
            blows=blows,
            options={"settings_file": str(path)},
        )

    def begin(self, role: str, life: Life, **given: Any) -> Child:
        """Begin a life in a role."""
        return self.nursery.begin(role, life=life.plain(), **given)

    def live(self, role: str, life: Life, *, seconds: float = _PATIENCE, **given: Any) -> int:
        """Begin a life, and wait for its end."""
        return self.begin(role, life, **given).wait(seconds)


@dataclass
class Played:
    """What came of a schedule."""

    schedule: Schedule
    lines: list[Line]
    asked: dict[str, int]
    """What the model was asked, as it says itself."""

    posts: list[dict[str, Any]]
    """What stands on the forge."""

    lives: int

    @property
    def kills(self) -> Counter[str]:
        """How often the run was killed at each point."""
        return Counter(line.of for line in self.lines if line.what == "blow")

    @property
    def is_reviewed(self) -> bool:
        """Whether the run has ended as it should."""
        told = {(line.what, line.of) for line in self.lines}
        return {("end", "succeeded"), ("outcome", "reviewed")} <= told

    @property
    def findings(self) -> set[str]:
        """What the run has found, as text, in any of its ends."""
        return {line.of for line in self.lines if line.what == "findings"}

    def wrongs(self, plan: Sequence[str]) -> list[str]:
        """Say everything that must not be, given the keys of all effects."""
        return [*self._wrong_effects(plan), *self._wrong_answers(), *self._wrong_steps()]

    def _wrong_effects(self, plan: Sequence[str]) -> Iterable[str]:
        posted = Counter(post["key"] for post in self.posts)
        for key in plan:
            if not posted[key] and self.is_reviewed:
                yield f"effect {key} is lost"
        for key, count in posted.items():
            if key not in plan:
                yield f"effect {key} is not in the plan"
            elif count > 1:
                yield f"effect {key} stands there {count} times"

    def _wrong_answers(self) -> Iterable[str]:
        """Find what was paid twice.

        D3 allows one thing: a question is asked again whose life ended after it was asked,
        and before its answer was kept. The trace says how often that was so.
        """
        asks = Counter(line.of for line in self.lines if line.what == "asks")
        keeps = Counter(line.of for line in self.lines if line.what == "keeps")
        for key, count in self.asked.items():
            broken_off = asks[key] - keeps[key]
            if keeps[key] > 1 or count > keeps[key] + broken_off:
                yield f"{key} was paid {count} times, with {broken_off} lives ended in it"
        stored: set[str] = set()
        for line in self.lines:
            if line.what == "stored":
                stored.add(line.of)
            elif line.what == "asks" and line.of in stored:
                yield f"{line.of} was paid again in life {line.life}, and its answer was stored"

    def _wrong_steps(self) -> Iterable[str]:
        """Find work that was begun though its step was known to be on disk.

        It is known from the point after the record, from the value that the workflow got,
        and from the database itself, which is read after each death.
        """
        done: set[str] = set()
        for line in self.lines:
            kind, _, step = line.of.partition(":")
            if line.what in {"has", "done"}:
                done.add(line.of)
            elif line.what == "point" and kind == "step.recorded":
                done.add(step)
            elif line.what == "body" and line.of in done:
                yield f"{line.of} was executed again in life {line.life}"


def _toml(value: Any) -> str:
    """Write a value as TOML, tables in one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(one)}' for name, one in value.items())} }}"
    return json.dumps(value)


def play(
    stand: Stand,
    schedule: Schedule,
    world: str,
    url: str,
    *,
    flaw: str = "",
    reads: Mapping[str, Any] | None = None,
) -> Played:
    """Live lives until the run has ended.

    Args:
        stand: What it is played on.
        schedule: Where lives are killed.
        world: Where it happens.
        url: Of its database.
        flaw: What the lives do wrong.
        reads: Settings of a review with a model, which is then what the run is.
    """
    workflow = "inspect" if reads is None else "read"
    lives = 0
    for lives in range(1, _MOST_LIVES + 1):
        blows = schedule.blows[lives - 1 : lives]
        life = stand.life(world, url, name=str(lives), blows=blows, **(reads or {}))
        life = replace(life, flaw=flaw, reads=reads is not None)
        status = stand.live("drive", life, workflow=workflow, given={})
        if status == 0:
            break
        for step in done_steps(url, world):
            Trace(life).note("done", step)
        for key in sorted(answers(url, world)) if reads is not None else ():
            Trace(life).note("stored", key)
    trace = stand.place / f"{world}.trace"
    return Played(
        schedule=schedule,
        lines=read_trace(trace),
        asked=stand.outside.asked(world),
        posts=stand.outside.posts(world),
        lives=lives,
    )


def boundaries(played: Played) -> list[tuple[str, int]]:
    """List every point that an undisturbed run arrives at, with the number of the arrival."""
    return [(line.of, line.number) for line in played.lines if line.what == "point"]


def schedules(points: Sequence[tuple[str, int]], count: int, seed: int) -> list[Schedule]:
    """Make so many schedules: each boundary in turn, alone and before further kills.

    Args:
        points: The boundaries of the traced run.
        count: How many schedules; with fewer than there are boundaries, some of all kinds.
        seed: Where chance comes from.
    """
    chance = random.Random(seed)  # noqa: S311 - places of a test
    chosen = [*points] if count >= len(points) else chance.sample([*points], count)
    made = []
    for number in range(count):
        name, time = chosen[number % len(chosen)]
        blows = [Blow(point=name, time=time)]
        # After the first round a second life is killed, and sometimes a third one.
        more = min(number // len(chosen), 1) + (chance.random() < 0.2)
        blows += [Blow(point=ANY, time=chance.randint(1, len(points))) for _ in range(more)]
        made.append(Schedule(tuple(blows)))
    return made


def table(played: Sequence[Played]) -> str:
    """Write how often runs were killed at each point."""
    kills: Counter[str] = sum((one.kills for one in played), Counter())
    width = max((len(name) for name in kills), default=0)
    rows = [f"{name:<{width}} {count:>6}" for name, count in sorted(kills.items())]
    reviewed = sum(one.is_reviewed for one in played)
    head = (
        f"{len(played)} schedules, {sum(kills.values())} kills at {len(kills)} points, "
        f"{sum(one.lives for one in played)} lives, {reviewed} reviewed"
    )
    return "\n".join([head, *rows])
