from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind, Plan
from codeflow_engine.domain.patch import Patch, PatchedFile
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.publish.commits import plan_patch
from markdown_reader import active

HEAD = "1" * 40


def file(path: str = "a.py", content: bytes = b"x\xff\n", mode: str = "100644") -> PatchedFile:
    return PatchedFile(path=path, mode=mode, before="0" * 64, content=content)


def patch(**fields: Any) -> Patch:
    given = {"files": (file(), file("run.sh", mode="100755")), "fixed": ("f00df00d", "beefbeef")}
    return Patch(**{"run_id": "r1", "target": "o/r#1", "revision": HEAD, **given, **fields})


def planned(made: Patch, **given: Any) -> Plan:
    return plan_patch(made, provider="github", target="o/r#1", **given)


def commit(made: Patch, **given: Any) -> Effect:
    (effect,) = planned(made, **given).effects
    return effect


def test_a_patch_becomes_one_commit_on_its_head() -> None:
    """With whole files, byte for byte, and their modes."""
    made = planned(patch())
    (effect,) = made.effects

    assert (made.provider, made.target, made.head, made.run_id) == ("github", "o/r#1", HEAD, "r1")
    assert (effect.kind, effect.head, effect.payload["base"]) == (EffectKind.COMMIT, HEAD, HEAD)
    files = effect.payload["files"]
    assert [(one["path"], one["mode"]) for one in files] == [
        ("a.py", "100644"),
        ("run.sh", "100755"),
    ]
    assert b64decode(files[0]["content"]) == b"x\xff\n"
    assert json.loads(json.dumps(effect.payload)) == effect.payload


def test_the_message_counts_and_names_fingerprints_alone() -> None:
    """A host closes issues, tells people and skips its checks by the words of messages."""
    hostile = "fixes #1 @all [skip ci].py"
    made = commit(patch(files=(file(hostile),), fixed=("f00df00d", hostile, "beefbeef")))

    message = made.payload["message"]
    assert message == (
        "Fix 3 findings in 1 file\n\nCodeflow-Finding: beefbeef\nCodeflow-Finding: f00df00d\n"
    )
    assert active(message.replace("f00df00d", "").replace("beefbeef", "")) == []


def test_the_branch_hangs_on_what_is_committed() -> None:
    """The same fix goes to the same branch in any run, and another one to another."""
    one, again = commit(patch()), commit(patch(run_id="r2", fixed=("f00df00d",)))
    other = commit(patch(files=(file(content=b"y"),)))

    assert one.payload["branch"].startswith("codeflow/fix-")
    assert len(one.payload["branch"]) == len("codeflow/fix-") + 12
    assert (one.key, one.payload["branch"]) == (again.key, again.payload["branch"])
    assert one.key != other.key
    assert one.payload["branch"] != other.payload["branch"]


def test_a_branch_can_be_named() -> None:
    """Then it is another effect: the commit stands elsewhere."""
    made = commit(patch(), branch="ann/fix")

    assert made.payload["branch"] == "ann/fix"
    assert made.key != commit(patch()).key


@pytest.mark.parametrize(
    "branch",
    [
        *("", "-x", "/x", "x/", "a//b", "a..b", "a b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b"),
        *(
            "a\\b",
            "a\x00b",
            "a\nb",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a.lock/b",
            "@",
            "a@{b",
            "x" * 201,
        ),
    ],
    ids=repr,
)
def test_s21_a_branch_is_a_name_that_git_takes(branch: str) -> None:
    """And nothing that a program could take for something else."""
    with pytest.raises(ConfigurationError, match="git takes no branch"):
        commit(patch(), branch=branch)


@pytest.mark.parametrize("revision", [None, ":worktree", ":index", "main"])
def test_a_patch_of_no_commit_has_no_plan(revision: str | None) -> None:
    """Nothing on a host is the working tree of somebody."""
    with pytest.raises(ConfigurationError, match="stands on no host"):
        commit(patch(revision=revision))


def test_a_patch_of_another_head_has_no_plan() -> None:
    """What it was verified against is not what it would be committed to."""
    with pytest.raises(ConfigurationError, match="was made for 111111111111, and not for 2222"):
        commit(patch(), head="2" * 40)
    assert commit(patch(), head=HEAD) == commit(patch())


def test_an_empty_patch_has_no_plan() -> None:
    """There is nothing to commit."""
    with pytest.raises(ConfigurationError, match="nothing to commit"):
        commit(patch(files=()))


def test_a_name_that_is_no_text_has_no_plan() -> None:
    """A host takes paths as JSON."""
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        commit(patch(files=(replace(file(), path="l\udcff.py"),)))
