"""The check of a head: a run with all of its annotations, or a status."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import AuthenticationError, ProviderUnavailableError, PublishError
from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.testing.forge.checks import CheckRun
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, Desk, settle


def check(desk: Desk, count: int = 0, name: str = "one", **over: Any) -> Effect:
    annotations = [
        {
            "path": "a.py",
            "start_line": number + 1,
            "end_line": number + 1,
            "level": "warning",
            "title": f"Finding {number}",
            "message": "It is wrong.",
        }
        for number in range(count)
    ]
    payload = {
        "name": "codeflow",
        "conclusion": "failure",
        "title": "Findings",
        "summary": "There are some.",
        "annotations": annotations,
        **over,
    }
    return desk.effect(EffectKind.CHECK, payload, name)


def lines(run: CheckRun) -> list[int]:
    return [one["start_line"] for one in run.annotations]


@pytest.fixture
def app(desk: Desk) -> Desk:
    """Write as an app, which alone has check runs."""
    desk.credentials = desk.as_app()
    return desk


@pytest.mark.parametrize("count", [0, 1, 50, 51, 100, 130])
async def test_g21_a_check_has_all_of_its_annotations(app: Desk, count: int) -> None:
    """Fifty come with each request; the last of them ends the run."""
    effect = check(app, count)

    receipt = await app.backend().deliver(effect)
    (found,) = await app.backend().find_effects([effect])

    (run,) = app.repository.checks.runs
    assert lines(run) == list(range(1, count + 1))
    assert (run.status, run.conclusion, run.external_id) == ("completed", "failure", effect.key)
    assert found.external_id == receipt.external_id == f"check:{run.id}"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("on", [1, 2])
async def test_d6_a_check_that_was_left_half_way_is_finished(
    app: Desk, on: int, *, after: bool
) -> None:
    """Where a batch has landed it is not sent again, whatever its answer was."""
    effect = check(app, 130)
    path = "*/check-runs/*"
    app.forge.faults.add(Fault(act=Act.STATUS, method="PATCH", path=path, on=on, after=after))
    with pytest.raises(ProviderUnavailableError):
        await app.backend().deliver(effect)
    (half,) = app.repository.checks.runs
    before = await app.backend().find_effects([effect])

    await settle(app.backend(), [effect])

    (run,) = app.repository.checks.runs
    assert (run is half, lines(run)) == (True, list(range(1, 131)))
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert len(before) == (on == 2 and after)


async def test_g28_a_check_that_was_replaced_does_not_stand(app: Desk) -> None:
    """The latest run of a name counts: one that is incomplete is told again behind a success."""
    partial = check(app, name="partial", conclusion="action_required")
    whole = check(app, name="whole", conclusion="success")
    await settle(app.backend(), [partial, whole])

    found = await app.backend().find_effects([partial, whole])
    (again,) = await settle(app.backend(), [partial])

    latest = max(app.repository.checks.runs, key=lambda run: run.id)
    assert [one.key for one in found] == [whole.key]
    assert (again.found, again.external_id) == (False, f"check:{latest.id}")
    assert latest.conclusion == "action_required"
    assert len(app.repository.checks.runs) == 3


async def test_g28_of_two_equal_checks_the_latest_stands_alone(app: Desk) -> None:
    """What people see of two is the later one: to take that back would hide what it says."""
    effect = check(app)
    entry = {"name": "codeflow", "head_sha": effect.head, "external_id": effect.key}
    done = {"status": "completed", "conclusion": "failure"}
    output = {"output": {"title": "Findings", "summary": "There are some."}}
    await app.backend().deliver(effect)
    backend = app.backend()
    client = backend._client(Target.parse(app.target, backend._place))
    path = "/repos/acme/shop/check-runs"
    twin = (await client.request("POST", path, body={**entry, **done, **output})).body

    found = await app.backend().find_effects([effect])

    assert [one.external_id for one in found] == [f"check:{twin['id']}"]


async def test_g28_check_runs_are_ours_by_their_app(app: Desk) -> None:
    """Another app may write what it likes into `external_id`."""
    effect = check(app)
    await app.backend(**app.as_app("another-app")).deliver(effect)

    found = await app.backend().find_effects([effect])
    await app.backend().deliver(effect)

    assert found == ()
    assert len(app.repository.checks.runs) == 2


async def test_g21_texts_of_a_check_have_the_lengths_that_github_takes(app: Desk) -> None:
    """Bytes are counted where GitHub counts bytes."""
    one = {"path": "a.py", "start_line": 1, "end_line": 1, "level": "failure"}
    long = [{**one, "title": "t" * 500, "message": "\u00e4" * 60_000}]
    long += [{**one, "title": "t", "message": ""}]

    await app.backend().deliver(
        check(app, summary="s\n" * 60_000, annotations=long, title="x" * 500)
    )

    (run,) = app.repository.checks.runs
    assert len(run.summary or "") <= 60_000
    assert len(run.annotations[0]["message"].encode()) == 60_000
    assert run.annotations[1]["message"] == "t"


@pytest.mark.parametrize("over", [{"conclusion": "great"}, {"annotations": None}])
async def test_a_check_that_github_does_not_know_is_an_error(
    app: Desk, over: dict[str, Any]
) -> None:
    """Nothing is sent."""
    if over["annotations" if "annotations" in over else "conclusion"] is None:
        level = {"level": "bad", "title": "t", "message": "m"}
        over = {"annotations": [{"path": "a", "start_line": 1, "end_line": 1, **level}]}

    with pytest.raises(PublishError, match="GitHub knows no"):
        await app.backend().deliver(check(app, **over))

    assert app.repository.checks.runs == []


async def test_g21_a_token_of_no_app_is_told_what_else_there_is(desk: Desk) -> None:
    """Which permission it takes, and which setting does without."""
    with pytest.raises(AuthenticationError, match=r'checks: write.*checks = "status"'):
        await desk.backend().deliver(check(desk))


async def test_a_check_of_ours_is_withdrawn_and_ends_neutral(app: Desk) -> None:
    """A run cannot be deleted; it is found no more, and holds nobody up."""
    backend = app.backend()
    kept = await backend.deliver(check(app, name="two"))
    receipt = await backend.deliver(check(app))

    for _ in range(2):
        await app.backend().withdraw(app.target, receipt)

    runs = {f"check:{run.id}": run for run in app.repository.checks.runs}
    assert runs[receipt.external_id].conclusion == "neutral"
    assert runs[kept.external_id].conclusion == "failure"
    assert await backend.find_effects([check(app)]) == ()


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        ("success", "success"),
        ("neutral", "success"),
        ("failure", "failure"),
        ("action_required", "failure"),
        ("cancelled", "error"),
        ("timed_out", "error"),
        ("skipped", "error"),
    ],
)
async def test_a_status_is_a_success_only_for_what_is_one(
    desk: Desk, conclusion: str, state: str
) -> None:
    """What was not looked at whole is none."""
    effect = check(desk, conclusion=conclusion, title="t" * 300)
    backend = desk.backend(settings={"checks": "status"})

    before = await backend.find_effects([effect])
    receipt = await backend.deliver(effect)
    (found,) = await desk.backend(settings={"checks": "status"}).find_effects([effect])

    (status,) = desk.repository.checks.statuses
    assert (before, status.state, status.context, status.creator) == ((), state, "codeflow", BOT)
    assert len(status.description or "") <= 140
    assert found.external_id == receipt.external_id


async def test_a_status_that_was_replaced_does_not_stand(desk: Desk) -> None:
    """The latest one of its name counts; one of somebody else is none of ours."""
    backend = desk.backend(settings={"checks": "status"})
    first, second = check(desk), check(desk, name="two", conclusion="success")
    await backend.deliver(first)
    await backend.deliver(second)

    found = await backend.find_effects([first, second])
    other = desk.backend(settings={"checks": "status"}, token=desk.forge.token("ann"))
    await other.deliver(second)

    assert [one.key for one in found] == [second.key]
    assert await backend.find_effects([second]) == ()


async def test_a_status_of_ours_is_withdrawn_by_one_that_is_no_success(desk: Desk) -> None:
    """None can be deleted."""
    backend = desk.backend(settings={"checks": "status"})
    receipt = await backend.deliver(check(desk, conclusion="success"))

    for _ in range(2):
        await backend.withdraw(desk.target, receipt)

    latest = desk.repository.checks.latest(desk.pull.head_sha)
    assert [one.state for one in latest] == ["error"]
    assert len(desk.repository.checks.statuses) == 2


async def test_no_check_is_written_where_the_host_wants_none(desk: Desk) -> None:
    """The receipt says so."""
    backend = desk.backend(settings={"checks": "none"})

    receipt = await backend.deliver(check(desk))
    await backend.withdraw(desk.target, receipt)

    assert receipt.external_id == "check:none"
    assert (desk.repository.checks.runs, desk.repository.checks.statuses) == ([], [])
