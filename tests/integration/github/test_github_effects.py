"""Labels, issues, reports and commits: found before they are written."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    PublishError,
    SerializationError,
)
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, HEAD, Desk, settle


def labels(desk: Desk, *, add: list[str], remove: list[str], name: str = "one") -> Effect:
    return desk.effect(EffectKind.LABEL, {"add": add, "remove": remove}, name)


async def test_labels_are_set_and_those_of_ours_taken_off(desk: Desk) -> None:
    """A label that the repository does not have is made."""
    backend = desk.backend()
    await backend.deliver(labels(desk, add=["review: failed", "codeflow"], remove=[]))
    later = labels(desk, add=["Review: passed"], remove=["review: Failed", "absent"], name="two")

    before = await backend.find_effects([later])
    await backend.deliver(later)

    assert before == ()
    assert desk.pull.label_names == ("Review: passed", "codeflow")
    assert len(await desk.backend().find_effects([later])) == 1


async def test_a_label_that_somebody_else_has_set_stays(desk: Desk) -> None:
    """Also where we had set it before, and took it off."""
    backend, ann = desk.backend(), desk.backend(token=desk.forge.token("ann"))
    add = labels(desk, add=["hold"], remove=[])
    take = labels(desk, add=[], remove=["hold"], name="two")
    await backend.deliver(add)
    await backend.deliver(take)
    assert desk.pull.label_names == ()
    await ann.deliver(add)

    await backend.deliver(take)

    assert desk.pull.label_names == ("hold",)
    assert len(await backend.find_effects([take])) == 1


async def test_labels_of_ours_are_withdrawn(desk: Desk) -> None:
    """Those of a person are not."""
    backend = desk.backend()
    await desk.backend(token=desk.forge.token("ann")).deliver(labels(desk, add=["a, b"], remove=[]))
    receipt = await backend.deliver(labels(desk, add=["a, b", "c/d"], remove=[]))

    for _ in range(2):
        await backend.withdraw(desk.target, receipt)

    assert desk.pull.label_names == ("a, b",)


def issue(desk: Desk, name: str = "one", **over: Any) -> Effect:
    payload = {"fingerprint": "f1", "title": "A leak", "body": "It leaks.", "labels": ["bug"]}
    return desk.effect(EffectKind.ISSUE, {**payload, **over}, name)


@pytest.mark.parametrize("state", ["open", "closed"])
async def test_a_finding_has_one_issue_however_often_it_is_found(desk: Desk, state: str) -> None:
    """One that a person has closed counts, and stays closed."""
    backend = desk.backend()
    first = await backend.deliver(issue(desk))
    desk.repository.issues[0].state = state

    again = await desk.backend().deliver(issue(desk, "two"))
    other = await desk.backend().deliver(issue(desk, "three", fingerprint="f2"))

    assert (again.external_id, again.found) == (first.external_id, True)
    assert not other.found
    assert [one.state for one in desk.repository.issues] == [state, "open"]
    assert desk.repository.issues[0].label_names == ("bug",)


async def test_g28_an_issue_of_somebody_else_is_none_of_ours(desk: Desk) -> None:
    """It may have our marker."""
    await desk.backend(token=desk.forge.token("ann")).deliver(issue(desk))

    receipt = await desk.backend().deliver(issue(desk))

    assert not receipt.found
    assert [one.user.login for one in desk.repository.issues] == ["ann", BOT]


async def test_an_issue_of_ours_is_withdrawn_and_found_no_more(desk: Desk) -> None:
    """It is closed, and keeps its text without the marker."""
    backend = desk.backend()
    receipt = await backend.deliver(issue(desk))

    for _ in range(2):
        await backend.withdraw(desk.target, receipt)

    (closed,) = desk.repository.issues
    assert (closed.state, closed.state_reason) == ("closed", "not_planned")
    assert "It leaks." in (closed.body or "")
    assert await backend.find_effects([issue(desk)]) == ()


async def test_g30_a_repository_without_issues_is_told(desk: Desk) -> None:
    """It is no failure that may pass."""
    desk.repository.has_issues = False

    with pytest.raises(ChangeUnavailableError) as refused:
        await desk.backend().deliver(issue(desk))

    assert not refused.value.retryable


def report(desk: Desk, *, runs: Any = None, name: str = "one", count: int = 0) -> Effect:
    place = {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 5}}
    result = {"ruleId": "r", "message": {"text": "m"}, "locations": [{"physicalLocation": place}]}
    run = {
        "tool": {"driver": {"name": "codeflow", "rules": [{"id": "r"}]}},
        "automationDetails": {"id": "codeflow/review/"},
        "results": [result] * count,
    }
    sarif = {"version": "2.1.0", "runs": [run] if runs is None else runs}
    return desk.effect(EffectKind.SARIF, {"sarif": json.dumps(sarif)}, name)


async def test_g26_a_report_is_uploaded_once_for_a_commit(desk: Desk) -> None:
    """It is found by commit, tool, category, and how much it says."""
    backend, effect = desk.backend(), report(desk)
    before = await backend.find_effects([effect])

    receipt = await backend.deliver(effect)
    again = await desk.backend().deliver(effect)

    (analysis,) = desk.repository.scans.analyses
    assert before == ()
    assert (analysis.commit_sha, analysis.category) == (effect.head, "codeflow/review")
    assert receipt.external_id == again.external_id == f"sarif:{analysis.sarif_id}"
    assert (receipt.found, again.found) == (False, True)


async def test_g26_a_report_that_another_has_replaced_is_uploaded_again(desk: Desk) -> None:
    """A second review of a commit may find more, and a third one as much as the first."""
    backend = desk.backend()
    few, many = report(desk, count=1), report(desk, count=2, name="two")

    receipts = [await backend.deliver(one) for one in (few, many, few)]

    assert [one.found for one in receipts] == [False, False, False]
    assert [one.results for one in desk.repository.scans.analyses] == [1, 2, 1]
    assert (await backend.deliver(few)).external_id == receipts[2].external_id


async def test_g26_a_report_for_another_head_is_another_one(desk: Desk) -> None:
    """What stands for the head before is not taken for it."""
    backend = desk.backend()
    await backend.deliver(report(desk))
    desk.repository.push(desk.number, {**HEAD, "b.py": b"x = 3\n"})

    receipt = await backend.deliver(report(desk))

    assert not receipt.found
    assert len(desk.repository.scans.analyses) == 2


async def test_g26_github_is_not_waited_for_without_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has taken the report in, whatever it makes of it later."""
    from codeflow_engine.providers.vcs.github.posting import sarifs

    monkeypatch.setattr(sarifs, "_FIRST", 0.0)
    desk.repository.scans.polls = 10**6

    receipt = await desk.backend().deliver(report(desk))

    assert receipt.external_id.startswith("sarif:")


