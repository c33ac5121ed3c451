from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from codeflow_engine import Engine, PublishPolicy
from codeflow_engine.contracts import Analysis, AnalyzerReport
from codeflow_engine.domain.diff import LineKind
from codeflow_engine.domain.discussion import Person, Thread
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.examples import Example, ExampleFile
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeVCS

NAME = "acme/shop#7"
WRITER = Person(login="ann", may_write=True)
STRANGER = Person(login="mallory")
KEPT = [False, True]
"""Whether one storage lives through all rounds, as in a service, or each has its own, as in CI."""


def finder(analysis: Analysis) -> AnalyzerReport:
    """Find every line that the change adds and that begins with `bad`."""
    found = [
        RawFinding(
            rule="bad",
            severity=Severity.LOW,
            category=Category.CORRECTNESS,
            title=f"{line.text.split('(')[0]} is bad",
            message="Call something else.",
            path=file.path,
            line=line.new_number,
        )
        for file in analysis.change.diff.files
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind is LineKind.ADD and line.text.startswith("bad")
    ]
    return AnalyzerReport(findings=tuple(found), examined=analysis.units)


def pushed(*lines: str) -> Example:
    base = {"shop.py": ExampleFile.of("import shop\n")}
    text = "".join(f"{line}\n" for line in ("import shop", *lines))
    return Example(name=NAME, base=base, head={"shop.py": ExampleFile.of(text)})


class Rounds:
    """A change that is pushed to, reviewed and published, again and again."""

    def __init__(self, *, kept: bool) -> None:
        self.host = FakeHost()
        self.storage = MemoryStorage() if kept else None
        self.live: list[str] = []
        """Fingerprints of what the last review found."""

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        vcs, storage = FakeVCS(self.host), self.storage or MemoryStorage()
        analyzer = FakeAnalyzer(answer=finder)
        with Engine(vcs=vcs, storage=storage, analyzers=[analyzer], plugins_allow=[]) as engine:
            yield engine

    def push(self, *lines: str) -> dict[EffectKind, Effect]:
        """Push, review, publish, and give what was written."""
        self.host.push(pushed(*lines))
        before = len(self.host.posts)
        with self.engine() as engine:
            review = engine.review(NAME)
            engine.apply(engine.plan(review))
        self.live = sorted(one.fingerprint for one in review.findings if one.line is not None)
        made = [one.effect for one in self.host.posts[before:] if one.effect is not None]
        return {one.kind: one for one in made}

    @property
    def threads(self) -> list[Thread]:
        return self.host.threads.get(NAME, [])

    def resolve(self, thread: Thread, by: Person) -> None:
        self.host.threads[NAME] = [
            replace(one, is_resolved=True, resolved_by=by) if one.id == thread.id else one
            for one in self.threads
        ]


def named(body: str) -> str:
    """Give what the title of a comment is about."""
    return body.split(": `")[1].split("`", maxsplit=1)[0]


def titles(effect: Effect) -> list[str]:
    return sorted(named(one["body"]) for one in effect.payload["comments"])


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_mended_is_resolved_once_and_what_stays_is_not_repeated(kept: bool) -> None:  # noqa: FBT001
    """Each head brings new comments for new findings alone, and ends the threads of the mended."""
    rounds = Rounds(kept=kept)

    first = rounds.push("bad_one()", "bad_two()")
    second = rounds.push("good_one()", "bad_two()")
    third = rounds.push("good_one()", "better()", "bad_two()")
    fourth = rounds.push("good_one()", "better()", "bad_two()", "bad_three()")

    assert titles(first[EffectKind.REVIEW]) == ["bad_one", "bad_two"]
    assert second.keys() == {EffectKind.SUMMARY, EffectKind.CHECK, EffectKind.RESOLUTION}
    one, two = rounds.threads[:2]
    resolved = {"id": one.id, "fingerprint": one.fingerprint}
    assert second[EffectKind.RESOLUTION].payload == {"threads": [resolved]}
    assert third.keys() == {EffectKind.SUMMARY, EffectKind.CHECK}
    assert titles(fourth[EffectKind.REVIEW]) == ["bad_three"]
    assert [thread.is_resolved for thread in rounds.threads] == [True, False, False]
    assert two.fingerprint is not None


