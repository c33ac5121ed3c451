"""A patch holds what was proved, git takes it, and whatever it leaves has a reason."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Diff, apply
from codeflow_engine.domain.finding import Category, Finding, Severity, Suggestion
from codeflow_engine.domain.patch import Patch
from codeflow_engine.review.build import Built, build
from codeflow_engine.review.unified import unified
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import Example, ExampleFile

PYTHON = "import os\n\n\ndef f(a):\n    b = a\n    return b\n"
NAMES = st.sampled_from(
    ["a.txt", "dir/b c.txt", 'we"ird\\.txt', "\u00fcber/\u00e4.txt", "t\tab.txt"]
)
ROWS = st.lists(
    st.sampled_from(["", "a", "b", "  c", "\u00e4\u2028", "x" * 9]), min_size=1, max_size=24
)


def mending(
    name: str,
    start: int,
    end: int,
    replacement: str,
    *,
    path: str = "a.py",
    severity: Severity = Severity.LOW,
) -> Finding:
    """Make a finding that has a suggestion."""
    return Finding(
        fingerprint=name,
        path=path,
        line=start,
        severity=severity,
        category=Category.STYLE,
        rule="r/r",
        title="t",
        message="m",
        suggestion=Suggestion(replacement=replacement, start_line=start, end_line=end),
    )


async def built(findings: Sequence[Finding], files: dict[str, bytes]) -> Built:
    """Build a patch over files that a change adds."""
    made = {path: ExampleFile(content=content) for path, content in files.items()}
    change = Example(name="e", base={}, head=made).change()
    told = {
        one.path: FileContent(path=one.path, content=files.get(one.path), mode="100644")
        for one in findings
    }
    return await build(change, findings, told, Sandbox())


def patch_of(made: Built) -> Patch:
    """Wrap what was built."""
    return Patch(run_id="r", target="t", diff=made.diff, edits=made.edits, files=made.files)


def put(root: Path, files: dict[str, bytes]) -> None:
    """Write the files of a tree."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def git_apply(root: Path, diff: str) -> None:
    """Apply a diff by git, away from any configuration."""
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=root,
        input=diff.encode(),
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        check=True,
    )


@st.composite
def edited_files(draw: st.DrawFn) -> tuple[dict[str, bytes], list[Finding]]:
    """Draw files, and edits of them that may overlap."""
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for path in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        rows = draw(ROWS)
        end = draw(st.sampled_from(["\n", "\r\n"]))
        text = end.join(rows) + draw(st.sampled_from([end, ""]))
        lines = text.count("\n") + (not text.endswith("\n") and text != "")
        files[path] = text.encode()
        for _ in range(draw(st.integers(0, 4)) if lines else 0):
            start = draw(st.integers(1, lines))
            last = draw(st.integers(start, min(lines, start + 3)))
            new = "\n".join(draw(st.lists(st.sampled_from(["new", "a", ""]), max_size=3)))
            findings.append(mending(f"f{len(findings)}", start, last, new, path=path))
    return files, findings


@given(drawn=edited_files())
@settings(max_examples=60)
async def test_git_makes_of_the_diff_what_apply_writes(
    drawn: tuple[dict[str, bytes], list[Finding]],
) -> None:
    """Names, ends of lines and a missing last newline are the same, byte for byte."""
    files, findings = drawn
    made = await built(findings, files)
    patch = patch_of(made)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        put(Path(one), files)
        put(Path(other), files)
        patch.apply(one)
        if patch.diff:
            git_apply(Path(other), patch.diff)
        results = [
            {path: (Path(root) / path).read_bytes() for path in files} for root in (one, other)
        ]

    assert results[0] == results[1]
    fixed = {name for edit in patch.edits for name in edit.fingerprints}
    assert fixed | made.left.keys() == {one.fingerprint for one in findings}
    assert not fixed & made.left.keys()
    assert {file.path for file in patch.files} == {edit.path for edit in patch.edits}


@given(drawn=edited_files())
async def test_a_diff_changes_the_lines_of_its_edits_alone(
    drawn: tuple[dict[str, bytes], list[Finding]],
) -> None:
    """The new content is the old one with the lines replaced, in the ends that the file has."""
    files, findings = drawn
    made = await built(findings, files)
    for file in made.files:
        old = files[file.path].decode()
        end = "\r\n" if "\r\n" in old else "\n"
        rows = old.split(end)
        tail = [rows.pop()] if old.endswith(end) else []
        for edit in reversed([one for one in made.edits if one.path == file.path]):
            new = edit.replacement.split("\n") if edit.replacement else []
            rows[edit.start_line - 1 : edit.end_line] = new
        expected = end.join([*rows, *tail]) if rows else ""

        assert file.content.decode() == expected