async def test_g26_a_report_that_github_does_not_take_is_an_error(desk: Desk) -> None:
    """It says why, once it has looked."""
    twin = {"tool": {"driver": {"name": "codeflow"}}, "results": []}

    with pytest.raises(PublishError, match="multiple runs"):
        await desk.backend().deliver(report(desk, runs=[twin, twin]))


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([{"tool": {"driver": {"name": "t"}}}] * 21, "21 runs"),
        ([{"tool": {"driver": {"name": "t"}}, "results": [{}] * 25_001}], "25001 results"),
        ([{"tool": {"driver": {"name": "t", "rules": [{}] * 25_001}}}], "25001 rules"),
        ({}, "no SARIF"),
    ],
)
async def test_g26_a_report_beyond_the_limits_is_not_sent(desk: Desk, runs: Any, told: str) -> None:
    """GitHub would leave out a part of it without a word, or all of it."""
    with pytest.raises(PublishError, match=told):
        await desk.backend().deliver(report(desk, runs=runs))

    assert desk.repository.scans.uploads == {}


async def test_g26_where_code_scanning_is_off_the_error_says_so(desk: Desk) -> None:
    """And names the permission."""
    backend = desk.backend()
    desk.forge.faults.add(Fault(act=Act.CALL, method="GET", path="*/analyses", call=lambda: None))
    desk.repository.scans.enabled = False

    with pytest.raises(AuthenticationError, match="security_events"):
        await backend.deliver(report(desk))


async def test_g26_a_report_of_ours_is_withdrawn(desk: Desk) -> None:
    """Its alerts go with it."""
    backend = desk.backend()
    receipt = await backend.deliver(report(desk))

    for _ in range(2):
        await backend.withdraw(desk.target, receipt)

    assert desk.repository.scans.analyses == []


def commit(desk: Desk, name: str = "one", **over: Any) -> Effect:
    files = [
        {"path": "new/c.py", "mode": "100755", "content": base64.b64encode(b"c\xff\n").decode()},
        {"path": "b.py", "mode": "100644", "content": None},
    ]
    payload = {
        "branch": "codeflow/fix",
        "base": desk.pull.head_sha,
        "message": "Mend it\n\nAs it was found.",
        "files": files,
        **over,
    }
    return desk.effect(EffectKind.COMMIT, payload, name)


async def test_a_commit_stands_on_its_base_with_exactly_its_files(desk: Desk) -> None:
    """A new branch is made for it; its message ends with the key."""
    effect = commit(desk)

    receipt = await desk.backend().deliver(effect)
    again = await desk.backend().deliver(effect)

    sha = desk.repository.branch("codeflow/fix")
    made = desk.forge.run(desk.repository.git.commit(sha))
    tree = {
        one.shown: one.mode
        for one in desk.forge.run(desk.repository.git.tree(made.tree, recursive=True))
    }
    assert receipt.external_id == again.external_id == f"commit:{sha}"
    assert (receipt.found, again.found) == (False, True)
    assert made.parents == (effect.head,)
    assert made.message.endswith(f"\n\nCodeflow-Effect: {effect.key}")
    assert tree["new/c.py"] == "100755"
    assert "b.py" not in tree
    assert "a.py" in tree


