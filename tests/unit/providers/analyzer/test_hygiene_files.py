"""What the scan for hygiene tells of a file as a whole."""

from __future__ import annotations

import pytest
from analyzer_patches import by_unit, change, new_file, rules, scanned

from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.domain.finding import Severity
from codeflow_engine.providers.analyzer.checks.hygiene import scan

MODE = "diff --git a/{0} b/{0}\nold mode 100644\nnew mode 100755\n"


def binary(path: str, *, mode: str = "100644", literal: int | None = None) -> str:
    """Write the diff of a binary file that is added."""
    head = f"diff --git a/{path} b/{path}\nnew file mode {mode}\nindex 0000000..1111111\n"
    if literal is None:
        return f"{head}Binary files /dev/null and b/{path} differ\n"
    return f"{head}GIT binary patch\nliteral {literal}\nzcmV-m\n\nliteral 0\nHcmV?d00001\n\n"


def link(path: str, target: str) -> str:
    """Write the diff of a symbolic link that is added."""
    return new_file(path, target, mode="120000") + "\\ No newline at end of file\n"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("docs/a\u202ecod.exe", "hidden-character-in-name"),
        ("a\u200b.py", "hidden-character-in-name"),
        ('"a\\033b.py"', "hidden-character-in-name"),
        ("src/p\u0430ypal/a.py", "confusable-file-name"),
    ],
)
def test_s4_a_name_that_deceives_is_told_of(path: str, rule: str) -> None:
    """What hides in a line hides in a name as well."""
    if path.startswith('"'):
        text = (
            f'diff --git "a/{path[1:]} "b/{path[1:]}\nnew file mode 100644\n'
            f'index 0000000..1111111\n--- /dev/null\n+++ "b/{path[1:]}\n@@ -0,0 +1 @@\n+x\n'
        )
    else:
        text = new_file(path, "x")

    (finding,) = scanned(scan, text)

    assert (finding.rule, finding.severity, finding.line) == (rule, Severity.HIGH, None)
    assert finding.path == Diff.parse(text).files[0].path


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "/etc/passwd",
        "a/../../b",
        "C:/x",
        ".git/hooks/pre-commit",
        "sub/.GIT/config",
        "..\\evil",
    ],
)
def test_s9_a_path_that_leads_out_of_the_tree_is_told_of(path: str) -> None:
    """A diff may name any path; whoever applies it ought to know."""
    name = path.replace("\\", "\\\\")
    text = new_file(path, "x") if name == path else None
    if text is None:
        text = (
            f'diff --git "a/{name}" "b/{name}"\nnew file mode 100644\nindex 0000000..1111111\n'
            f'--- /dev/null\n+++ "b/{name}"\n@@ -0,0 +1 @@\n+x\n'
        )

    assert "path-outside-tree" in rules(scanned(scan, text))


@pytest.mark.parametrize("path", ["a..b/c", ".gitignore", ".github/x.yml", "a/b.git/c", "...x"])
def test_paths_that_only_look_odd_are_left_alone(path: str) -> None:
    """Dots in names lead nowhere."""
    assert scanned(scan, new_file(path, "x")) == []


def test_a_name_that_stays_is_not_told_of() -> None:
    """Only a name that the change gives is its business."""
    assert scanned(scan, change("a\u200b.py", ["+x"])) == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a/l", "/etc/passwd"),
        ("a/l", "../../x"),
        ("l", ".."),
        ("a/l", "C:\\x"),
        ("a/l", "\\\\host\\x"),
        ("a/l", "../.git/config"),
    ],
)
def test_s18_a_link_out_of_the_tree_is_told_of(path: str, target: str) -> None:
    """An absolute target, one above the tree, and one in `.git` are found."""
    (finding,) = scanned(scan, link(path, target))

    assert (finding.rule, finding.severity, finding.line) == ("link-outside-tree", Severity.HIGH, 1)
    assert target not in finding.message


@pytest.mark.parametrize(
    ("path", "target"), [("a/l", "../b"), ("l", "a/b"), ("a/b/l", "../../c"), ("l", "a\nb")]
)
def test_s18_a_link_inside_of_the_tree_is_left_alone(path: str, target: str) -> None:
    """A relative link to a neighbour is what links are for."""
    assert scanned(scan, link(path, target.replace("\n", "%"))) == []


def test_s18_a_link_that_is_redirected_is_looked_at() -> None:
    """The new target counts, not the old one."""
    text = (
        "diff --git a/l b/l\nindex 1111111..2222222 120000\n--- a/l\n+++ b/l\n@@ -1 +1 @@\n"
        "-/etc/hosts\n\\ No newline at end of file\n+/etc/shadow\n\\ No newline at end of file\n"
    )

    assert rules(scanned(scan, text)) == ["link-outside-tree"]


def test_a_file_that_becomes_a_link_is_no_script() -> None:
    """A link's content is its target, so that modes and sizes of it mean nothing."""
    assert scanned(scan, link("a/l", "b")) == []


@pytest.mark.parametrize(
    ("path", "mode", "severity"),
    [
        ("lib/a.so", "100644", Severity.MEDIUM),
        ("bin/tool", "100755", Severity.MEDIUM),
        ("tests/a.jar", "100644", Severity.LOW),
        ("data.zip", "100644", Severity.LOW),
    ],
)
def test_a_binary_that_runs_or_unpacks_is_told_of(path: str, mode: str, severity: Severity) -> None:
    """Nobody can read it, and somebody will run it."""
    (finding,) = scanned(scan, binary(path, mode=mode))

    assert (finding.rule, finding.severity) == ("opaque-binary", severity)


