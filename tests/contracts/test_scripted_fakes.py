"""The fakes of analyzers and VCS hosts do what a test tells them."""

from __future__ import annotations

import pytest

from codeflow_engine.contracts import AnalyzerReport
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import AnalyzerError, ChangeUnavailableError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import Example, ExampleFile, named
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeVCS

SANDBOX = Sandbox()  # nothing is started in it
EDIT = named("edit")
FOUND = RawFinding(
    rule="told",
    severity=Severity.LOW,
    category=Category.STYLE,
    title="Told to",
    message="It was told to find this.",
    path="shop/till.py",
    line=4,
)


async def test_an_analyzer_finds_what_it_is_given() -> None:
    """On the files that it is asked about, and it remembers what it was asked."""
    analyzer = FakeAnalyzer(FOUND)

    report = await analyzer.analyze(EDIT.analysis(), SANDBOX)
    other = await analyzer.analyze(named("mode").analysis(), SANDBOX)

    assert report == AnalyzerReport(findings=(FOUND,), examined=EDIT.diff.units)
    assert other.findings == ()
    assert [one.change.target for one in analyzer.asked] == ["edit", "mode"]


async def test_an_analyzer_gives_the_answer_that_it_is_told_to() -> None:
    """A report as it is, also one that breaks the contract; one that is made; an error."""
    silent = AnalyzerReport()
    told = FakeAnalyzer(answer=silent)
    made = FakeAnalyzer(answer=lambda analysis: AnalyzerReport(examined=analysis.units[:1]))
    broken = FakeAnalyzer(answer=AnalyzerError("no such program"))

    assert await told.analyze(EDIT.analysis(), SANDBOX) is silent
    assert len((await made.analyze(EDIT.analysis(), SANDBOX)).examined) == 1
    with pytest.raises(AnalyzerError, match="no such program"):
        await broken.analyze(EDIT.analysis(), SANDBOX)


async def test_a_host_keeps_the_states_that_were_fetched() -> None:
    """A change that is pushed again is another one, and the files of the first stay readable."""
    host = FakeHost(EDIT)
    vcs = FakeVCS(host)
    request = ChangeRequest(target="edit")
    first = await vcs.fetch_change(request, SANDBOX)

    later = Example(name="later", base=EDIT.base, head={"a.py": ExampleFile.of("a = 1\n")})
    host.push(later, target="edit")
    second = await vcs.fetch_change(request, SANDBOX)
    (file,) = await vcs.read_files(
        first, ["shop/till.py"], side=Side.NEW, limit=10_000, sandbox=SANDBOX
    )

    assert (first.key, first.base) == (second.key, second.base)
    assert first.head != second.head
    assert file.content == EDIT.head["shop/till.py"].content
    with pytest.raises(ChangeUnavailableError):
        await vcs.fetch_change(ChangeRequest(target="later"), SANDBOX)


async def test_a_host_shows_what_was_written() -> None:
    """Each post with its author, its marker and the effect that it came of."""
    host = FakeHost(EDIT)
    effect = Effect(key="k", kind=EffectKind.LABEL, target="edit", head="0" * 40, payload={})

    receipt = await FakeVCS(host, author="bot").deliver(effect)

    (post,) = host.posts
    assert (post.author, post.marker, post.effect) == ("bot", "k", effect)
    assert receipt.external_id == str(post.number)