@pytest.mark.parametrize("kept", KEPT)
def test_the_same_head_is_told_once(kept: bool) -> None:  # noqa: FBT001
    """A second review of a head writes nothing: all of it stands there."""
    rounds = Rounds(kept=kept)
    rounds.push("bad_one()")

    assert rounds.push("bad_one()") == {}


@pytest.mark.parametrize("kept", KEPT)
def test_what_comes_back_after_we_resolved_it_is_told_again(kept: bool) -> None:  # noqa: FBT001
    """The old thread is folded away, so nobody would see it there."""
    rounds = Rounds(kept=kept)
    rounds.push("bad_one()")
    rounds.push("good_one()")

    again = rounds.push("good_one()", "bad_one()")

    assert titles(again[EffectKind.REVIEW]) == ["bad_one"]
    assert [thread.is_resolved for thread in rounds.threads] == [True, False]


@pytest.mark.parametrize("kept", KEPT)
def test_what_a_stranger_has_resolved_is_not_commented_again_and_told_in_the_report(
    kept: bool,  # noqa: FBT001
) -> None:
    """Whoever opened a change can fold our thread away, and does not take the finding away."""
    rounds = Rounds(kept=kept)
    rounds.push("bad_one()")
    rounds.resolve(rounds.threads[0], STRANGER)

    after = rounds.push("bad_one()", "good()")

    assert after.keys() == {EffectKind.SUMMARY, EffectKind.CHECK}
    assert "Call something else" in after[EffectKind.SUMMARY].payload["body"]
    assert after[EffectKind.CHECK].payload["conclusion"] == "neutral"


def test_a_dismissed_finding_stays_away() -> None:
    """Its thread is resolved, and in 16 rounds nobody is told of it again."""
    rounds = Rounds(kept=True)
    rounds.push("bad_one()")
    fingerprint = rounds.threads[0].fingerprint
    assert fingerprint is not None
    with rounds.engine() as engine:
        engine.dismiss(fingerprint, reason="meant so", author="ann", where=NAME)

    written = [rounds.push("bad_one()", *["good()"] * number) for number in range(1, 17)]

    assert [EffectKind.RESOLUTION in one for one in written] == [True, *[False] * 15]
    assert not any(EffectKind.REVIEW in one for one in written)
    assert [thread.is_resolved for thread in rounds.threads] == [True]


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("seed", range(4))
def test_after_any_pushes_the_open_threads_are_the_findings_that_stand(
    seed: int,
    kept: bool,  # noqa: FBT001
) -> None:
    """One open thread for each finding of the head, none for others, and one review a head."""
    rounds, chance = Rounds(kept=kept), random.Random(seed)  # noqa: S311 - only has to be repeatable
    names = [f"bad_{number}()" for number in range(5)]
    for number in range(8):
        here = chance.sample(names, chance.randint(0, len(names)))
        written = rounds.push(f"good_{number}()", *here)

        standing = [thread.fingerprint for thread in rounds.threads if not thread.is_resolved]
        assert sorted(filter(None, standing)) == rounds.live
        assert len(rounds.live) == len(here)
        assert {EffectKind.SUMMARY, EffectKind.CHECK} <= written.keys()


def test_a_failing_look_at_the_threads_plans_nothing() -> None:
    """What is told there already is not known then, and guessing would tell it twice."""
    rounds = Rounds(kept=True)
    rounds.push("bad_one()")
    with rounds.engine() as engine:
        review = engine.review(NAME)
        rounds.host._current.clear()
        with pytest.raises(Exception, match="there is no change"):
            engine.plan(review)


def test_a_policy_of_the_call_comes_before_that_of_the_engine() -> None:
    """Without one the engine's own holds."""
    host = FakeHost(pushed("bad_one()"))
    quiet = PublishPolicy(inline=False, check=False)
    analyzers = [FakeAnalyzer(answer=finder)]
    with Engine(vcs=FakeVCS(host), analyzers=analyzers, publish=quiet) as engine:
        review = engine.review(NAME)
        own, asked = engine.plan(review), engine.plan(review, policy=PublishPolicy())

    assert [one.kind for one in own.effects] == [EffectKind.SUMMARY]
    assert [one.kind for one in asked.effects][:1] == [EffectKind.REVIEW]