async def test_trailers_of_a_commit_stand_together(desk: Desk) -> None:
    """Git reads those of the last paragraph alone."""
    await desk.backend().deliver(commit(desk, message="Mend it\n\nCodeflow-Finding: f1\n"))

    made = desk.forge.run(desk.repository.git.commit(desk.repository.branch("codeflow/fix")))
    assert "\n\nCodeflow-Finding: f1\nCodeflow-Effect: " in made.message


async def test_a_commit_is_found_below_others(desk: Desk) -> None:
    """The branch is walked down to the base."""
    effect = commit(desk)
    receipt = await desk.backend().deliver(effect)
    desk.repository.commit("codeflow/fix", {**HEAD, "z.py": b"1\n"}, author="ann")

    again = await desk.backend().deliver(effect)

    assert (again.external_id, again.found) == (receipt.external_id, True)


async def test_a_branch_is_never_moved_but_forward(desk: Desk) -> None:
    """Where somebody has pushed to it, it stays, and the error says so."""
    theirs = desk.repository.commit(
        "codeflow/fix", {**HEAD, "z.py": b"1\n"}, author="ann", parents=(desk.pull.head_sha,)
    )

    desk.forge.faults.add(Fault(act=Act.DELAY, method="P*", path="*/git/*"))

    with pytest.raises(PublishError, match="left as it is"):
        await desk.backend().deliver(commit(desk))

    assert desk.repository.branch("codeflow/fix") == theirs
    assert desk.forge.faults.struck == []


async def test_a_branch_that_moves_meanwhile_is_not_moved(desk: Desk) -> None:
    """GitHub refuses, since it is no step forward."""
    base = desk.pull.head_sha
    desk.repository.git.write_ref("refs/heads/codeflow/fix", base)
    theirs: list[str] = []
    git = desk.repository.git
    other = desk.repository.commit("other", {**HEAD, "z.py": b"1\n"}, author="ann", parents=(base,))

    def push() -> None:
        git.write_ref("refs/heads/codeflow/fix", other)
        theirs.append(other)

    desk.forge.faults.add(Fault(act=Act.CALL, method="PATCH", path="*/git/refs/*", call=push))

    with pytest.raises(PublishError, match="left as it is"):
        await desk.backend().deliver(commit(desk))

    assert theirs == [desk.repository.branch("codeflow/fix")]


async def test_g28_a_trailer_of_somebody_else_counts_for_nothing(desk: Desk) -> None:
    """A commit is ours by its author."""
    effect = commit(desk)
    desk.repository.commit(
        "codeflow/fix",
        {**HEAD, "z.py": b"1\n"},
        message=f"Mine\n\nCodeflow-Effect: {effect.key}",
        author="ann",
        parents=(effect.head,),
    )

    assert await desk.backend().find_effects([effect]) == ()


@pytest.mark.parametrize(
    "over",
    [
        {"base": "main"},
        {"files": []},
        *(
            {"files": [{"path": path, "mode": mode, "content": ""}]}
            for path, mode in [
                ("../a", "100644"),
                ("/etc/passwd", "100644"),
                ("a/.GIT/config", "100644"),
                ("", "100644"),
                ("a", "160000"),
                ("a", "040000"),
            ]
        ),
    ],
)
async def test_s9_a_commit_writes_nowhere_else(desk: Desk, over: dict[str, Any]) -> None:
    """Paths, modes and bases that no plan has are refused before anything is written."""
    with pytest.raises(PublishError):
        await desk.backend().deliver(commit(desk, **over))

    assert desk.repository.git.read_ref("refs/heads/codeflow/fix") is None


async def test_a_commit_is_not_taken_back(desk: Desk) -> None:
    """Nothing is ever forced."""
    receipt = await desk.backend().deliver(commit(desk))

    with pytest.raises(PublishError, match="reverts"):
        await desk.backend().withdraw(desk.target, receipt)


@pytest.mark.parametrize("kind", list(EffectKind))
async def test_a_payload_of_another_form_is_an_error(desk: Desk, kind: EffectKind) -> None:
    """Nothing is written."""
    with pytest.raises(SerializationError):
        await desk.backend().deliver(desk.effect(kind, {"text": 1}))

    assert desk.writes() == 0


async def test_effects_of_many_kinds_are_found_together(desk: Desk) -> None:
    """Each by what it is, and what does not stand is left out."""
    made = [
        desk.review(body="Found."),
        desk.effect(EffectKind.SUMMARY, {"body": "All."}),
        labels(desk, add=["x"], remove=[]),
        issue(desk),
        report(desk),
        commit(desk),
    ]
    backend = desk.backend()
    receipts = await settle(backend, made)

    found = await backend.find_effects([*reversed(made), desk.review(body="?", name="no")])

    assert {one.key: one.external_id for one in found} == {
        one.key: one.external_id for one in receipts
    }
