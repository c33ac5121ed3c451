from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeflow_engine.domain.patterns import PathGlob, PathPatterns

PARTS = ("a", "b", "ab", "ba", "aab", ".a", "a.b", "x")
TOKENS = ("a", "b", ".", "x", "*", "**", "?", "[ab]", "[!a]", "[^b]", "[]a]", "[a-b]", r"\a", "/")

paths = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join)
globs = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=6).map("".join)
patterns = st.builds(str.__add__, st.sampled_from(("", "", "!", "/")), globs)


def usable(pattern: str) -> bool:
    try:
        PathPatterns([pattern])
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ignoring")
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    return path


def ask_git(repository: Path, texts: list[str], asked: list[str]) -> list[str | None]:
    """Ask git which pattern ignores each path; None where none does."""
    (repository / ".git" / "info" / "exclude").write_text("".join(f"{one}\n" for one in texts))
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "--verbose", "--non-matching", "-z", "--stdin"],
        cwd=repository,
        input="".join(f"{path}\0" for path in asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode in {0, 1}, answer.stderr
    found = answer.stdout.split("\0")[2:-1:4]
    return [pattern if pattern and not pattern.startswith("!") else None for pattern in found]


@given(st.lists(patterns.filter(usable), min_size=1, max_size=4), st.lists(paths, min_size=1))
@settings(max_examples=60)
def test_patterns_mean_what_they_mean_to_git(
    repository: Path, texts: list[str], asked: list[str]
) -> None:
    """For random patterns and paths, git names the same pattern as the one that decides."""
    found = PathPatterns(texts)

    assert [found.find(path) for path in asked] == ask_git(repository, texts, asked)


@pytest.mark.parametrize(
    ("texts", "matched", "unmatched"),
    [
        (["*.lock"], ["a.lock", "x/y/b.lock", ".lock"], ["lock", "a.locked"]),
        (["/a.py"], ["a.py"], ["x/a.py"]),
        (["x/a.py"], ["x/a.py", "x/a.py/b"], ["y/x/a.py"]),
        (["build"], ["build", "build/x", "a/build/x/y"], ["builds", "rebuild/x"]),
        (["build/"], ["build/x", "a/build/x/y"], ["build", "a/build"]),
        (["/build/"], ["build/x"], ["build", "a/build/x"]),
        (["a/**/b/**/c"], ["a/b/c", "a/x/b/y/c/z"], ["a/c", "a/c/b"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b/c"], ["b", "x/a/b"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "b/a/c"]),
        (["**/a/b"], ["a/b", "x/y/a/b"], ["a/x/b"]),
        (["**"], ["a", "a/b"], []),
        (["*/"], ["a/b"], ["a"]),
        (["*"], ["a", ".hidden", "x/.y"], []),
        (["a?c"], ["abc", "a.c"], ["a/c", "ac"]),
        (["[a-c]1"], ["a1", "c1"], ["d1", "A1"]),
        (["[!a-c]1"], ["d1"], ["a1"]),
        (["[]-]x"], ["]x", "-x"], ["ax"]),
        ([r"[\]]x"], ["]x"], ["\\x"]),
        (["[a-]x"], ["-x", "ax"], ["bx"]),
        ([r"\!a", r"\#b", r"c\*"], ["!a", "#b", "c*"], ["a", "b", "cd"]),
        (["a\\ "], ["a "], ["a"]),
        (["é*"], ["été"], ["ete"]),
        (["a\nb"], ["a\nb"], ["a"]),
        (["caf\udce9"], ["caf\udce9"], ["café"]),
        ([".*"], [".env", "x/.git/y"], ["env"]),
        (["a.b"], ["a.b"], ["axb"]),
        (["(a|b)+"], ["(a|b)+"], ["a", "b"]),
        (["[[]", "[&&~~||]y"], ["[", "&y"], ["a"]),
    ],
)
def test_the_forms_of_patterns(texts: list[str], matched: list[str], unmatched: list[str]) -> None:
    """Depth, anchors, directories, `**`, sets, escapes and dot files, as in `.gitignore`."""
    found = PathPatterns(texts)

    assert [path for path in matched if found.find(path) is None] == []
    assert [path for path in unmatched if found.find(path) is not None] == []


@pytest.mark.parametrize(
    ("texts", "path", "by"),
    [
        (["*.py", "!keep.py"], "keep.py", None),
        (["*.py", "!keep.py"], "x/other.py", "*.py"),
        (["!keep.py", "*.py"], "keep.py", "*.py"),
        (["*.py", "!keep.py", "keep.py"], "keep.py", "keep.py"),
        (["dir/*", "!dir/keep"], "dir/keep", None),
        (["dir/*", "!dir/keep"], "dir/keep/x", None),
        (["dir/", "!dir/keep"], "dir/keep", "dir/"),
        (["dir/keep", "!dir/"], "dir/keep", "dir/keep"),
        (["*", "!*/", "!*.py"], "a/b.py", None),
        (["*", "!*/", "!*.py"], "a/b.txt", "*"),
        (["!a"], "a", None),
    ],
)
def test_a_later_pattern_takes_back(texts: list[str], path: str, by: str | None) -> None:
    """The last pattern that matches decides, but not below a directory that is matched."""
    assert PathPatterns(texts).find(path) == by


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "blank"),
        ("  ", "blank"),
        ("# note", "comment"),
        ("a ", "ends in a blank"),
        ("/", "empty part"),
        ("!", "empty part"),
        ("//a", "empty part"),
        ("a//b", "empty part"),
        ("a\\", "ends in a"),
        ("[", "a [ without a ]"),
        ("[a", "a [ without a ]"),
        ("[]", "a [ without a ]"),
        ("[!]", "a [ without a ]"),
        ("[a-", "a [ without a ]"),
        ("[\\", "a [ without a ]"),
        ("[z-a]", "the range from 'z' to 'a' is empty"),
        ("[\x1b-\x00]", r"the range from '\\x1b' to '\\x00' is empty"),
        ("[[:alpha:]]", "named sets"),
    ],
)
def test_a_pattern_that_can_never_match_is_refused(pattern: str, why: str) -> None:
    """Git would ignore it in silence, and its author would think that it works."""
    with pytest.raises(ValueError, match=why.replace("[", r"\[").replace("\\\\[", r"\[")):
        PathPatterns([pattern])