@pytest.mark.parametrize("path", ["a.png", "font.woff2", "tests/data.zip", "model.bin"])
def test_ordinary_binaries_are_left_alone(path: str) -> None:
    """Pictures and fonts are looked at elsewhere; a test may bring its archive."""
    assert scanned(scan, binary(path)) == []


def test_a_binary_that_goes_is_left_alone() -> None:
    """What is deleted runs no more."""
    text = (
        "diff --git a/a.so b/a.so\ndeleted file mode 100644\nindex 1111111..0000000\n"
        "Binary files a/a.so and /dev/null differ\n"
    )

    assert scanned(scan, text) == []


def test_a_large_binary_is_told_of_where_the_diff_tells_its_size() -> None:
    """The size stands in a binary patch, and nowhere else."""
    assert rules(scanned(scan, binary("a.png", literal=1_000_001))) == ["large-binary"]
    assert scanned(scan, binary("a.png", literal=1_000_000)) == []
    assert rules(scanned(scan, binary("a.png", literal=11), {"max_binary_bytes": 10})) == [
        "large-binary"
    ]


def test_a_huge_addition_is_told_of() -> None:
    """Lines and bytes have thresholds of their own."""
    lines = new_file("a.py", *["x"] * 11)
    long = new_file("a.py", "x" * 101)

    for text in (lines, long):
        settings = {"max_added_lines": 10, "max_added_bytes": 100}
        assert rules(scanned(scan, text, settings)) == ["huge-addition"]
    assert scanned(scan, lines) == []


def test_only_what_is_added_counts_for_a_huge_addition() -> None:
    """Removed lines, context and headers are no addition; a lock file is what it is."""
    settings = {"max_added_lines": 10, "max_added_bytes": 100}
    text = change("a.py", ["-" + "x" * 200, " " + "y" * 200, "+z"])

    assert scanned(scan, text, settings) == []
    assert scanned(scan, new_file("yarn.lock", *["x"] * 20), settings) == []


@pytest.mark.parametrize(
    "text",
    [
        new_file("a.py", "x = 1", mode="100755"),
        new_file("data", "x = 1", mode="100755"),
        MODE.format("notes.md"),
        MODE.format("a.json"),
    ],
)
def test_an_executable_file_that_is_no_script_is_told_of(text: str) -> None:
    """Without `#!` nothing can start it, or hardly anything of that name is ever started."""
    (finding,) = scanned(scan, text)

    assert (finding.rule, finding.severity) == ("executable-bit", Severity.LOW)


@pytest.mark.parametrize(
    "text",
    [
        new_file("a.py", "#!/usr/bin/env python", mode="100755"),
        new_file("a.bat", "echo", mode="100755"),
        new_file("a.py", "x = 1"),
        MODE.format("a.py"),
        MODE.format("gradlew"),
        "diff --git a/a.md b/a.md\nold mode 100755\nnew mode 100644\n",
        (
            "diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\nindex 1111111..2222222\n"
            "--- a/a.py\n+++ b/a.py\n@@ -9 +9 @@\n-x\n+y\n"
        ),
        (
            "diff --git a/a.md b/a.md\nindex 1111111..2222222 100755\n"
            "--- a/a.md\n+++ b/a.md\n@@ -1 +1 @@\n-x\n+y\n"
        ),
    ],
)
def test_other_modes_are_left_alone(text: str) -> None:
    """A script, a file that may be one, and a bit that was there before are no news."""
    assert scanned(scan, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
        "diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n",
        "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n",
        (
            "diff --git a/m b/m\nindex 1111111..2222222 160000\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n"
            f"-Subproject commit {'1' * 40}\n+Subproject commit {'2' * 40}\n"
        ),
        binary("a.png"),
        link("a/l", "b"),
        change("a.py", ["-x"]),
    ],
)
def test_every_kind_of_entry_is_examined(text: str) -> None:
    """A mode, a rename, an empty file, a submodule, a binary and a link are what they are."""
    assert by_unit(scan, text) == [([], None)]


def test_what_a_diff_does_not_show_is_declined_with_its_reason() -> None:
    """A combined diff is nobody's to judge by its lines."""
    text = "diff --cc a.py\nindex 1111111,2222222..3333333\n--- a/a.py\n+++ b/a.py\n"
    text += "@@@ -1,1 -1,1 +1,2 @@@\n  x\n++breakpoint()\n"

    assert by_unit(scan, text) == [([], Diff.parse(text).files[0].unsupported)]


def test_a_whole_file_is_told_of_once_in_its_first_unit() -> None:
    """What belongs to the file is not repeated for each of its hunks."""
    text = change("p\u0430y.py", ["+a"], ["+b"], old_path="pay.py")

    first, second = by_unit(scan, text)

    assert rules(first[0]) == ["confusable-file-name"]
    assert second == ([], None)


def test_a_whole_file_is_told_of_where_only_a_later_hunk_is_asked_for() -> None:
    """The first unit that is asked for counts, not the first of the file."""
    diff = Diff.parse(change("p\u0430y.py", ["+a"], ["+b"], old_path="pay.py"))
    unit = Unit(file=0, hunk=1)

    (result,) = scan(diff, [unit], {})

    assert rules(list(result.findings)) == ["confusable-file-name"]


def test_checks_of_files_can_be_turned_off() -> None:
    """The switch `files` closes all rooms that look at a file as a whole."""
    text = link("../x", "/etc") + binary("a.so") + MODE.format("a.md")

    assert scanned(scan, text)
    assert scanned(scan, text, {"files": False}) == []


def test_findings_name_the_new_side() -> None:
    """What is told of a file is told of the file as it will be."""
    assert {finding.side for finding in scanned(scan, binary("a.so"))} == {Side.NEW}
