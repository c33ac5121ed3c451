"""Loading a review that somebody else has made.

S15 of `docs/security.md`: what the half of a workflow without rights hands to the half that may
write is an attacker's file.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import codeflow_engine as codeflow
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import SerializationError
from codeflow_engine.publish.loading import MAX_FINDINGS, MAX_REVIEW_BYTES, load_review
from codeflow_engine.publish.planning import plan
from codeflow_engine.testing.examples import EXAMPLES, Example, ExampleFile
from codeflow_engine.testing.fakes import FakeHost, FakeVCS
from markdown_reader import active

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
LEAK = Example(
    name="acme/shop#42",
    base={"settings.py": ExampleFile.of("DEBUG = False\n")},
    head={"settings.py": ExampleFile.of(f"DEBUG = False\nTOKEN = '{TOKEN}'\n")},
)
HEAD = str(LEAK.revisions[1])
HOSTILE = (
    '</details>\n<img src=x onerror=alert(1)> ![](https://evil.example/?d=1) @everyone #1\n# "'
)

type Plain = dict[str, Any]


async def review_of(example: Example) -> Review:
    async with codeflow.AsyncEngine(
        vcs=FakeVCS(FakeHost(example)), analyzers=["secrets", "hygiene"]
    ) as engine:
        return await engine.review(example.name)


@pytest.fixture(scope="module")
def written() -> str:
    return asyncio.run(review_of(LEAK)).render("json")


@pytest.fixture
def plain(written: str) -> Plain:
    """Give a review as the engine writes it."""
    told: Plain = json.loads(written)
    return told


def load(plain: Plain, *, head: str = HEAD) -> Review:
    return load_review(json.dumps(plain).encode(), head=head)


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.revisions[1]], ids=lambda one: one.name
)
async def test_what_an_engine_has_written_is_loaded(example: Example) -> None:
    """Each example, whatever its paths and contents are, comes back as it was but for edits."""
    review = await review_of(example)
    head = str(example.revisions[1])

    loaded = load_review(review.render("json").encode(), head=head)

    told = review.to_json()
    for finding in told["findings"]:
        finding["suggestion"] = None
    assert loaded.to_json() == told


def test_s15_the_commit_is_not_taken_from_the_file(plain: Plain) -> None:
    """A review of another commit than the one that the event names is refused."""
    other = "f" * 40

    with pytest.raises(SerializationError, match=r"not a review of ffffffffffff"):
        load(plain, head=other)
    plain["change"]["head"] = other
    with pytest.raises(SerializationError, match=r"not a review of"):
        load(plain)


@pytest.mark.parametrize("head", ["", "main", HEAD[:12], HEAD.upper(), f"{HEAD}\n", "../" + HEAD])
def test_s15_the_commit_is_named_in_full(plain: Plain, head: str) -> None:
    """What the caller gives is the id of one commit, and no name that may mean another."""
    plain["change"]["head"] = head

    with pytest.raises(SerializationError, match="full id"):
        load(plain, head=head)


def test_s15_nothing_in_the_file_says_where_it_is_published(plain: Plain) -> None:
    """A number or a target in it is an unknown key, and the plan has the target it was given."""
    made = plan(load(plain), provider="fake", target="acme/shop#42")
    assert {effect.target for effect in made.effects} == {"acme/shop#42"}

    for key in ("target", "number", "pull_request", "provider"):
        with pytest.raises(SerializationError, match="unknown keys"):
            load({**plain, key: "acme/other#1"})
        with pytest.raises(SerializationError, match="unknown keys"):
            load({**plain, "change": {**plain["change"], key: "acme/other#1"}})


def test_s15_a_file_that_is_too_large_is_refused_unread(plain: Plain) -> None:
    """A byte over the limit is enough, whatever the file holds."""
    content = json.dumps(plain).encode()
    padded = content + b" " * (MAX_REVIEW_BYTES - len(content))

    assert load_review(padded, head=HEAD).findings
    with pytest.raises(SerializationError, match=r"over 8,388,608 bytes"):
        load_review(padded + b" ", head=HEAD)


@pytest.mark.parametrize(
    "change",
    [
        {"message": "`" * 65_537},
        {"title": "@a " * 100_000},
        {"rule": "<!-- " * 100_000},
        {"sources": [f"s{number}" for number in range(101)]},
        {"evidence": {"start_line": 1, "lines": ["x"] * 101, "column": None, "end_column": None}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_s15_no_part_is_larger_than_an_engine_makes_it(plain: Plain, change: Plain) -> None:
    """One long text or list would cost minutes to be made inert, and is shown to nobody."""
    plain["findings"][0] |= change

    with pytest.raises(SerializationError, match="longer than any engine writes"):
        load(plain)


def test_s15_reasons_are_bounded_too(plain: Plain) -> None:
    """There are as many reasons as an engine knows."""
    plain["dropped"] = {f"reason {number}": 1 for number in range(1001)}

    with pytest.raises(SerializationError, match="longer than any engine writes"):
        load(plain)


def test_s15_too_many_findings_are_refused(plain: Plain) -> None:
    """A hundred thousand in a file of the right size take a moment, and no comment is planned."""
    small = {**plain["findings"][0], "evidence": None, "message": "", "title": "", "sources": []}
    many = [small] * 100_000
    content = json.dumps({**plain, "findings": many}, separators=(",", ":")).encode()
    start = time.process_time()

    with pytest.raises(SerializationError, match=r"over|100,000 findings"):
        load_review(content, head=HEAD)

    assert time.process_time() - start < 5
    few = [{**small, "fingerprint": f"{number:032x}"} for number in range(MAX_FINDINGS)]
    assert len(load({**plain, "findings": few}).findings) == MAX_FINDINGS
    with pytest.raises(SerializationError, match=r"5,001 findings"):
        load({**plain, "findings": [*few, small]})


@pytest.mark.parametrize("schema", [0, 2, 1.0, "1", True, None, [1]])
def test_s15_another_schema_is_refused(plain: Plain, schema: object) -> None:
    """Only the version that this engine writes is read."""
    with pytest.raises(SerializationError):
        load({**plain, "schema": schema})


def claim(plain: Plain) -> None:
    """Say that a review in which something failed is complete, which the ledger denies."""
    entry = plain["coverage"]["entries"][0]
    entry |= {"state": "failed", "reason": "it broke", "by": []}


def test_s15_the_outcome_is_that_of_the_ledger(plain: Plain) -> None:
    """A file that calls itself complete is refused, and one that hides it from its counts too."""
    claim(plain)
    with pytest.raises(SerializationError, match="counts other"):
        load(plain)
    plain["coverage"] |= {"reviewed": 0, "failed": 1}
    with pytest.raises(SerializationError, match="outcome is not failed"):
        load(plain)
    plain |= {"outcome": "failed", "reason": "all is well"}

    loaded = load(plain)

    assert loaded.outcome is Outcome.FAILED
    assert loaded.reason == "1 of 1 units are not covered: it broke (1)"


type Spoil = Callable[[Plain], object]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda p: p["findings"][0].update(path="../../etc/passwd"), "path"),
        (lambda p: p["findings"][0].update(path="/etc/passwd"), "path"),
        (lambda p: p["findings"][0].update(path="a//b"), "path"),
        (lambda p: p["findings"][0].update(path="a\0b"), "path"),
        (lambda p: p["findings"][0].update(path=""), "path"),
        (lambda p: p["findings"][0].update(path="elsewhere.py"), "ledger does not know"),
        (lambda p: p["coverage"]["entries"][0].update(path="../settings.py"), "path"),
        (lambda p: p["findings"][0].update(line=0), "line"),
        (lambda p: p["findings"][0].update(line=-1), "line"),
        (lambda p: p["findings"][0].update(line=10**30), "too large"),
        (lambda p: p["findings"][0].update(fingerprint="x --> <script>"), "fingerprint"),
        (lambda p: p["findings"][0].update(fingerprint="A" * 32), "fingerprint"),
        (lambda p: p["findings"].append(p["findings"][0]), "same fingerprint"),
        (lambda p: p["findings"][0].update(severity="apocalyptic"), "severity"),
        (lambda p: p.update(run_id="1 --> <!-- codeflow:v1"), "id of an engine"),
        (lambda p: p["findings"][0].update(title="\ud800"), "no JSON in UTF-8"),
        (lambda p: p["change"].update(title="a\udcffb"), "no JSON in UTF-8"),
        (lambda p: p["usage"].update(cost_usd="NaN"), "cost_usd"),
        (lambda p: p["timing"].update(seconds=float("inf")), "Infinity"),
        (lambda p: p.update(findings=None), "findings"),
    ],
)
def test_s15_what_no_engine_writes_is_refused(plain: Plain, spoil: Spoil, problem: str) -> None:
    """Paths out of the repository, lines that are none, marks that would end a marker."""
    spoil(plain)

    with pytest.raises(SerializationError, match=problem) as told:
        load(plain)
    assert "passwd" not in told.value.message
    assert "script" not in told.value.message


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"null", b"[]", b"1", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"schema": 1}'),
        *(b"[" * 1_000_000, b'{"a":' * 1_000_000, b"9" * 1_000_000, b'{"schema": 1e999}'),
        *(b'{"schema": 1, "schema": 2}', b"\x80\x04K\x01."),
    ],
    ids=range(14),
)
def test_s15_what_is_no_review_is_refused(content: bytes) -> None:
    """Nothing but the one error comes of it, however it is nested and whatever it was made by."""
    with pytest.raises(SerializationError):
        load_review(content, head=HEAD)


def test_s15_hostile_text_is_inert_where_it_is_published(plain: Plain) -> None:
    """Text may be anything, and in what is planned of it nothing links, embeds or mentions."""
    plain["findings"][0] |= {"title": HOSTILE, "message": HOSTILE, "rule": HOSTILE}
    plain["change"]["title"] = HOSTILE
    plain["findings"][0]["sources"] = [HOSTILE]

    made = plan(load(plain), provider="fake", target="acme/shop#42")

    bodies = [effect.payload["body"] for effect in made.effects if "body" in effect.payload]
    bodies += [one["body"] for one in made.effects[0].payload["comments"]]
    assert len(bodies) == 3
    assert [active(body) for body in bodies] == [[], [], []]
    assert active(HOSTILE), "the control: the reader sees what is active"


def test_s15_no_edit_comes_out_of_the_file(plain: Plain) -> None:
    """A suggestion would be committed by one click, in the name of whoever publishes it."""
    plain["findings"][0]["suggestion"] = {
        "replacement": "import backdoor",
        "start_line": 2,
        "end_line": 2,
        "verified": True,
    }

    loaded = load(plain)

    kept = load_review(json.dumps(plain).encode(), head=HEAD, trusted=True)
    assert [finding.suggestion for finding in loaded.findings] == [None]
    assert [finding.suggestion is None for finding in kept.findings] == [False]
    assert "backdoor" not in json.dumps(plan(loaded, provider="a", target="b").to_json())
