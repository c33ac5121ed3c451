"""Whatever happens to a write: in the end exactly what was planned stands, once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import (
    CodeflowError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
)
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, Desk, inline, settle

SOMETIMES = {1, 3, 7, 13, 21, 31}
"""Writes that go wrong: fewer and fewer, so that one of many steps comes to its end."""


@pytest.fixture
def app(desk: Desk) -> Desk:
    """Write as an app, which may do all of it."""
    desk.credentials = desk.as_app()
    return desk


def plan(desk: Desk) -> list[Effect]:
    """Plan one effect of each kind that is written over REST."""
    annotation = {"path": "a.py", "end_line": 70, "level": "notice", "title": "t", "message": "m"}
    check = {
        "name": "codeflow",
        "conclusion": "neutral",
        "title": "Done",
        "summary": "Done.",
        "annotations": [{**annotation, "start_line": number} for number in range(1, 61)],
    }
    issue = {"fingerprint": "f1", "title": "A leak", "body": "It leaks.", "labels": []}
    run = {"tool": {"driver": {"name": "codeflow"}}, "results": []}
    commit = {
        "branch": "codeflow/fix",
        "base": desk.pull.head_sha,
        "message": "Mend it",
        "files": [{"path": "c", "mode": "100644", "content": base64.b64encode(b"c").decode()}],
    }
    return [
        desk.review(inline(5), inline(6)),
        desk.effect(EffectKind.SUMMARY, {"body": "All."}),
        desk.effect(EffectKind.CHECK, check),
        desk.effect(EffectKind.LABEL, {"add": ["done"], "remove": []}),
        desk.effect(EffectKind.ISSUE, issue),
        desk.effect(EffectKind.SARIF, {"sarif": json.dumps({"version": "2.1.0", "runs": [run]})}),
        desk.effect(EffectKind.COMMIT, commit),
    ]


def see_all(desk: Desk, effects: Sequence[Effect]) -> None:
    """See that all stands, and nothing twice."""
    repository, pull = desk.repository, desk.pull
    assert len(pull.reviews) == 1
    assert [one.line for one in desk.comments()] == [5, 6]
    assert len(pull.comments) == 1
    (run,) = repository.checks.runs
    assert [one["start_line"] for one in run.annotations] == list(range(1, 61))
    assert run.conclusion == "neutral"
    assert pull.label_names == ("done",)
    assert len(repository.issues) == 1
    assert {one.commit_sha for one in repository.scans.analyses} == {effects[0].head}
    made = desk.forge.run(repository.git.commit(repository.branch("codeflow/fix")))
    assert made.parents == (effects[0].head,)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(act=Act.STATUS, status=502),
        Fault(act=Act.STATUS, status=502, after=True),
        Fault(act=Act.STATUS, status=503, after=True),
        Fault(act=Act.RESET),
        Fault(act=Act.RESET, after=True),
        Fault(act=Act.CUT, after=True),
        Fault(act=Act.TRUNCATE, after=True),
        Fault(act=Act.HTML, after=True),
        Fault(act=Act.HANG, seconds=3.0),
        Fault(act=Act.HANG, seconds=3.0, after=True),
        Fault(act=Act.DRIP, seconds=9.0, after=True),
    ],
    ids=lambda fault: f"{fault.act}-{fault.status}-{'after' if fault.after else 'before'}",
)
async def test_g27_what_was_planned_stands_once_whatever_happens(app: Desk, fault: Fault) -> None:
    """A write that failed may have been done: it is looked for before it is tried again."""
    effects = plan(app)
    backend = app.backend(settings={"timeout": 1.5})
    for method in ("POST", "PATCH"):
        app.forge.faults.add(
            Fault(
                act=fault.act,
                method=method,
                path="/repos/*",
                on=SOMETIMES,
                status=fault.status,
                after=fault.after,
                seconds=fault.seconds,
            )
        )

    receipts = await settle(backend, effects)

    assert len(app.forge.faults.struck) >= 3
    app.forge.faults.clear()
    see_all(app, effects)
    found = await app.backend().find_effects(effects)
    assert {one.key for one in found} == {one.key for one in receipts}


@pytest.mark.parametrize("seed", range(6))
async def test_g27_chance_may_strike_any_request(app: Desk, seed: int) -> None:
    """Reads and writes, before and after their work."""
    effects = plan(app)
    faults = app.forge.faults
    faults.seed = f"chance {seed}"
    faults.add(
        Fault(act=Act.STATUS, path="/repos/*", chance=0.08, after=True),
        Fault(act=Act.RESET, path="/repos/*", chance=0.05, after=True),
        Fault(act=Act.STATUS, path="/repos/*", chance=0.05, status=500),
        Fault(act=Act.CUT, method="P*", path="/repos/*", chance=0.05, after=True),
    )

    await settle(app.backend(), effects, tries=60)

    faults.clear()
    see_all(app, effects)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(act=Act.STATUS, after=True), ProviderUnavailableError),
        (Fault(act=Act.RESET, after=True), ProviderUnavailableError),
        (Fault(act=Act.CUT, after=True), ProviderUnavailableError),
        (Fault(act=Act.TRUNCATE, after=True), ProviderUnavailableError),
        (Fault(act=Act.HTML, after=True), ProviderUnavailableError),
        (Fault(act=Act.HANG, seconds=2.0, after=True), ProviderTimeoutError),
        (Fault(act=Act.STATUS, status=429), RateLimitError),
    ],
    ids=lambda value: value.act if isinstance(value, Fault) else "",
)
async def test_g27_a_write_that_may_have_been_done_is_never_done_again(
    desk: Desk, fault: Fault, error: type[CodeflowError]
) -> None:
    """One call writes once; the error says that another call may follow, after a look."""
    desk.forge.faults.add(
        Fault(
            act=fault.act,
            method="POST",
            path="*/reviews",
            status=fault.status,
            after=fault.after,
            seconds=fault.seconds,
        )
    )

    with pytest.raises(error) as raised:
        await desk.backend(settings={"timeout": 1.0}).deliver(desk.review(inline(5)))

    assert raised.value.retryable
    assert len(desk.forge.faults.struck) == 1
    assert len(desk.pull.reviews) <= 1


@pytest.mark.parametrize("act", [Act.STATUS, Act.HTML, Act.CUT, Act.RESET])
async def test_g27_a_resolution_that_lost_its_answer_is_found(desk: Desk, act: Act) -> None:
    """A mutation of GraphQL is a write like any other."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(5), inline(6)))
    threads = await backend.read_threads(desk.target)
    ends = [{"id": one.id, "fingerprint": one.fingerprint} for one in threads]
    effect = desk.effect(EffectKind.RESOLUTION, {"threads": ends})
    # The looks of `find_effects`, `deliver` and `write` come first, then the two mutations.
    desk.forge.faults.add(Fault(act=act, path="/graphql", on={4}, after=True))

    await settle(backend, [effect])

    assert [one.act for one in desk.forge.faults.struck] == [act]
    assert all(one.is_resolved for one in desk.pull.threads)


async def test_a_write_that_is_cancelled_ends_soon_and_is_found(desk: Desk) -> None:
    """What GitHub was sent may stand: the next look tells."""
    desk.forge.faults.add(
        Fault(act=Act.DELAY, method="POST", path="*/reviews", seconds=0.5, after=True)
    )
    backend, effect = desk.backend(), desk.review(inline(5))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await backend.deliver(effect)
    await asyncio.sleep(0.6)
    desk.forge.faults.clear()
    await settle(backend, [effect])

    assert [one.user.login for one in desk.pull.reviews] == [BOT]
