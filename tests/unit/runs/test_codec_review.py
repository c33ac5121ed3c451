from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from codec_values import same

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.bodies import decode as decode_body
from codeflow_engine.domain.bodies import encode as encode_body
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.discussion import Person
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.finding import Category, FindingState, RawFinding, Severity, Suggestion
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Timing
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.plugins.dispatch import HookDispatch, Modified
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.fuse import fuse
from codeflow_engine.review.identify import Memory, Seen, identify
from codeflow_engine.review.judge import Verdict, judge
from codeflow_engine.review.overhear import remarks
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy
from codeflow_engine.review.settle import settle
from codeflow_engine.review.verify import verify
from codeflow_engine.runs.codec import decode, encode, returned
from codeflow_engine.workflows import discussing, fetching, review, showing
from talks import remark

NOW = datetime(2026, 11, 2, 12, 30, 1, 5, tzinfo=UTC)
DATA = (
    b"a mail\n--- a/app.py\n+++ b/app.py\n@@ -1 +1,3 @@\n x = 1\n+y = 2\n+z = 3\r\n"
    b"--- a/l\xff.py\n+++ b/l\xff.py\n@@ -1 +1,2 @@\n x = 1\n+caf\xe9\n"
    b"--- a/old/gone.py\n+++ b/old/gone.py\n@@ -1 +1,2 @@\n x = 1\n+y\n"
    b"Binary files a/p.bin and b/p.bin differ\n"
)


def raw(path: str, line: int, **more: Any) -> RawFinding:
    return RawFinding(
        rule="rule",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        title="A title \ud800",
        message="{} and \0",
        path=path,
        line=line,
        **more,
    )


def stages() -> dict[str, tuple[Callable[..., Any], Any]]:
    """Take a change through all stages; give for each step its function and its value."""
    change = Change(
        provider="git", target="/r", base="b" * 40, head=":worktree", key="k", diff=Diff.parse(DATA)
    )
    policy = RepositoryPolicy(exclude=("old/",))
    assert not policy.excluded_by("app.py")  # what it has worked out is no part of it
    parts = partition(change, policy)
    odd = change.diff.files[1].path
    mend = Suggestion(replacement="y = 3", start_line=2, end_line=2)
    found = (raw("app.py", 2, suggestion=mend, confidence=1), raw("app.py", 99), raw(odd, 2))
    report = SourceReport(
        source="a",
        reads_files=True,
        findings=found,
        reported=3,
        examined=frozenset(parts.to_review[:1]),
        declined=((parts.to_review[1], "not mine"),),
        failed=tuple((unit, "crashed") for unit in parts.to_review[2:]),
    )
    whole = {"app.py": b"x = 1\ny = 2\nz = 3\r\n", odd: b"\xff"}
    anchored = anchor(change, parts.to_review, (report,), Redactor(), whole)
    verified = verify(change, anchored.findings)
    fused = fuse(verified.findings)
    modified = Modified(findings=fused[:1], dropped={"dropped by plugin p": 1}, added=0)
    seen = Seen(
        findings=fused,
        traits=anchored.traits,
        partition=parts,
        reports=(report,),
        unheard=anchored.unheard,
    )
    first = identify(change, seen, Memory(), Redactor(), run_id="r1", now=NOW)
    memory = Memory(known=first.known, dismissals=(dismissal(first.findings[0].fingerprint),))
    identified = identify(change, seen, memory, Redactor(), run_id="r2", now=NOW)
    assert FindingState.DISMISSED in {finding.state for finding in identified.findings}
    said = remark("Wrong \ud800\0", author=Person(login="b", is_bot=True), end_line=3)
    verdict = Verdict(
        findings=identified.findings,
        dropped=anchored.dropped,
        isolation="none",
        timing=Timing(started_at=NOW, seconds=0.123),
    )
    judged = judge("r2", change, (parts, (report,)), verdict, Redactor())
    return {
        "fetch": (fetching.fetch, change),
        "discuss": (discussing._discuss, remarks([said], ["b"])),
        "policy": (fetching.read_policy_of, policy),
        "exclude": (showing.look_for_unshown, {odd: "generated: '*.py'"}),
        "surround": (showing._surround, ((parts.to_review[0], "def f():\n"),)),
        "partition": (partition, parts),
        "analyze": (review._analyze_one, report),
        "gather": (review._gather, whole),
        "anchor": (anchor, anchored),
        "verify": (verify, verified),
        "prove": (review._prove, verified),
        "fuse": (fuse, fused),
        "modify": (HookDispatch.modify_findings, modified),
        "measure": (review._measure, ("none", Timing(started_at=NOW, seconds=0.123))),
        "recall": (review._recall, stored(memory)),
        "identify": (review._identify, identified),
        "judge": (judge, judged),
        "settle": (settle, None),
        "save": (Storage.put_reviews, None),
    }


def dismissal(fingerprint: str) -> Dismissal:
    return Dismissal(
        fingerprint=fingerprint,
        scope=DismissalScope.TENANT,
        reason="known",
        author="me",
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def stored(memory: Memory) -> Memory:
    """Give what is known in the form that it has when a storage has read it."""
    bodies = [("known", encode_body("known", one)) for one in memory.known]
    words = [("dismissal", encode_body("dismissal", one)) for one in memory.dismissals]
    return Memory(
        known=tuple(decode_body(KnownFinding, bodies)),
        dismissals=tuple(decode_body(Dismissal, words)),
    )


STAGES = stages()


def steps_of_the_review() -> set[str]:
    """Read which steps the workflow asks for."""
    calls = [
        node
        for module in (review, discussing)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
    ]
    steps = [call for call in calls if ast.unparse(call.func) == "run.step"]
    return {ast.literal_eval(call.args[0]) for call in steps}


@pytest.mark.parametrize("name", STAGES)
def test_the_value_of_a_step_of_a_review_comes_back(name: str) -> None:
    """What each step returns is kept by the annotation of its function, whole and exact."""
    function, value = STAGES[name]
    kind = returned(function)

    data = encode(value, kind)

    assert same(decode(kind, data), value)


def test_no_step_of_a_review_is_left_out() -> None:
    """Each step that the workflow asks for has its value above."""
    assert steps_of_the_review() <= STAGES.keys()


def test_a_step_without_files_returns_none() -> None:
    """The narrow scope gathers nothing, which is another value than an empty dict."""
    kind = returned(review._gather)

    assert decode(kind, encode(None, kind)) is None
    assert decode(kind, encode({}, kind)) == {}
