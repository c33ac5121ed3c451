"""Names of revisions, targets and policies as an attacker would choose them, end to end."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from git_trees import Tree, run_git
from hostile_repository import CANARIES, TOKEN, Hostile
from hostile_runs import Listener, codeflow, environment, watch

from codeflow_engine import Engine
from codeflow_engine.errors import CodeflowError, ConfigurationError

_COMMANDS = {
    *("cat-file", "check-attr", "diff-tree", "ls-tree", "merge-base", "rev-list", "rev-parse"),
}
"""What git is asked to do with commits; nothing of it reads a name as anything but an object."""

STARS = "*a" * 8 + "b"


def test_s21_s24_git_gets_full_ids_and_an_environment_of_ours(
    hostile: Hostile, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name, token, variable or setting of host or repository reaches a process of git."""
    notes, spy = tmp_path / "notes", tmp_path / "spy"
    spy.write_text(
        '#!/bin/sh\n{ printf "argument %s\\n" "$@"; echo "at $PWD"; env | sed "s/^/variable /"; }'
        f' >> {notes}\nexec git "$@"\n'
    )
    spy.chmod(0o755)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[plugins.git]\ngit = "{spy}"\n')
    for name, value in environment(hostile, tmp_path).items():
        monkeypatch.setenv(name, value)
    asked = [{"head": head} for head in ("--output=x", "-p", f"leak-{TOKEN}", "\u202egnp")]
    asked += [{"base": "main~1"}, {"base": "--output=x"}]
    with (
        watch(hostile, listener, tmp_path) as seen,
        Engine(settings_file=settings, analyzers=["secrets"]) as engine,
    ):
        for one in asked:
            seen(str(engine.review(hostile.repository, **one)))
        seen(notes.read_bytes())

    lines = notes.read_text().splitlines()
    words = {line.removeprefix("argument ") for line in lines if line.startswith("argument ")}
    named = {word for word in words if not re.fullmatch(r"\^?[0-9a-f]{40}|--|--?[a-z].*", word)}
    variables = {line.split("=")[0] for line in lines if line.startswith("variable ")}
    objects = str(hostile.repository / ".git/objects")
    told = {line for line in lines if str(hostile.place) in line}
    assert words >= {"--no-ext-diff", "--no-textconv", "--end-of-options"}
    assert told == {f"variable GIT_ALTERNATE_OBJECT_DIRECTORIES={objects}"}
    assert not {f"variable {name}" for name in ("ACME_API_KEY", "XDG_STATE_HOME")} & variables
    assert "variable HOME=" + str(hostile.home) not in lines
    assert {"diff-tree", "cat-file"} <= named
    assert named <= {*_COMMANDS, ".codeflow.toml"}
    assert not {"--output=x", "-p", f"leak-{TOKEN}", "--upload-pack=touch"} & (words - {"-p"})


