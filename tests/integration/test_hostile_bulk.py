"""Much of everything: the smaller forms, which run each time; `tests/faults` has the large.

Time is CPU time and memory the largest process's, with ceilings that an honest change of
the same size keeps by a wide margin, and that what is quadratic, or read whole, does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from git_trees import Tree, run_git

from codeflow_engine import Engine, Review
from codeflow_engine.errors import CodeflowError, ConfigurationError
from measured import Ran, measure, program

MIB = 1024 * 1024


def review(room: Path, repository: Path, *words: str, **variables: str) -> Ran:
    """Run the program on a repository, and measure it."""
    (room / "tmp").mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(room), "TMPDIR": str(room / "tmp"), **variables}
    given: list[str | Path] = [program(), "review", str(repository), "--format", "json", *words]
    ran = measure(given, cwd=room, env=env)
    assert list((room / "tmp").iterdir()) == []
    return ran


def imported(place: Path, rows: list[tuple[bytes, bytes]]) -> Tree:
    """Make a repository with an empty commit, and one that adds files."""
    tree = Tree.make(place)
    who = b"committer A <a@example.org> 1700000000 +0000\ndata 1\nx\n"
    parts = [b"commit refs/heads/main\nmark :1\n%scommit refs/heads/main\n%sfrom :1\n" % (who, who)]
    for name, content in rows:
        parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(content), content))
    run_git(place, "fast-import", "--quiet", stdin=b"".join(parts))
    return tree


@pytest.mark.fault
def test_s20_a_line_of_two_megabytes_and_4_000_hunks(tmp_path: Path) -> None:
    """Both are reviewed to the last unit, in memory and time that their size explains."""
    tree = Tree.make(tmp_path / "repository")
    rows = [f"{number}\n" for number in range(32_000)]
    tree.commit({"hunks.txt": "".join(rows), "line.js": "x"}, "First")
    changed = [f"n{row}" if number % 8 == 3 else row for number, row in enumerate(rows)]
    tree.commit({"hunks.txt": "".join(changed), "line.js": "y" * 2 * MIB}, "Second")

    ran = review(tmp_path, tree.path, "--head", "HEAD")

    made: dict[str, Any] = json.loads(ran.out)
    assert (made["outcome"], ran.err) == ("reviewed", b"")
    assert made["coverage"]["units"] == 4_001
    assert ran.peak < 400 * MIB
    assert ran.cpu < 60


@pytest.mark.fault
def test_s20_3_000_files(tmp_path: Path) -> None:
    """Every file of a wide change has its entry."""
    rows = [(b"%d/%d.py" % (number % 50, number), b"x = %d\n" % number) for number in range(3_000)]
    tree = imported(tmp_path / "repository", rows)

    ran = review(tmp_path, tree.path, "--head", "HEAD", "--analyzer", "secrets")

    made = json.loads(ran.out)
    assert (ran.status, made["outcome"], made["coverage"]["units"]) == (0, "reviewed", 3_000)
    assert ran.peak < 300 * MIB
    assert ran.cpu < 20


def test_s20_a_path_of_2_000_directories(tmp_path: Path) -> None:
    """No walk recurses: what is deep in the objects and on no disk is reviewed."""
    deep = b"/".join([b"d"] * 2_000) + b"/x.py"
    tree = imported(tmp_path / "repository", [(deep, b"x = 1\n")])

    with Engine(analyzers=["secrets", "hygiene"]) as engine:
        made = engine.review(tree.path, head="HEAD")

    assert [entry.path.count("/") for entry in made.coverage.entries] == [2_000]
    assert made.outcome.value == "reviewed"


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system with holes")
def test_s19_sparse_files_and_links_to_devices_are_not_read_to_their_end(tmp_path: Path) -> None:
    """A terabyte of nothing is one entry, as are links to files that never end."""
    tree = Tree.make(tmp_path / "repository")
    tree.commit({"a.py": "a = 1\n"}, "First")
    with (tree.path / "sparse.bin").open("wb") as sparse:
        sparse.truncate(1 << 40)
    for name, target in {
        "zero.py": "/dev/zero",
        "core.py": "/proc/kcore",
        "a.py": "/dev/urandom",
    }.items():
        tree.link(name, target)

    ran = review(tmp_path, tree.path, "--analyzer", "secrets", "--analyzer", "hygiene")

    made = json.loads(ran.out)
    assert ran.status in {0, 1}
    paths = {entry["path"] for entry in made["coverage"]["entries"]}
    assert paths == {"sparse.bin", "zero.py", "core.py", "a.py"}
    assert ran.peak < 200 * MIB
    assert ran.cpu < 10


def test_s19_more_untracked_files_than_allowed_are_an_error(tmp_path: Path) -> None:
    """A tree that somebody has flooded is not walked to its end, nor told to be clean."""
    tree = Tree.make(tmp_path / "repository")
    tree.commit({"a.py": "a = 1\n"}, "First")
    for number in range(10_001):
        (tree.path / f"n{number}").touch()

    with (
        Engine(analyzers=[]) as engine,
        pytest.raises(CodeflowError, match="more than 10000 untracked files"),
    ):
        engine.review(tree.path)


def bomb(kind: str) -> bytes:
    """Give a patch that is made to be expensive, or to be believed."""
    head = b"--- a/a.py\n+++ b/a.py\n"
    return {
        "long line": head + b"@@ -1 +1 @@\n-x\n+" + b"y" * 20 * MIB + b"\n",
        "many hunks": head
        + b"".join(b"@@ -%d +%d @@\n-x\n+y\n" % (n, n) for n in range(1, 80_000, 4)),
        "many files": b"".join(
            b"--- a/%d\n+++ b/%d\n@@ -1 +1 @@\n-x\n+y\n" % (n, n) for n in range(10_000)
        ),
        "huge numbers": head + b"@@ -1,%s +1 @@\n-x\n+y\n" % (b"9" * 4_000),
        "a lying count": head + b"@@ -1,999999999 +1,999999999 @@\n x\n",
        "quoted names": b'diff --git "a/' + b"\\303" * 100_000 + b'" "b/x"\n',
        "many blanks": head + b"@@ -1 +1 @@\n-x\n+" + b" \t" * 500_000 + b"\n",
        "octopus": b"diff --cc a.py\nindex 1,2..3\n"
        + head
        + b"@" * 100_000
        + b" -1 +1 "
        + b"@" * 100_000,
    }[kind]


SIZES = ("long line", "many hunks", "many files", "many blanks")
LIES = ("huge numbers", "a lying count", "quoted names", "octopus")


@pytest.mark.fault
@pytest.mark.parametrize("kind", SIZES)
def test_s20_a_large_patch_is_reviewed_whole(kind: str) -> None:
    """The number of units is that of the patch, whatever it costs to look for secrets."""
    patch = bomb(kind)
    expected = max(1, patch.count(b"\n@@ "))
    began = time.process_time()

    with Engine(analyzers=["secrets"]) as engine:
        made: Review = engine.review(patch)

    assert len(made.coverage.entries) == expected
    assert made.outcome.value in {"reviewed", "failed"}
    assert all(entry.reason for entry in made.coverage.entries if entry.state != "reviewed")
    assert time.process_time() - began < 60


@pytest.mark.parametrize("kind", LIES)
def test_s20_a_patch_that_lies_is_an_error_in_a_moment(kind: str) -> None:
    """Numbers and names that cannot be are refused, in bounded words, and never guessed at."""
    began = time.process_time()

    with Engine(analyzers=["secrets"]) as engine, pytest.raises(CodeflowError) as caught:
        engine.review(bomb(kind))

    assert len(caught.value.message) < 2_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize("opening", ['{"a":', "["], ids=["objects", "lists"])
def test_s20_a_stored_review_that_is_deep_is_refused(opening: str) -> None:
    """A hundred thousand levels of JSON are an error of its form, and no crash."""
    text = opening * 100_000
    code = (
        "import json, sys\nfrom codeflow_engine import Review\n"
        "from codeflow_engine.errors import SerializationError\n"
        "value = 1\nfor _ in range(100_000): value = {'a': value} if sys.argv[1] else [value]\n"
        "try: Review.from_json({'schema': 1, 'findings': value})\n"
        "except SerializationError as error: print('refused', len(str(error)) < 2000)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "1" if opening.startswith("{") else ""],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "refused True\n", "")
    with Engine(analyzers=[]) as engine, pytest.raises((CodeflowError, ConfigurationError)):
        engine.review(text + "\n")
