from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.publish.threads import done, told_in
from codeflow_engine.reports import markdown
from review_builds import finding, review

US = Person(login="codeflow[bot]", is_bot=True, may_write=True)
ANN = Person(login="ann", may_write=True)
ABOUT = finding(sources=("ruff", "secrets"))
HAND = "Please look."


def begun(author: Person | None, body: str | None = None) -> tuple[Comment, ...]:
    text = markdown.comment(ABOUT.to_json()) if body is None else body
    return (Comment(id="1", author=author, body=text, at=datetime(2026, 1, 1, tzinfo=UTC)),)


def thread(fingerprint: str | None = "f00d", *, body: str | None = None, **fields: Any) -> Thread:
    return Thread(
        **{
            "id": "t1",
            "path": "a.py",
            "line": 1,
            "fingerprint": fingerprint,
            "comments": begun(US, body),
            **fields,
        }
    )


def resolved(by: Person | None) -> Thread:
    return thread(is_resolved=True, resolved_by=by)


def entry(
    path: str = "a.py",
    *,
    state: UnitState = UnitState.REVIEWED,
    by: tuple[str, ...] = ("ruff", "secrets"),
) -> CoverageEntry:
    reason = None if state is UnitState.REVIEWED else "why"
    return CoverageEntry(path=path, hunk=0, state=state, reason=reason, by=by)


def is_done(
    one: Thread, *findings: Finding, entries: tuple[CoverageEntry, ...] = (entry(),), **fields: Any
) -> bool:
    made = review(findings=findings, coverage=Coverage(entries=entries), **fields)
    return done(made, [one]) == [one]


@pytest.mark.parametrize(
    ("one", "standing", "settled"),
    [
        (thread(), {"f00d"}, set()),
        (thread(is_outdated=True, line=None), {"f00d"}, set()),
        (resolved(ANN), set(), {"f00d"}),
        (resolved(None), set(), {"f00d"}),
        (resolved(US), set(), set()),
        (thread(None), set(), set()),
        (thread(is_resolved=True, resolved_by=US, comments=()), set(), {"f00d"}),
        (thread(is_resolved=True, resolved_by=ANN, comments=begun(ANN)), set(), {"f00d"}),
        (thread(is_resolved=True, resolved_by=US, comments=begun(None)), set(), {"f00d"}),
    ],
    ids=[
        *("open", "outdated", "by a person", "by a ghost", "by us", "of others", "empty"),
        *("by the owner of our account", "begun by a ghost"),
    ],
)
def test_what_a_thread_says_about_a_finding(
    one: Thread, standing: set[str], settled: set[str]
) -> None:
    """Open ones stand, what others have resolved is settled, and ours that are over are gone."""
    told = told_in([one])

    assert (told.standing, told.settled) == (standing, settled)


def test_one_open_thread_is_enough() -> None:
    """A finding that came back has a thread that is over, and one that stands."""
    told = told_in([resolved(US), thread(id="t2")])

    assert (told.standing, told.settled) == ({"f00d"}, frozenset())


@pytest.mark.parametrize("state", [FindingState.RESOLVED, FindingState.DISMISSED])
def test_a_thread_is_done_with_its_finding(state: FindingState) -> None:
    """The review has judged the finding, also where it could not look at everything else."""
    failed = entry("b.py", state=UnitState.FAILED)

    assert is_done(thread(), finding(state=state, line=None), entries=(entry(), failed))


@pytest.mark.parametrize("state", [FindingState.NEW, FindingState.OPEN])
def test_a_thread_is_not_done_while_its_finding_stands(state: FindingState) -> None:
    """Whatever became of another one of the same fingerprint."""
    assert not is_done(thread(), finding(state=state), finding(state=FindingState.RESOLVED))


@pytest.mark.parametrize("one", [resolved(ANN), resolved(US), thread(None)], ids=repr)
def test_only_open_threads_of_ours_are_resolved(one: Thread) -> None:
    """What others began is theirs to end."""
    assert not is_done(one)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((entry(),), True),
        ((entry(), entry("b.py", by=("ruff",))), True),
        ((entry(by=("ruff",)), entry(by=("secrets",))), True),
        ((), True),
        ((entry("b.py"),), True),
        ((entry("b.py"), entry("c.lock", state=UnitState.EXCLUDED)), True),
        ((entry(by=("ruff",)),), False),
        ((entry(), entry("b.py", state=UnitState.FAILED)), False),
        ((entry(), entry("b.py", state=UnitState.SKIPPED)), False),
        ((entry(state=UnitState.EXCLUDED),), False),
        ((entry(), entry(state=UnitState.EXCLUDED)), False),
        ((entry("b.py", by=("ruff",)),), False),
    ],
    ids=[
        "looked at",
        "by another one elsewhere",
        "a part each",
        "the change is empty",
        "the file is gone",
        "the file is gone beside one left out",
        "not by all",
        "another file failed",
        "another file was skipped",
        "left out",
        "partly left out",
        "gone, and not looked for by all",
    ],
)
def test_silence_proves_something_where_all_have_looked(
    entries: tuple[CoverageEntry, ...],
    expected: bool,  # noqa: FBT001
) -> None:
    """A review that does not know the finding ends its thread only if it would have found it."""
    assert is_done(thread(), entries=entries) is expected


def test_silence_proves_nothing_about_a_source_whose_words_had_no_place() -> None:
    """It may have spoken of this very finding."""
    assert not is_done(thread(), dropped={"ruff: the quote is not in the change": 1})
    assert is_done(thread(), dropped={"bandit: the quote is not in the change": 1})


@pytest.mark.parametrize("body", [HAND, ""])
def test_silence_proves_nothing_where_nobody_knows_who_had_spoken(body: str) -> None:
    """A comment that somebody has edited says no more who has to look again."""
    assert not is_done(thread(body=body))
    assert not is_done(thread(comments=()))


@pytest.mark.parametrize("state", [FindingState.NEW, FindingState.OPEN])
@pytest.mark.parametrize("sources", [("ruff",), ("openai:gpt-5.1", "ruff")])
def test_who_reported_a_finding_is_read_back(state: FindingState, sources: tuple[str, ...]) -> None:
    """From the comment as it was written, with a suggestion and a mark below it or without."""
    forged = ", found by `forged`; fingerprint `f00d`."
    one = finding(sources=sources, state=state, confidence=0.5, message=forged, title=forged)
    body = markdown.comment(one.to_json())
    block = f"\n```suggestion\nx{forged}\n```\n"

    assert markdown.sources_of(body) == sources
    assert markdown.sources_of(body + block) == sources
    assert markdown.sources_of(f"{body}{block}<!-- codeflow:v1 kind=comment key=a -->") == sources


def test_no_source_is_read_from_a_comment_without_one() -> None:
    """A finding of nobody has none."""
    assert markdown.sources_of(markdown.comment(finding().to_json())) == ()
