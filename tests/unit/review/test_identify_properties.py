from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from identity_rounds import REDACTOR, START, Rounds, change_of, todo

from codeflow_engine.domain.finding import Finding, RawFinding
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.identify import Identified, Memory, Seen, identify
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy

LINES = st.lists(
    st.sampled_from(["BADa(cart)", "BADb(cart, 1)", "x = BADc + BADa", "", "one()", "two()", "}"]),
    min_size=1,
    max_size=14,
)
"""Many equal lines, which is what makes it hard to tell findings apart."""

EDITS: dict[str, Callable[[list[str], int], list[str]]] = {
    "shift": lambda lines, _: ["# first", "# second", *lines],
    "insert": lambda lines, at: [
        *lines[: at % len(lines)],
        "inserted()",
        *lines[at % len(lines) :],
    ],
    "indent": lambda lines, at: (
        lines[: at % len(lines)] + [f"    {line}" for line in lines[at % len(lines) :]]
    ),
    "blank": lambda lines, at: [*lines[: at % len(lines)], "", "\t", *lines[at % len(lines) :]],
    "append": lambda lines, _: [*lines, "appended()"],
}


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def places(result: Identified) -> list[str]:
    """Give the fingerprints in the order of the file."""
    there = [one for one in result.findings if one.line is not None]
    return [one.fingerprint for one in sorted(there, key=lambda one: (one.line or 0, one.rule))]


def states(result: Identified) -> Counter[str]:
    return Counter(one.state.value for one in result.findings)


@example(["BADa(cart)"] * 5, [("insert", 1)])
@given(LINES, st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 13)), max_size=4))
def test_shifts_insertions_and_spacing_keep_every_identity(
    lines: list[str], edits: list[tuple[str, int]]
) -> None:
    """Each finding keeps its fingerprint, also among equal lines."""
    rounds = Rounds()
    before = rounds.push({"a.py": text(lines)})
    for name, at in edits:
        lines = EDITS[name](lines, at)
        after = rounds.push({"a.py": text(lines)})
        assert places(after) == places(before)
        assert set(states(after)) <= {"open"}


@given(LINES)
def test_a_rename_keeps_every_identity(lines: list[str]) -> None:
    """Within the change and without any storage."""
    base = {"a.py": text(["start()", *lines]).replace("BAD", "GOOD")}
    before = Rounds(base=base).push({"a.py": text(["start()", *lines])})
    after = Rounds(base=base).push({"b.py": text(["start()", *lines])}, renamed={"b.py": "a.py"})
    assert places(after) == places(before)


@given(LINES, LINES)
def test_the_same_version_again_has_nothing_new_and_nothing_resolved(
    first: list[str], second: list[str]
) -> None:
    """All is open, under the names that it had, however often it is reviewed."""
    rounds = Rounds()
    rounds.push({"a.py": text(first)})
    once = rounds.push({"a.py": text(second)})
    stored = rounds.stored.keys() | set()
    again = rounds.push({"a.py": text(second)})
    assert set(states(again)) <= {"open"}
    assert (places(again), rounds.stored.keys()) == (places(once), stored)


@given(st.lists(LINES, min_size=2, max_size=5))
def test_identities_are_one_to_one(versions: list[list[str]]) -> None:
    """No two findings of a review share a fingerprint, and none changes hands silently."""
    rounds = Rounds()
    for lines in versions:
        live = {name for name, row in rounds.stored.items() if row.finding.state != "resolved"}
        result = rounds.push({"a.py": text(lines)})
        names = [one.fingerprint for one in result.findings]
        assert len(names) == len(set(names))
        assert len(places(result)) == sum(line.count("BAD") for line in lines)
        new = {one.fingerprint for one in result.findings if one.state == "new"}
        assert new.isdisjoint(live)
        assert live <= set(names)


@given(LINES, LINES, st.randoms(use_true_random=False))
def test_the_order_of_what_comes_in_changes_nothing(
    first: list[str], second: list[str], rng: random.Random
) -> None:
    """Neither that of findings, nor of reports, nor of what is known."""
    files = {"a.py": text(second), "b.py": text(first)}
    change = change_of(files)
    parts = partition(change, RepositoryPolicy())
    rounds = Rounds()
    rounds.push({"a.py": text(first), "b.py": text(second)})
    raws = [
        raw
        for path, content in files.items()
        for number, line in enumerate(content.split("\n"), 1)
        for raw in todo(path, number, line)
    ]

    def told(shuffle: Callable[[list[object]], None]) -> tuple[set[Finding], object]:
        given_raws, known = list(raws), list(rounds.stored.values())
        shuffle(given_raws)
        shuffle(known)
        report = SourceReport(
            source="lint", findings=tuple(given_raws), examined=frozenset(parts.to_review)
        )
        anchored = anchor(change, parts.to_review, (report,), REDACTOR)
        seen = Seen(
            findings=anchored.findings, traits=anchored.traits, partition=parts, reports=(report,)
        )
        memory = Memory(known=tuple(known))
        done = identify(change, seen, memory, REDACTOR, run_id="run", now=START)
        return set(done.findings), done.known

    assert told(lambda _: None) == told(rng.shuffle)


