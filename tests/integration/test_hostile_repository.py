"""The whole engine and the real program on a repository that holds every trick at once.

The controls come first: each shows that plain tools walk into the traps, so that a review
after which no witness stands has proved something.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_repository import CANARIES, VARIABLE, Hostile, build, leaks
from hostile_runs import Listener, codeflow, environment, watch
from hostile_traps import TRAPS

from codeflow_engine import Engine, Review
from codeflow_engine.storage.memory import MemoryStorage

MIB = 1024 * 1024
PEAK = 200 * MIB
"""Most memory of any one process of a review of this repository; it takes about 80 MiB."""

CPU = 40.0
"""Most CPU seconds of such a review; it takes two to four."""


@pytest.fixture
def sprung(tmp_path: Path, listener: Listener) -> Iterator[Hostile]:
    """Build one whose traps may be walked into."""
    place = tmp_path / "sprung"
    place.mkdir()
    made = build(place, port=listener.port)
    yield made
    made.close()


def plain(hostile: Hostile, *words: str, **variables: str) -> bytes:
    """Run plain tools in the repository, as somebody does who does not know better."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(hostile.home), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        words,
        cwd=hostile.repository,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_s23_every_trap_of_git_is_live(sprung: Hostile, listener: Listener) -> None:
    """The control: plain git walks into each trap, and asks the listener for the remote."""
    blob = (sprung.repository / ".git/missing").read_text()
    visits = listener.visits
    for trap, words in TRAPS.items():
        given = [word.format(port=listener.port, missing=blob) for word in words]
        where = {} if trap == "embedded" else {"GIT_WORK_TREE": str(sprung.repository)}
        plain(sprung, "git", *given, **where)

    assert sorted(TRAPS.keys() - set(sprung.witnesses())) == []
    assert listener.visits > visits


def test_s16_every_trap_of_python_is_live(sprung: Hostile) -> None:
    """The control: an interpreter that looks into the checkout runs what lies there."""
    python = sys.executable
    plain(sprung, python, "-m", "codeflow_engine.hosts.cli", "--help")
    plain(sprung, python, "-m", "yaml")
    plain(sprung, python, "-c", "import ast, json")
    plain(sprung, python, "-c", "pass", PYTHONPATH=".")
    plain(sprung, python, "-c", "import site; site.addsitedir('.')")
    collect = ("-m", "pytest", "-c", os.devnull, "--rootdir", ".", "--collect-only", "app.py")
    plain(sprung, python, "-P", *collect)
    plain(sprung, "sh", "-c", "git status; bwrap; ruff", PATH=f".:{os.environ['PATH']}")

    expected = {"codeflow-engine", "yaml", "json", "sitecustomize", "pth", "conftest"}
    assert (
        sorted((expected | {"path-git", "path-bwrap", "path-ruff"}) - set(sprung.witnesses())) == []
    )


def test_s18_every_canary_can_be_reached(sprung: Hostile) -> None:
    """The control: who follows links, unpacks, or asks plain git, brings the canaries out."""
    tree = sprung.repository
    followed = [(tree / name).read_bytes() for name in ("leak.py", "passwd.py", "netrc.py")]
    moved = plain(
        sprung, "git", "-c", "core.fsmonitor=", "diff", "--no-ext-diff", "--text", "HEAD~1"
    )
    asked = plain(sprung, "git", "config", "--list")
    with tarfile.open(tree / "bomb.tar.gz") as tape:
        tape.extractall(sprung.home, filter="fully_trusted")  # noqa: S202 - it is the trap

    assert leaks(*followed) == ["a file of the host", "~/.netrc", "/etc/passwd"]
    assert CANARIES["a file of the host"].encode() in moved
    assert leaks(asked) == ["the address of a remote"]
    assert {"tar", "tar-absolute"} <= set(sprung.witnesses())
    assert leaks(plain(sprung, "cat", ".git/../../home/.git-credentials")) == ["~/.git-credentials"]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "form"),
    [
        ("head", "text"),
        ("worktree", "json"),
        pytest.param("head", "json", marks=pytest.mark.fault),
        pytest.param("worktree", "text", marks=pytest.mark.fault),
    ],
)
def test_s18_s23_the_program_reviews_it_and_nothing_happens(
    hostile: Hostile, listener: Listener, tmp_path: Path, form: str, change: str
) -> None:
    """No trap runs, no canary comes out, nothing changes, and the cost is bounded."""
    words = ["--head", "HEAD"] if change == "head" else ["--base", "main~1", "--head", ":worktree"]
    with hostile.at_home(change == "worktree"), watch(hostile, listener, tmp_path) as seen:
        ran = codeflow(hostile, tmp_path, "review", "--format", form, *words)
        seen(ran.out, ran.err)

    assert (ran.status, ran.err) == (3, b""), "bomb.py cannot be parsed, which is told"
    assert ran.out.decode().replace("\n", "").isprintable()
    assert ran.peak < PEAK
    assert ran.cpu < CPU
    if form == "json":
        check_ledger(json.loads(ran.out), hostile, whole=change == "head")


