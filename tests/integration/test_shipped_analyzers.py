from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from codeflow_engine import Engine, Outcome, Review, Severity
from codeflow_engine.domain.coverage import UnitState

TOKEN = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
AWS = "AKIA" + "Z7QMWX5TRP3LKD2V"
DATABASE = "postgres://app:" + "s3cr3t-Pa55w0rd" + "@db.example.net/app"
KEY = base64.b64encode(bytes(range(256)) * 2).decode()
PEM = [
    "-----BEGIN RSA PRIVATE " + "KEY-----",
    *(KEY[at : at + 64] for at in range(0, len(KEY), 64)),
    "-----END RSA PRIVATE " + "KEY-----",
]
RLO, ZERO_WIDTH = "\u202e", "\u200b"


@dataclass(frozen=True)
class Case:
    """A new file with one problem, and the rule that tells of it."""

    path: str
    lines: list[str]
    rule: str
    line: int | None


CASES = [
    Case("src/client.py", ["import os", f'TOKEN = "{TOKEN}"'], "secrets/github-token", 2),
    Case("deploy/key.pem", PEM, "secrets/private-key", 2),
    Case("src/merge.py", ["<<<<<<< ours", "a", "=======", "b", ">>>>>>> theirs"],
         "hygiene/conflict-marker", 1),
    Case("src/bidi.py", ["a = 1", f"b = 'x{RLO}y'"], "hygiene/bidi-control", 2),
    Case("src/hidden.py", [f"na{ZERO_WIDTH}me = 1"], "hygiene/invisible-character", 1),
    Case("src/mixed.py", ["p\u0430ssword_check = 1"], "hygiene/confusable-name", 1),
    Case("src/debug.py", ["def f():", "    breakpoint()"], "hygiene/debugger-breakpoint", 2),
    Case("web/app.js", ["function f() {", "  debugger;", "}"], "hygiene/debugger-breakpoint", 2),
    Case("web/app.test.js", ["describe.only('x', () => {});"], "hygiene/focused-test", 1),
]  # fmt: skip

CLEAN = {
    "docs/guide.rst": ["Title", "=======", "", "Some text."],
    "src/plain.py": ["import os", 'token = os.environ["TOKEN"]', "print(token is None)"],
    "conf/sample.env": ["PASSWORD=changeme", "API_KEY=<your-key>"],
    "package-data.json": ['{"integrity": "sha512-' + "A" * 86 + '=="}'],
    "src/greek.py": ['name = "\u03b1\u03b2\u03b3"  # a word of another script'],
}


def new_file(path: str, lines: list[str]) -> str:
    body = "".join(f"+{line}\n" for line in lines)
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n{body}"
    )


def review(patch: str) -> Review:
    with Engine() as engine:
        return engine.review(patch)


@pytest.fixture(scope="module")
def reviewed() -> Review:
    return review("".join(new_file(case.path, case.lines) for case in CASES))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.path}")
def test_each_problem_is_found_at_its_line(reviewed: Review, case: Case) -> None:
    """The rule fires in its file, at the line, and every unit was examined."""
    found = {(one.rule, one.line) for one in reviewed.findings if one.path == case.path}
    assert (case.rule, case.line) in found
    assert reviewed.outcome is Outcome.REVIEWED


def test_the_text_report_draws_a_caret_under_the_redacted_secret(reviewed: Review) -> None:
    """A person sees where the secret stands, and nothing of it."""
    lines = str(reviewed).splitlines()
    at = next(number for number, line in enumerate(lines) if "[redacted:github-token]" in line)
    start = lines[at].index("[redacted:github-token]")
    assert lines[at + 1][start : start + len("[redacted:github-token]")].strip("^") == ""
    assert lines[at + 1].strip("| ^") == ""


def test_ordinary_code_is_silent() -> None:
    """Underlines of headings, environment look-ups, placeholders and digests are no findings."""
    found = review("".join(new_file(path, lines) for path, lines in CLEAN.items()))
    assert [(one.path, one.rule) for one in found.findings] == []
    assert found.outcome is Outcome.REVIEWED


def test_secret_values_never_appear_in_any_form_of_the_review() -> None:
    """Added, removed, in the middle of a key, in a name: no part of eight characters is left."""
    secrets = [TOKEN, AWS, DATABASE.partition("app:")[2].partition("@")[0], KEY[64:128]]
    patch = new_file(
        "a.py", [f'a = "{TOKEN}"', f'aws_access_key_id = "{AWS}"', f'u = "{DATABASE}"']
    )
    patch += new_file("k.txt", PEM)
    patch += (
        f"diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x = '{TOKEN}'\n+x = 1\n"
    )
    found = review(patch)
    assert len(found.findings) >= 4
    told = "\n".join((str(found), repr(found.findings), repr(found.to_json())))
    for secret in secrets:
        pieces = {secret[at : at + 8] for at in range(len(secret) - 7)}
        assert not [piece for piece in pieces if piece in told]


def test_a_secret_on_a_context_line_is_not_reported_as_new() -> None:
    """Only what the change touches raises findings."""
    patch = f"--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n a = '{TOKEN}'\n+b = 2\n c = 3\n"
    assert review(patch).findings == ()


def test_entries_without_hunks_are_examined_as_what_they_are() -> None:
    """Binaries, modes, renames, links and submodules are in the ledger, reviewed by somebody."""
    patch = (
        "diff --git a/run.exe b/run.exe\nnew file mode 100755\nindex 0000000..1111111\n"
        "Binary files /dev/null and b/run.exe differ\n"
        "diff --git a/old.py b/new.py\nsimilarity index 100%\n"
        "rename from old.py\nrename to new.py\n"
        "diff --git a/s.txt b/s.txt\nold mode 100644\nnew mode 100755\n"
        "diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29\n"
        "diff --git a/lib b/lib\nindex 1111111..2222222 160000\n--- a/lib\n+++ b/lib\n"
        "@@ -1 +1 @@\n-Subproject commit 1111111\n+Subproject commit 2222222\n"
        "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/l\n"
        "@@ -0,0 +1 @@\n+../../../etc/passwd\n\\ No newline at end of file\n"
    )
    found = review(patch)
    assert found.coverage.units == 6
    assert {entry.state for entry in found.coverage.entries} == {UnitState.REVIEWED}
    rules = {(one.path, one.rule) for one in found.findings}
    assert ("run.exe", "hygiene/opaque-binary") in rules
    assert ("l", "hygiene/link-outside-tree") in rules


def test_s8_hostile_names_are_shown_escaped() -> None:
    """Escape sequences in a file name reach no terminal."""
    name = r"\033]52;c;eA\007\nb.py"
    patch = (
        f'diff --git "a/{name}" "b/{name}"\nnew file mode 100644\n'
        f'--- /dev/null\n+++ "b/{name}"\n@@ -0,0 +1 @@\n+breakpoint()\n'
    )
    found = review(patch)
    rules = {one.rule for one in found.findings}
    assert rules == {"hygiene/debugger-breakpoint", "hygiene/hidden-character-in-name"}
    assert "\x1b" not in str(found)
    assert "\x07" not in str(found)


def test_severities_follow_the_harm(reviewed: Review) -> None:
    """A live token is worse than a forgotten breakpoint."""
    worst = {one.path: one.severity for one in reversed(reviewed.findings)}
    assert worst["src/client.py"].at_least(Severity.HIGH)
    assert not worst["src/debug.py"].at_least(Severity.HIGH)