class Author:
    """Edits files as an author of a change does, and a model that never says it twice alike."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - edits, no secret
        self.base = [f"step_{at}(order)" for at in range(40)]
        self.lines = list(self.base)
        self.path = "a.py"
        self.count = 0
        for place in (35, 28, 20, 12, 5):
            self.add(place)

    def add(self, place: int) -> None:
        self.count += 1
        word = self.rng.choice("abc")
        self.lines[place:place] = [f"item_{self.count} = BAD{word}(cart, user.limit)"]

    def push(self) -> None:
        """Make some edits; none takes a flagged line away."""
        for _ in range(self.rng.randint(1, 4)):
            getattr(self, self.rng.choice(["insert", "delete", "indent", "touch", "rebase"]))()
        if self.rng.random() < 0.2:
            self.path = "b.py" if self.path == "a.py" else "a.py"

    def insert(self) -> None:
        place = self.rng.randrange(len(self.lines))
        self.lines[place:place] = [f"added_{self.rng.randrange(999)}()"]

    def delete(self) -> None:
        place = self.rng.randrange(len(self.lines))
        if "BAD" not in self.lines[place]:
            del self.lines[place]

    def indent(self) -> None:
        place = self.rng.randrange(len(self.lines))
        self.lines[place : place + 5] = [f"  {line}" for line in self.lines[place : place + 5]]

    def touch(self) -> None:
        """Edit a flagged line a little."""
        places = [at for at, line in enumerate(self.lines) if "BAD" in line]
        place = self.rng.choice(places)
        old, new = self.rng.choice(
            [("cart", "basket"), ("user.limit", "limit"), ("basket", "cart")]
        )
        self.lines[place] = self.lines[place].replace(old, new)

    def rebase(self) -> None:
        place = self.rng.randrange(len(self.base))
        self.base[place:place] = [f"upstream_{self.rng.randrange(999)}()"]

    def say(self, path: str, number: int, line: str) -> list[RawFinding]:
        """Report the flagged lines in words that are new each time, and rules that often are."""
        words = ["-".join(self.rng.choices("abcdefgh", k=5)) for _ in range(3)]
        rules = [words[0]] * (self.rng.random() < 0.3)
        return [
            replace(raw, rule=(*rules, raw.rule)[0], title=words[1], message=words[2])
            for raw in todo(path, number, line)
        ]


@pytest.mark.parametrize("seed", range(6))
def test_in_sixteen_rounds_each_finding_is_new_once_and_no_dismissed_one_comes_back(
    seed: int,
) -> None:
    """Pushes shift, indent, rename, rebase and reword; the lines that are flagged stay."""
    author = Author(seed)
    rounds = Rounds(loose=frozenset({"model"}))
    told: Counter[str] = Counter()
    dismissed: set[str] = set()
    for number in range(16):
        rounds.base = {"a.py": text(author.base)}
        renamed = {"b.py": "a.py"} if author.path == "b.py" else None
        rounds.marks = {"model": author.say}
        if number % 5 == 4:
            # A model that is silent at times: what it leaves out is resolved, and comes back.
            rounds.marks = {"model": lambda *_: []}
            rounds.push({author.path: text(author.lines)}, renamed=renamed)
            author.push()
            continue
        result = rounds.push({author.path: text(author.lines)}, renamed=renamed)
        told.update(one.fingerprint for one in result.findings if one.state == "new")
        live = {one.fingerprint for one in result.findings if one.state in ("new", "open")}
        assert live.isdisjoint(dismissed)
        assert len(result.findings) == author.count
        if number in (0, 7):
            one = next(one for one in result.findings if one.fingerprint not in dismissed)
            dismissed.add(rounds.dismiss(one).fingerprint)
        if number == 5:
            author.add(len(author.lines) // 2)
        author.push()
    assert (len(told), set(told.values())) == (author.count, {1})