@pytest.mark.parametrize(
    "revision",
    [
        *("--output={}", "--upload-pack={}", "-O{}", "--all", "-h", "--exec={}", "--"),
        *("HEAD^{{/canary}}", ":/.*", "HEAD:leak.py", ":app.py", "main..HEAD", "^main", "main~9"),
        *("HEAD\n--output={}", "$(touch {})", "`touch {}`", "refs/../../host/secret.py"),
        *("../../../host/secret.py", "a" * 100_000, "HEAD" + "^" * 5_000, "\x1b]52;c;aGk=\x07"),
    ],
    ids=lambda text: ascii(text[:12]),
)
@pytest.mark.parametrize("end", ["base", "head"])
def test_s21_what_is_no_revision_is_an_error(
    hostile: Hostile, listener: Listener, tmp_path: Path, revision: str, end: str
) -> None:
    """It names what it got, in bounded words, and does nothing of what it would mean to git."""
    text = revision.format(tmp_path / "written")
    other = {"head": "HEAD"} if end == "base" else {}
    with watch(hostile, listener, tmp_path) as seen, Engine(analyzers=[]) as engine:
        with pytest.raises(CodeflowError) as caught:
            engine.review(hostile.repository, **{end: text}, **other)
        seen(caught.value.message)

    assert len(caught.value.message) < 1_000
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    "target",
    [
        *("ext::sh -c touch% {}", "fd::17", "ssh://-oProxyCommand=touch%20{}/x", "file://{}"),
        *("http://127.0.0.1:{port}/x", "https://127.0.0.1:{port}/x", "git://127.0.0.1:{port}/x"),
        *("git@127.0.0.1:x", "-oProxyCommand=touch {}", "--upload-pack=touch {}", "\0", "//host/x"),
        *("127.0.0.1:{port}/x", "acme/shop#42", "../../..#1", "a" * 5_000),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_s22_an_address_is_never_contacted(
    hostile: Hostile, listener: Listener, tmp_path: Path, target: str
) -> None:
    """What is reviewed is a directory or a patch: everything else is an error."""
    text = target.format(tmp_path / "written", port=listener.port)
    with watch(hostile, listener, tmp_path) as seen, Engine(analyzers=[]) as engine:
        with pytest.raises(CodeflowError) as caught:
            engine.review(text)
        seen(caught.value.message)

    assert len(caught.value.message) < 10_000
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("head", [pytest.param("HEAD", marks=pytest.mark.fault), "partial"])
def test_s24_a_token_of_a_remote_is_told_to_nobody(
    hostile: Hostile, listener: Listener, tmp_path: Path, head: str
) -> None:
    """Neither a report nor an error, not even about the remote's own objects, holds it."""
    token = CANARIES["the address of a remote"]
    assert token in (hostile.repository / ".git/config").read_text()
    with watch(hostile, listener, tmp_path) as seen:
        words = ("--analyzer", "secrets", "--head", head, "--format", "json")
        ran = codeflow(hostile, tmp_path, "review", *words)
        seen(ran.out, ran.err)
    assert ran.status in {1, 2}


def commit_policy(tree: Tree, content: bytes) -> str:
    """Put a policy into a base revision, and a change upon it; give the change's id."""
    blob = tree.git("hash-object", "-w", "--stdin", stdin=content)
    secret = tree.git("hash-object", "-w", "--stdin", stdin=f"KEY = '{TOKEN}'\n".encode())
    row = f"100644 blob {blob}\t.codeflow.toml\n"
    old = tree.git("mktree", stdin=row.encode())
    new = tree.git("mktree", stdin=f"{row}100644 blob {secret}\tkey.py\n".encode())
    base = tree.git("commit-tree", old, "-m", "Base")
    return tree.git("commit-tree", new, "-p", base, "-m", "Head")


POLICIES = {
    "privileges": (b'exclude = []\nplugins = ["evil"]\n', "Unexpected keyword"),
    "endpoint": (b'base_url = "http://127.0.0.1/"\n', "Unexpected keyword"),
    "unknown tables": (b"[git]\ngit = '/bin/sh'\n", "Unexpected keyword"),
    "a megabyte": (b"# " + b"x" * 1_000_000, "larger than 65536 bytes"),
    "eleven megabytes": (b"# " + b"x" * 11_000_000, ".codeflow.toml"),
    "deep key": (b"a" + b".a" * 30_000 + b" = 1\n", "key of over 8 parts"),
    "deep value": (b"exclude = " + b"[" * 30_000 + b"]" * 30_000, "is not TOML"),
    "many stars": (f'exclude = ["{"*a" * 100}b"]\n'.encode(), "8 stars"),
    "many patterns": (b"exclude = [" + b'"a",' * 5_000 + b"]\n", "more than 500"),
    "no text": (b"\xff\xfe\x00", "is not TOML"),
    "wrong kind": (b"exclude = 1\n", "exclude"),
    "control characters": (b'"\\u001b[31m\\n" = 1\n', "Unexpected keyword"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_s13_a_hostile_policy_at_the_base_stops_the_review(tmp_path: Path, name: str) -> None:
    """It is refused in a moment with one line that says why; nothing is guessed."""
    content, told = POLICIES[name]
    tree = Tree.make(tmp_path / "repository")
    head = commit_policy(tree, content)
    began = time.thread_time()

    with Engine(analyzers=["secrets"]) as engine, pytest.raises(ConfigurationError) as caught:
        engine.review(tree.path, head=head)

    assert told in caught.value.message
    assert len(caught.value.message) < 1_000
    assert caught.value.message.isprintable()
    assert time.thread_time() - began < 5


def test_s13_a_policy_with_the_worst_patterns_is_quick(tmp_path: Path) -> None:
    """500 patterns full of stars meet a long name in a moment, and hide what they name alone."""
    patterns = [f"{STARS}{number}" for number in range(499)]
    tree = Tree.make(tmp_path / "repository")
    head = commit_policy(tree, f"exclude = {json.dumps([*patterns, 'vendor/'])}\n".encode())
    long = b"/".join([b"a" * 250] * 14)
    blob = tree.git("rev-parse", f"{head}:key.py")
    stream = b"".join(
        b"M 100644 %s %s%s\n" % (blob.encode(), long, name) for name in (b"1", b"2", b"3")
    )
    commit = (
        b"commit refs/heads/x\ncommitter A <a@example.org> 1700000000 +0000\ndata 1\nx\n"
        b"from %s\n%sM 100644 %s vendor/x.py\n" % (head.encode(), stream, blob.encode())
    )
    run_git(tree.path, "fast-import", "--quiet", stdin=commit)

    began = time.process_time()
    with Engine(analyzers=["secrets"]) as engine:
        review = engine.review(tree.path, head="x")

    states = {entry.path[:6]: entry.state.value for entry in review.coverage.entries}
    assert states == {"aaaaaa": "reviewed", "vendor": "excluded"}
    assert time.process_time() - began < 10


def test_s13_nothing_at_the_head_or_in_the_directory_steers_a_review(
    hostile: Hostile, listener: Listener, tmp_path: Path
) -> None:
    """`.env`, settings and policies of the change are files under review, and nothing else."""
    with watch(hostile, listener, tmp_path) as seen:
        words = ("review", "--head", "HEAD", "--analyzer", "secrets", "--format", "json")
        ran = codeflow(hostile, tmp_path, *words)
        seen(ran.out, ran.err)
        obeyed = codeflow(hostile, tmp_path, *words[:3], CODEFLOW_STORAGE="evil")
        named = codeflow(hostile, tmp_path, *words[:3], "--settings", "settings.toml")

    made = json.loads(ran.out)
    assert made["isolation"] != "none" or not os.path.exists("/usr/bin/bwrap")  # noqa: PTH110 - asked once
    assert made["coverage"]["excluded"] == 0
    assert {".env", ".codeflow.toml", "settings.toml"} <= {
        entry["path"] for entry in made["coverage"]["entries"]
    }
    assert (obeyed.status, named.status) == (2, 2), "the control: where they count, they steer"
