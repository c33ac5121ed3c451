"""Repositories made to run programs: each does under plain git, and none does here.

Each case arms a repository so that a canary fires when the configured program runs. A
control test proves that the canary is live; the test beside it, that a review of the same
repository does not fire it and still tells the truth about the change.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, read, run_git

from codeflow_engine.domain.change import INDEX
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import ChangeUnavailableError


@dataclass(frozen=True)
class Canary:
    """A program that leaves a trace."""

    script: Path
    trace: Path

    @property
    def fired(self) -> bool:
        return self.trace.exists()


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    """Make a program that leaves a trace."""
    canary = Canary(tmp_path / "canary.sh", tmp_path / "fired")
    canary.script.write_text(f"#!/bin/sh\n: > {canary.trace}\n")
    canary.script.chmod(0o755)
    return canary


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with attributes that name drivers, two commits and a change."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.commit({"a.txt": "one\n", "b.txt": "b\n"}, "First")
    tree.write({".gitattributes": "a.txt diff=evil filter=evil\n"})
    tree.commit({"a.txt": "two\n"}, "Second")
    tree.write({"a.txt": "three\n"})
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return made.copy(tmp_path / "repository")


def configure(tree: Tree, values: dict[str, str]) -> None:
    """Set values of the repository's own configuration, without running anything of it."""
    for key, value in values.items():
        run_git(tree.path.parent, "config", "--file", str(tree.path / ".git/config"), key, value)


def arm_hooks(tree: Tree, canary: Canary, folder: str) -> None:
    for name in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
        hook = tree.path / folder / name
        hook.parent.mkdir(exist_ok=True)
        shutil.copy(canary.script, hook)


def arm_hooks_path(tree: Tree, canary: Canary) -> None:
    arm_hooks(tree, canary, "../hooks")
    configure(tree, {"core.hooksPath": str(tree.path.parent / "hooks")})


def arm_signature(tree: Tree, canary: Canary) -> None:
    raw = run_git(tree.path, "cat-file", "commit", "HEAD")
    head, _, message = raw.partition(b"\n\n")
    signature = b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    commit = tree.git(
        *("hash-object", "-t", "commit", "-w", "--stdin"),
        stdin=head + signature + b"\n\n" + message,
    )
    (tree.path / ".git/refs/heads/main").write_text(commit + "\n")
    configure(tree, {"log.showSignature": "true", "gpg.program": str(canary.script)})


