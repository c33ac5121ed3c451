from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.discussion import Person, Thread
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.judge import Verdict, judge
from codeflow_engine.review.overhear import overhear, remarks, speakers
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy
from talks import ANN, BOT, OURS, STRANGER, answer, remark, thread

CHANGE = Change.from_diff(
    Diff.parse("--- a/a.py\n+++ b/a.py\n@@ -1 +1,3 @@\n x = 1\n+y = eval(x)\n+z = 3\n")
)
UNITS = CHANGE.diff.units
HELPER = ("helper",)


def chosen(*threads: Thread, bots: tuple[str, ...] = HELPER) -> list[str]:
    return [one.comments[0].body for one in remarks(threads, bots)]


def raw(body: str, **more: Any) -> RawFinding:
    (report,) = overhear(remarks([remark(body, **more)], HELPER), UNITS)
    (finding,) = report.findings
    return finding


@pytest.mark.parametrize("login", ["helper", "helper[bot]", "Helper[bot]", " HELPER "])
def test_a_bot_is_known_by_its_login(login: str) -> None:
    """The suffix that one of a host's interfaces adds, and case, make no other bot."""
    assert chosen(remark("one"), bots=("other", login)) == ["one"]
    assert chosen(remark("one", author=replace(BOT, login=login)), bots=HELPER) == ["one"]


@pytest.mark.parametrize(
    "who", [None, ANN, STRANGER, replace(BOT, is_bot=False), replace(BOT, login="other[bot]")]
)
def test_s12_nobody_else_is_overheard(who: Person | None) -> None:
    """A person of that name is no bot, and a bot that nobody has listed is not asked."""
    assert chosen(remark("one", author=who)) == []
    assert chosen(remark("one"), bots=()) == []
    assert chosen(Thread(id="t", path="a.py"), bots=("", "helper")) == []


def test_threads_that_are_done_with_are_left_out() -> None:
    """Those that are resolved, and those whose code has changed since."""
    kept, resolved, outdated = (remark(text) for text in ("kept", "resolved", "outdated"))

    assert chosen(
        replace(outdated, is_outdated=True), kept, replace(resolved, is_resolved=True)
    ) == ["kept"]


def test_the_engine_never_hears_itself() -> None:
    """Its own account is no other bot, also in a thread whose marker is gone."""
    own = remark("mine", author=OURS)

    assert chosen(thread("f1"), own, bots=("codeflow",)) == []
    assert chosen(own, bots=("codeflow",)) == ["mine"]


def test_a_remark_becomes_a_finding_of_its_bot() -> None:
    """Its place and its text are those of the comment; how bad it is nobody can tell."""
    body = "<!-- id: 7 -->\n\n### **Possible injection**\n\n<details>`eval` of `x`.\n</details>"

    (report,) = overhear(remarks([remark(body, line=2, end_line=3)], HELPER), UNITS)

    assert (report.source, report.reported, report.reads_files) == ("bot:helper", 1, False)
    assert report.findings == (
        RawFinding(
            rule="comment",
            severity=Severity.MEDIUM,
            category=Category.SECURITY,
            title="Possible injection",
            message="### **Possible injection**\n\n`eval` of `x`.",
            path="a.py",
            side=Side.NEW,
            line=2,
            end_line=3,
            confidence=0.5,
        ),
    )


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("This is slow", Category.PERFORMANCE),
        ("Slow, and unsafe", Category.SECURITY),
        ("A race with the writer", Category.RELIABILITY),
        ("Untested", Category.TESTING),
        ("Typo", Category.DOCUMENTATION),
        ("nit: naming", Category.STYLE),
        ("Slowly", Category.CORRECTNESS),
        ("Off by one", Category.CORRECTNESS),
    ],
)
def test_words_tell_the_category(text: str, category: Category) -> None:
    """The worst category that is spoken of counts."""
    assert raw(text).category is category


def test_what_is_hidden_or_long_in_a_remark_is_shown_and_cut() -> None:
    """Text of others cannot hide anything, nor fill the report."""
    found = raw(f"bad \u202e{'x' * 300}\n{'y' * 9000}")

    assert found.title.startswith("bad \\u202ex")
    assert len(found.title) == 120
    assert len(found.message) == 2000
    assert len(remarks([remark("x" * 9000)], HELPER)[0].comments[0].body) == 4000


@pytest.mark.parametrize("body", ["", "  \n", "<!-- only this", "***\n---"])
def test_a_remark_without_words_is_a_finding_all_the_same(body: str) -> None:
    """It stands there and is open."""
    assert raw(body).title == "A comment of helper"


def test_answers_in_the_thread_of_a_bot_are_not_heard() -> None:
    """The finding is what the bot says, and nobody else's words."""
    talk = remark("one")
    talk = replace(talk, comments=(*talk.comments, answer("two", author=STRANGER)))

    (report,) = overhear(remarks([talk], HELPER), UNITS)

    assert report.findings[0].message == "one"


def test_each_bot_has_a_report_of_its_own() -> None:
    """Sorted by name, with the findings in the order of the threads."""
    other = replace(BOT, login="a-bot")
    threads = (remark("1"), remark("2", author=other), remark("3"))

    reports = overhear(remarks(threads, ("helper", "a-bot")), UNITS)

    assert {one.source: [raw.title for raw in one.findings] for one in reports} == {
        "bot:a-bot": ["2"],
        "bot:helper": ["1", "3"],
    }
    assert speakers(threads) == tuple(one.source for one in reports)


def test_no_unit_is_reviewed_by_what_a_bot_has_said() -> None:
    """The ledger calls a unit that nobody else has examined skipped, never reviewed."""
    parts = partition(CHANGE, RepositoryPolicy())
    reports = overhear(remarks([remark("bad")], HELPER), parts.to_review)
    anchored = anchor(CHANGE, parts.to_review, reports, Redactor())
    verdict = Verdict(findings=anchored.findings, dropped={}, isolation="none", timing=_timing())

    review = judge("r", CHANGE, (parts, reports), verdict, Redactor())

    assert review.outcome is Outcome.SKIPPED
    assert [one.sources for one in review.findings] == [("bot:helper",)]
    assert review.coverage.entries[0].by == ()


def test_a_remark_whose_place_is_not_in_the_change_is_dropped_and_counted() -> None:
    """As the finding of any source."""
    threads = [remark("far", line=99), remark("elsewhere", path="b.py"), remark("file", line=None)]
    reports = overhear(remarks(threads, HELPER), UNITS)

    anchored = anchor(CHANGE, UNITS, reports, Redactor())

    assert [one.title for one in anchored.findings] == ["file"]
    assert anchored.dropped == {
        "bot:helper: the line is not in the change": 1,
        "bot:helper: the path is not in the change": 1,
    }


@given(
    body=st.text() | st.from_regex(r"(<!--|<a|</|-->|\n|[*#_ ]|x){0,40}", fullmatch=True),
    line=st.none() | st.integers(-3, 5),
    last=st.none() | st.integers(-3, 5),
)
def test_no_remark_breaks_the_review(body: str, line: int | None, last: int | None) -> None:
    """Whatever a bot says, it is one finding, kept or dropped and counted."""
    threads = remarks([remark(body, line=line, end_line=last)], HELPER)

    anchored = anchor(CHANGE, UNITS, overhear(threads, UNITS), Redactor())

    assert len(anchored.findings) + sum(anchored.dropped.values()) == 1
    assert all(one.title and "\n" not in one.title for one in anchored.findings)


def _timing() -> Any:
    from datetime import UTC, datetime

    from codeflow_engine.domain.review import Timing

    return Timing(started_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=1)
