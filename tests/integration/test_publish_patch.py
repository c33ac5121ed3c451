from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

import pytest

from codeflow_engine import Engine, Patch, PublishPolicy, Review, errors
from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.testing.examples import Example, ExampleFile
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeVCS

NAME = "acme/shop#7"
CHANGE = Example(
    name=NAME,
    base={"shop.py": ExampleFile.of("import shop\n")},
    head={"shop.py": ExampleFile.of("import shop\n\nprice = 0.1\n")},
)
MENDED = Example(
    name=NAME,
    base=CHANGE.base,
    head={"shop.py": ExampleFile.of("import shop\n\nprice = 10\n")},
)
FOUND = RawFinding(
    rule="float",
    severity=Severity.HIGH,
    category=Category.CORRECTNESS,
    title="An amount is no float",
    message="Count in cents.",
    path="shop.py",
    line=3,
    suggestion=Suggestion(replacement="price = 10", start_line=3, end_line=3),
)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(CHANGE)


@pytest.fixture
def engine(host: FakeHost) -> Iterator[Engine]:
    with Engine(vcs=FakeVCS(host), analyzers=[FakeAnalyzer(FOUND)], plugins_allow=[]) as one:
        yield one


@pytest.fixture
def found(engine: Engine) -> Review:
    return engine.review(NAME)


@pytest.fixture
def patch(engine: Engine, found: Review) -> Patch:
    return engine.fix(found)


def test_a_fix_becomes_a_commit_once_somebody_approves(
    engine: Engine, host: FakeHost, patch: Patch
) -> None:
    """Whole files on the head that was reviewed; nothing is written before."""
    plan = engine.plan(patch)
    run = engine.submit("apply", {"plan": plan.to_json(), "approval": True})
    assert host.posts == []

    run.approve(by="ann")
    (receipt,) = run.result()

    (post,) = host.posts
    assert post.effect is not None
    assert receipt.key == plan.effects[0].key
    assert post.effect.kind is EffectKind.COMMIT
    assert post.effect.head == CHANGE.revisions[1] == post.effect.payload["base"]
    (file,) = post.effect.payload["files"]
    assert b64decode(file["content"]) == MENDED.head["shop.py"].content


def test_a_commit_for_an_old_head_is_not_written(
    engine: Engine, host: FakeHost, patch: Patch
) -> None:
    """It was verified against another state of the files."""
    plan = engine.plan(patch)
    host.push(MENDED)

    with pytest.raises(errors.PublishError, match="has moved on"):
        engine.apply(plan)
    assert host.posts == []


def test_the_suggestion_of_a_finding_goes_beside_the_code(engine: Engine, found: Review) -> None:
    """What `fix` would commit can be taken by a click as well."""
    (comment,) = engine.plan(found).effects[0].payload["comments"]

    assert (comment["suggestion"], comment["line"], comment["end_line"]) == ("price = 10", 3, 3)


def test_the_change_of_a_patch_can_be_told(engine: Engine, host: FakeHost, patch: Patch) -> None:
    """Where another engine made it, whose runs this storage does not know."""
    with Engine(vcs=FakeVCS(host), plugins_allow=[]) as other:
        with pytest.raises(errors.RunNotFoundError):
            other.plan(patch)
        plan = other.plan(patch, change=NAME, branch="ann/fix")

    assert (plan.target, plan.effects[0].payload["branch"]) == (NAME, "ann/fix")


def test_what_does_not_fit_together_is_refused(engine: Engine, found: Review, patch: Patch) -> None:
    """A policy is about reviews, and a branch about patches."""
    with pytest.raises(errors.ConfigurationError, match="this is a patch"):
        engine.plan(patch, policy=PublishPolicy())
    with pytest.raises(errors.ConfigurationError, match="this is a review"):
        engine.plan(found, branch="x")


def test_a_host_that_knows_no_discussion_is_not_asked_for_one(host: FakeHost) -> None:
    """All findings are told then, as on the first day."""

    class Mute(FakeVCS):
        capabilities = FakeVCS.capabilities - {"discuss"}

    with Engine(vcs=Mute(host), analyzers=[FakeAnalyzer(FOUND)], plugins_allow=[]) as engine:
        plan = engine.plan(engine.review(NAME))

    assert len(plan.effects[0].payload["comments"]) == 1