def arm_promisor(tree: Tree, canary: Canary) -> None:
    blob = tree.git("rev-parse", "HEAD~1:a.txt")
    (tree.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    configure(
        tree,
        {
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "remote.origin.url": str(tree.path),
            "remote.origin.promisor": "true",
            "remote.origin.uploadpack": str(canary.script),
        },
    )


def arm_instead_of(tree: Tree, canary: Canary) -> None:
    arm_promisor(tree, canary)
    configure(
        tree,
        {
            "remote.origin.uploadpack": "git-upload-pack",
            "remote.origin.url": "https://example.org/x",
            f"url.ext::{canary.script} %S .insteadOf": "https://example.org/",
            "protocol.ext.allow": "always",
        },
    )


def arm_include(tree: Tree, canary: Canary) -> None:
    other = tree.path.parent / "elsewhere"
    other.write_text(f"[core]\n\tfsmonitor = {canary.script}\n")
    configure(tree, {"include.path": str(other)})


def arm_embedded(tree: Tree, canary: Canary) -> None:
    bare = tree.path / "sub"
    tree.git("init", "--quiet", "--bare", "sub")
    (bare / "config").write_text(
        f"[core]\n\trepositoryFormatVersion = 0\n\tworktree = ..\n\tfsmonitor = {canary.script}\n"
    )


def arm_submodule(tree: Tree, canary: Canary) -> None:
    inner = Tree.make(tree.path / "lib")
    inner.commit({"l.py": ""})
    tree.git("add", "lib")
    configure(inner, {"core.fsmonitor": str(canary.script)})


def setting(**values: str) -> Callable[[Tree, Canary], None]:
    """Arm by settings; `{}` stands for the canary, `__` for a dot."""

    def arm(tree: Tree, canary: Canary) -> None:
        configure(
            tree,
            {key.replace("__", "."): value.format(canary.script) for key, value in values.items()},
        )

    return arm


CASES: dict[str, tuple[Callable[[Tree, Canary], None], tuple[str, ...]]] = {
    "fsmonitor": (setting(core__fsmonitor="{}"), ("status",)),
    "diff-external": (setting(diff__external="{}"), ("diff", "HEAD")),
    "diff-driver": (setting(diff__evil__command="{}"), ("diff", "HEAD")),
    "textconv": (setting(diff__evil__textconv="{}"), ("diff", "HEAD")),
    "filter-clean": (setting(filter__evil__clean="{}"), ("diff", "HEAD")),
    "filter-smudge": (setting(filter__evil__smudge="{}"), ("checkout", "--", "a.txt")),
    "filter-process": (setting(filter__evil__process="{}"), ("diff", "HEAD")),
    "hooks-path": (arm_hooks_path, ("commit", "-am", "x")),
    "hooks": (lambda tree, canary: arm_hooks(tree, canary, ".git/hooks"), ("commit", "-am", "x")),
    "ssh-command": (
        setting(core__sshCommand="{}", remote__origin__url="ssh://example.org/x"),
        ("fetch",),
    ),
    "git-proxy": (
        setting(core__gitProxy="{}", remote__origin__url="git://example.org/x"),
        ("fetch",),
    ),
    "signature": (arm_signature, ("log", "-1")),
    "promisor": (arm_promisor, ("diff", "HEAD~1", "HEAD")),
    "instead-of": (arm_instead_of, ("diff", "HEAD~1", "HEAD")),
    "include": (arm_include, ("status",)),
    "embedded-bare": (arm_embedded, ("-C", "sub", "status")),
    "submodule": (arm_submodule, ("status",)),
}
INCOMPLETE = {"promisor", "instead-of"}


@pytest.mark.parametrize("case", CASES)
def test_the_canary_is_live(tree: Tree, canary: Canary, case: str) -> None:
    """Plain git runs the program, so that the test below it can fail."""
    arm, command = CASES[case]
    arm(tree, canary)
    canary.trace.unlink(missing_ok=True)

    tree.git(*command, check=False)

    assert canary.fired


@pytest.mark.parametrize("case", CASES)
async def test_s23_nothing_that_is_configured_runs(tree: Tree, canary: Canary, case: str) -> None:
    """No kind of request runs a configured program, and each tells what has changed."""
    arm, _ = CASES[case]
    arm(tree, canary)
    tree.write({"staged.txt": "staged\n"})
    run_git(tree.path, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=", "add", "staged.txt")
    canary.trace.unlink(missing_ok=True)
    extra = {"submodule": {"lib"}, "embedded-bare": {"sub/HEAD", "sub/config"}}.get(case, set())

    worktree = await fetch(tree.path)
    index = await fetch(tree.path, head=INDEX)
    files = await read(worktree, "b.txt", "staged.txt")
    old = await read(worktree, "a.txt", side=Side.OLD)
    if case in INCOMPLETE:
        for base, head in (("HEAD~1", "HEAD"), (None, "HEAD")):
            with pytest.raises(ChangeUnavailableError, match="objects are never fetched here"):
                await fetch(tree.path, base, head)
    else:
        assert b"+two\n" in (await fetch(tree.path, head="HEAD")).diff.render()
        assert paths(await fetch(tree.path, "HEAD~1", "HEAD"))["a.txt"] == "modified"

    assert not canary.fired
    found = paths(worktree)
    assert found["a.txt"] == "modified"
    assert {"staged.txt", *extra} <= set(found)
    assert paths(index)["staged.txt"] == "added"
    assert (files["b.txt"].content, files["staged.txt"].content) == (b"b\n", b"staged\n")
    assert old["a.txt"].content == b"two\n"
    assert not canary.fired


async def test_s23_a_bare_repository_inside_a_tree_is_not_reviewed_instead(
    tree: Tree, canary: Canary
) -> None:
    """A change cannot bring along a repository that is reviewed in its own place."""
    arm_embedded(tree, canary)

    with pytest.raises(ChangeUnavailableError, match="looks like a bare repository inside"):
        await fetch(tree.path / "sub")
    assert (await fetch(tree.path / "sub" / "refs")).target == str(tree.path)
    with pytest.raises(ChangeUnavailableError, match="has no commits yet"):
        await fetch(tree.path / "sub", head="HEAD", trusted=[tree.path / "sub"])
    assert not canary.fired


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_EXTERNAL_DIFF": "{}"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": "{}"},
        {"GIT_CONFIG_PARAMETERS": "'core.fsmonitor'='{}'"},
    ],
)
async def test_s23_the_environment_of_the_host_does_not_reach_git(
    tree: Tree, canary: Canary, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Variables that make plain git run a program, or look elsewhere, have no effect."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(canary.script))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")

    assert paths(await fetch(tree.path)) == {"a.txt": "modified"}
    assert not canary.fired


async def test_s21_a_ref_that_is_an_option(tree: Tree, tmp_path: Path) -> None:
    """A branch named like an option is a branch; plain git takes it for the option."""
    name = f"--output={tmp_path / 'written'}".replace("/", "-")
    for ref in (name, "-p", "--upload-pack=touch"):
        tree.git("update-ref", f"refs/heads/{ref}", "HEAD~1")
    tree.git("diff", name, check=False)
    written = tree.path / name.removeprefix("--output=")
    assert written.exists(), "the control: plain git wrote a file"
    written.unlink()

    for ref in (name, "-p", "--upload-pack=touch"):
        assert (await fetch(tree.path, head=ref)).title == "First"
        assert (await fetch(tree.path, base=ref, head="HEAD")).title == "Second"
    assert not written.exists()


@pytest.mark.parametrize("revision", ["--output={}", "--upload-pack={}", "-O{}", "--all", "-h"])
async def test_s21_a_revision_that_is_an_option(tree: Tree, canary: Canary, revision: str) -> None:
    """What is no revision is an error, whatever it would mean as an option."""
    text = revision.format(canary.trace)
    for base, head in ((text, None), (None, text), (text, text)):
        with pytest.raises(ChangeUnavailableError, match="has no commit"):
            await fetch(tree.path, base, head)
    assert not canary.fired


async def test_s24_a_token_in_a_remote_appears_nowhere(tree: Tree) -> None:
    """Addresses of remotes are never part of a change or of an error."""
    token = "t0ken"  # noqa: S105 - it stands for one
    configure(tree, {"remote.origin.url": f"https://u:{token}@example.org/x"})
    change = await fetch(tree.path)
    blob = tree.git("rev-parse", "HEAD~1:a.txt")
    (tree.path / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(ChangeUnavailableError) as caught:
        await fetch(tree.path, head="HEAD")

    assert token not in repr((change, change.diff.render(), caught.value))


async def test_s22_a_remote_is_never_contacted(tree: Tree, canary: Canary) -> None:
    """Also where every protocol is allowed, a missing object is an error at once."""
    arm_promisor(tree, canary)
    configure(tree, {"protocol.allow": "always", "remote.origin.url": f"ext::{canary.script}"})

    with pytest.raises(ChangeUnavailableError, match="clone is partial"):
        await fetch(tree.path, head="HEAD")
    assert not canary.fired