def check_ledger(review: dict[str, Any], hostile: Hostile, *, whole: bool) -> None:
    """Hold the ledger against what plain git counted in the harmless repository."""
    coverage = review["coverage"]
    paths = {entry["path"] for entry in coverage["entries"]}
    told = {name.decode("utf-8", "surrogateescape") for name in hostile.paths}
    assert coverage["excluded"] == 0, "the policy of the head counts for nothing"
    assert {"app.py", "leak.py", "outside", "lib", ".env", "bomb.zip", "evil.pth"} <= paths
    if whole:
        assert coverage["units"] == len(coverage["entries"]) == hostile.units
        assert len(paths) == len(told)
    else:
        assert {"odd/escape.py", "odd/sparse.bin", "odd/there", "odd/untracked.py"} <= paths
        assert not {"odd/pipe", "odd/zero", "odd/kernel", "odd/socket", "odd/there/app.py"} & paths
    assert review["outcome"] == "partial"
    missed = {entry["path"] for entry in coverage["entries"] if entry["state"] != "reviewed"}
    assert missed == {"bomb.py"}
    found = {(one["path"], one["rule"], one["line"]) for one in review["findings"]}
    assert ("app.py", "secrets/github-token", 6) in found, "no text of the change hides it"


def test_s18_s23_s33_the_engine_reviews_it_and_nothing_happens(
    hostile: Hostile,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same holds in a host's process, for its log, its storage and every event."""
    for name, value in environment(hostile, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(hostile.repository)
    storage = MemoryStorage()
    caplog.set_level(logging.DEBUG)

    with watch(hostile, listener, tmp_path) as seen:
        with Engine(storage=storage) as engine:
            run = engine.submit("review", {"change": Path(), "head": "HEAD"})
            events = [repr(event) for event in run.events()]
            review: Review = run.result()
        kept = [repr(vars(records)) for records in storage._tenants.values()]
        seen(repr(review), str(review), json.dumps(review.to_json()), *events, caplog.text, *kept)

    assert any("app.py" in text for text in kept)
    assert len(review.coverage.entries) == hostile.units
    assert os.environ[VARIABLE] == CANARIES["a variable of the environment"]
    check_ledger(review.to_json(), hostile, whole=True)


def test_s23_a_working_tree_elsewhere_and_a_hostile_policy_stop_the_program(
    hostile: Hostile, listener: Listener, tmp_path: Path
) -> None:
    """What cannot be reviewed honestly ends with 2 and one line, and never as a clean review."""
    with watch(hostile, listener, tmp_path) as seen:
        elsewhere = codeflow(hostile, tmp_path, "review")
        embedded = codeflow(
            hostile,
            tmp_path,
            "review",
            cwd=hostile.repository / "embedded",
            PATH=os.environ["PATH"],
        )
        partial = codeflow(hostile, tmp_path, "review", "--head", "partial")
        seen(*(part for one in (elsewhere, embedded, partial) for part in (one.out, one.err)))
    with hostile.at_home(), watch(hostile, listener, tmp_path) as seen:
        policy = codeflow(hostile, tmp_path, "review")
        seen(policy.out, policy.err)

    for one, told in (
        (elsewhere, b"that setting is never followed"),
        (embedded, b"looks like a bare repository inside"),
        (partial, b"objects are never fetched here"),
        (policy, b"not a valid RepositoryPolicy"),
    ):
        assert (one.status, one.out) == (2, b"")
        assert told in one.err
        assert one.err.count(b"\n") == 1