def seconds(pattern: str, path: str) -> float:
    found = PathPatterns([pattern])
    best = 9.0
    for _ in range(7):
        # The time of this thread alone: the machine may be busy with other things.
        began = time.thread_time()
        assert found.find(path) is None
        best = min(best, time.thread_time() - began)
    return best


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("*a*a*a*a*a*a*a*b", "a"),
        ("a*a*a*a*a*a*a*a*b", "a"),
        ("*?*?*?*?*?*?*?*b", "a"),
        ("*[ab]*[ab]*[ab]*x", "a"),
        ("**/a/**/a/**/a/**/b", "a/"),
        ("**/a/a/a/a/a/a/a/a/b", "a/"),
        ("**/*a*a/**/*a*b", "aa/"),
    ],
)
def test_s13_no_path_makes_a_pattern_slow(pattern: str, unit: str) -> None:
    """Four times the length of a hostile path takes some four times as long, not 4**8 times."""
    small, large = 4000, 16000
    short = seconds(pattern, unit * (small // len(unit)) + "z")
    long = seconds(pattern, unit * (large // len(unit)) + "z")

    # Quadratic would be 16 already; the floor keeps the clock's grain out of the ratio.
    assert long / max(short, 0.0005) < 12


@pytest.mark.parametrize(
    ("glob", "matched", "unmatched"),
    [
        ("build", ["build", "a/build"], ["build/x", "builds"]),
        ("/build", ["build"], ["a/build", "build/x"]),
        ("build/**", ["build/x", "build/x/y"], ["build", "a/build/x"]),
        ("a/*.py", ["a/x.py"], ["a/b/x.py", "x.py", "b/a/x.py"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["a/x/b/c"]),
        ("!a", ["!a"], ["a"]),
        ("# a ", ["# a ", "x/# a "], ["# a"]),
    ],
)
def test_a_glob_of_attributes_matches_files_alone(
    glob: str, matched: list[str], unmatched: list[str]
) -> None:
    """Not what is below a directory; and neither `!` nor `#` nor a blank has a meaning."""
    found = PathGlob(glob)

    assert [path for path in matched if not found.matches(path)] == []
    assert [path for path in unmatched if found.matches(path)] == []


@pytest.mark.parametrize("glob", ["", "/", "a/", "[", "a//b", "a\\"])
def test_a_glob_that_matches_no_file_is_refused(glob: str) -> None:
    """Nobody should take it for a rule."""
    with pytest.raises(ValueError, match=" "):
        PathGlob(glob)