@pytest.mark.parametrize(
    ("path", "replacement", "reason"),
    [
        ("a.py", "    b = (a", "does not parse"),
        ("a.py", "    import evil_package; b = a", "brings in a package"),
        ("a.py", "    b = a", "changes nothing"),
        ("a.py", "    b = '[redacted:github-token]'", "cannot be written"),
        ("a.py", "    b = '\udc80'", "cannot be written"),
        (".github/workflows/ci.yml", "run: evil", "guards the repository"),
        (".codeflow.toml", "x = 1", "guards the repository"),
    ],
)
async def test_an_edit_that_may_not_be_offered_is_left_with_its_reason(
    path: str, replacement: str, reason: str
) -> None:
    """Nothing of it is in the patch, and what stands beside it is."""
    bad = mending("bad", 5, 5, replacement, path=path)
    good = mending("good", 1, 1, "import sys", path="good.py")

    made = await built([bad, good], {path: PYTHON.encode(), "good.py": PYTHON.encode()})

    assert [*made.left] == ["bad"]
    assert reason in made.left["bad"]
    assert [edit.fingerprints for edit in made.edits] == [("good",)]
    assert "good.py" in made.diff
    assert path not in made.diff.replace("good.py", "")


async def test_of_edits_that_overlap_that_for_the_worst_finding_stays() -> None:
    """The others are left; one that says the same mends its finding, too."""
    findings = [
        mending("small", 5, 6, "    return a"),
        mending("worst", 5, 5, "    b = a + 1", severity=Severity.HIGH),
        mending("same", 5, 5, "    b = a + 1"),
    ]

    made = await built(findings, {"a.py": PYTHON.encode()})

    assert [edit.fingerprints for edit in made.edits] == [("same", "worst")]
    assert made.edits[0].verified
    assert made.left == {"small": "its edit overlaps with that for worst"}


async def test_edits_that_break_a_file_only_together_leave_one() -> None:
    """Each parses alone; the file with both does not, so the one for the worst stays."""
    text = "def f(a):\n    if a:\n        a += 1\n        a += 2\n    return a\n"
    findings = [mending("one", 3, 3, ""), mending("two", 4, 4, "", severity=Severity.HIGH)]
    alone = [await built([one], {"a.py": text.encode()}) for one in findings]

    made = await built(findings, {"a.py": text.encode()})

    assert [len(one.edits) for one in alone] == [1, 1]
    assert [edit.fingerprints for edit in made.edits] == [("two",)]
    assert made.left == {"one": "its edit breaks the file together with the others there"}
    compile(made.files[0].content, "a.py", "exec")


async def test_a_file_that_is_not_as_the_change_shows_it_is_left() -> None:
    """An edit by number of another file would write over lines that nobody looked at."""
    change = Example(name="e", base={}, head={"a.py": ExampleFile.of(PYTHON)}).change()
    other = FileContent(path="a.py", content=b"moved\n" + PYTHON.encode(), mode="100644")

    made = await build(change, [mending("f", 5, 5, "    b = 1")], {"a.py": other}, Sandbox())

    assert (made.diff, made.files) == ("", ())
    assert made.left == {"f": "its file is not the one that was reviewed"}


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (FileContent(path="a.py", reason="too large"), "too large"),
        (FileContent(path="a.py", content=b"/etc/passwd", mode="120000"), "no regular file"),
        (FileContent(path="a.py", content=b"\xff\n", mode="100644"), "UTF-8"),
    ],
)
async def test_what_is_no_text_of_the_tree_is_left(file: FileContent, reason: str) -> None:
    """A link is never written through, and bytes that nobody can read are not edited."""
    change = Example(name="e", base={}, head={"a.py": ExampleFile.of(PYTHON)}).change()

    made = await build(change, [mending("f", 5, 5, "    b = 1")], {"a.py": file}, Sandbox())

    assert made.diff == ""
    assert reason in made.left["f"]


def test_a_diff_that_is_written_here_is_read_here() -> None:
    """Hunks that are near are one, and others are not."""
    text = "".join(f"line {number}\n" for number in range(1, 40))
    edits = [Suggestion(replacement="new", start_line=at, end_line=at) for at in (1, 7, 20, 28, 39)]

    [file] = Diff.parse(unified("a b.txt", text, edits)).files

    assert [(hunk.old_start, hunk.old_lines) for hunk in file.hunks] == [
        (1, 10),
        (17, 7),
        (25, 7),
        (36, 4),
    ]
    assert apply(file, text.encode()).count(b"new\n") == 5


async def test_edits_of_ninety_findings_take_one_look_at_each_file() -> None:
    """Each is tried, also where there are many of them."""
    text = "".join(f"a{number} = {number}\n" for number in range(90))
    findings = [mending(f"f{at}", at + 1, at + 1, f"a{at} = -{at}") for at in range(1, 90)]

    made = await built(findings, {"a.py": text.encode()})

    assert len(made.edits) == 89
    assert all(edit.verified for edit in made.edits)
    assert replace(made, left={}).left == made.left == {}
