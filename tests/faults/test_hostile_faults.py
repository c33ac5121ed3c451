"""Bulk at full size: a line of 200 MB, 100,000 files, a diff of a gigabyte.

Each review is a process of its own, which is measured: the largest process of it, and the
CPU time of all. The ceilings hold on a machine of two cores with room to spare.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from measured import Ran, measure, program

pytestmark = pytest.mark.fault

MIB = 1024 * 1024


def environment(room: Path) -> dict[str, str]:
    """Give an environment that knows nothing of the machine."""
    for name in ("tmp", "home"):
        (room / name).mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(room / "home"),
        "TMPDIR": str(room / "tmp"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }


def review(room: Path, *words: str, stdin: Path | None = None) -> Ran:
    """Run the program and measure it; nothing may be left where it worked."""
    given: list[str | Path] = [program(), "review", "--format", "json", *words]
    ran = measure(given, cwd=room, env=environment(room), stdin=stdin, seconds=900)
    assert list((room / "tmp").iterdir()) == []
    return ran


def repository(room: Path, *imports: bytes) -> Path:
    """Make a repository from a stream of `git fast-import`."""
    place = room / "repository"
    place.mkdir()
    git(room, "init", "--quiet", "--initial-branch=main", str(place))
    with subprocess.Popen(
        ["git", "-C", str(place), "-c", "core.bigFileThreshold=1m", "fast-import", "--quiet"],
        env=environment(room),
        stdin=subprocess.PIPE,
    ) as importing:
        assert importing.stdin is not None
        for part in imports:
            importing.stdin.write(part)
        importing.stdin.close()
        assert importing.wait() == 0
    return place


def git(room: Path, *words: str) -> None:
    """Run plain git."""
    subprocess.run(["git", *words], env=environment(room), cwd=room, check=True)


WHO = b"committer A <a@example.org> 1700000000 +0000\ndata 1\nx\n"
FIRST = b"commit refs/heads/main\nmark :1\n" + WHO
SECOND = b"commit refs/heads/main\n" + WHO + b"from :1\n"


@pytest.mark.parametrize("where", ["committed", "worktree"])
def test_s20_a_line_of_200_megabytes(tmp_path: Path, where: str) -> None:
    """It is one entry of the ledger, that nothing hides, and is never held in memory."""
    head = b"M 100644 inline line.py\ndata %d\n" % (200 * MIB)
    piece = b"x" * MIB
    place = repository(tmp_path, FIRST, SECOND, head, *[piece] * 200, b"\n")
    words = ["--head", "HEAD"]
    if where == "worktree":
        git(tmp_path, "-C", str(place), "checkout", "--quiet", "-f", "HEAD~1")
        with (place / "line.py").open("wb") as file:
            for _ in range(200):
                file.write(piece)
        words = []

    ran = review(tmp_path, str(place), *words)

    assert ran.err == b""
    assert [(one["path"], one["hunk"]) for one in ran.review["coverage"]["entries"]] == [
        ("line.py", None)
    ]
    assert ran.peak < 500 * MIB
    assert ran.cpu < 60


def test_s20_a_patch_with_a_line_of_200_megabytes(tmp_path: Path) -> None:
    """It is read to its end, where the secret stands."""
    patch = tmp_path / "patch"
    with patch.open("wb") as file:
        file.write(b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+")
        for _ in range(200):
            file.write(b"y" * MIB)
        file.write(b" ghp_" + b"Zq8Lm3Xc7Vb2Nn5Kj9Hg4Fd6Sa1Qw0Er4Ty6" + b"\n")

    ran = review(tmp_path, "--diff", str(patch), "--analyzer", "secrets")

    made = ran.review
    assert (ran.status, made["outcome"], made["coverage"]["units"]) == (1, "reviewed", 1)
    assert [one["rule"] for one in made["findings"]] == ["secrets/github-token"]
    assert len(ran.out) < MIB
    assert ran.peak < 2_500 * MIB
    assert ran.cpu < 300


def test_s20_100_000_files(tmp_path: Path) -> None:
    """Every file has its entry, in memory and time that grow with their number alone."""
    rows = (
        b"M 100644 inline %d/%d/%d.py\ndata 6\nx = 1\n\n" % (n % 100, n // 100 % 100, n)
        for n in range(100_000)
    )
    place = repository(tmp_path, FIRST, SECOND, b"".join(rows))

    ran = review(tmp_path, str(place), "--head", "HEAD", "--analyzer", "secrets")

    made = ran.review
    assert ran.err == b""
    assert (ran.status, made["outcome"]) == (0, "reviewed")
    assert made["coverage"]["units"] == made["change"]["files"] == 100_000
    assert len({entry["path"] for entry in made["coverage"]["entries"]}) == 100_000
    assert ran.peak < 1_500 * MIB
    assert ran.cpu < 300


@pytest.mark.parametrize("how", ["committed", "file", "standard input"])
def test_s20_a_diff_of_a_gigabyte_is_refused(tmp_path: Path, how: str) -> None:
    """Past the cap of 256 MiB there is an error that says so, and no part of a review."""
    line = b"y" * 99 + b"\n"
    piece = line * 150_000  # 15 MB, below the size from which git itself gives up on a file
    if how == "committed":
        parts = [
            part
            for number in range(70)
            for part in (b"M 100644 inline f%d\ndata %d\n" % (number, len(piece)), piece, b"\n")
        ]
        place = repository(tmp_path, FIRST, SECOND, *parts)
        ran = review(tmp_path, str(place), "--head", "HEAD")
    else:
        patch = tmp_path / "patch"
        with patch.open("wb") as file:
            count = 150_000 * 70
            file.write(b"--- a/a\n+++ b/a\n@@ -0,0 +1,%d @@\n" % count)
            added = (b"+" + line) * 150_000
            for _ in range(70):
                file.write(added)
        if how == "file":
            ran = review(tmp_path, "--diff", str(patch))
        else:
            ran = review(tmp_path, "--diff", "-", stdin=patch)

    assert (ran.status, ran.out) == (2, b"")
    assert ran.err.startswith(b"error: ")
    assert ran.err.count(b"\n") == 1
    assert ran.peak < 1_000 * MIB
    assert ran.cpu < 120


def test_s19_100_000_untracked_files_are_refused(tmp_path: Path) -> None:
    """The walk ends at the cap, not at the end of the tree."""
    place = repository(tmp_path, FIRST)
    for number in range(100_000):
        if number % 1_000 == 0:
            (place / f"d{number}").mkdir()
        (place / f"d{number // 1_000 * 1_000}" / f"{number}").touch()

    ran = review(tmp_path, str(place))

    assert (ran.status, ran.out) == (2, b"")
    assert b"more than 10000 untracked files" in ran.err
    assert ran.peak < 200 * MIB
    assert ran.cpu < 20
