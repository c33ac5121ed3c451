"""What the scan for secrets tells of, and how."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from analyzer_patches import (
    ALPHANUMERIC,
    GITHUB,
    KEY_LINES,
    NPM,
    PRIVATE_KEY,
    by_unit,
    change,
    growth,
    made_up,
    marked,
    new_file,
    rules,
    scanned,
)

from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.domain.finding import Severity
from codeflow_engine.providers.analyzer.checks import secret_words
from codeflow_engine.providers.analyzer.checks.secrets import scan
from codeflow_engine.redaction import RULES

PASSWORD = made_up("", 14, ALPHANUMERIC) + "7!"


def test_a_secret_in_an_added_line_is_told_of_with_its_place() -> None:
    """The finding's line and columns mark the secret and nothing else."""
    text = change("app.py", [" a = 1", f"+token = '{GITHUB}'", " b = 2"])

    (finding,) = scanned(scan, text)

    assert (finding.rule, finding.severity) == ("github-token", Severity.CRITICAL)
    assert (finding.path, finding.side, finding.line, finding.end_line) == (
        "app.py",
        Side.NEW,
        2,
        2,
    )
    assert marked(text, finding) == GITHUB
    assert "Revoke" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        new_file("app.py", f"token = '{GITHUB}'", f"password = '{PASSWORD}'", *PRIVATE_KEY),
        change("app.py", [f"-token = '{GITHUB}'", *(f"-{line}" for line in PRIVATE_KEY), "+x"]),
        new_file("app.py", f"url = 'postgres://root:{PASSWORD}@db/x'"),
    ],
)
def test_s33_no_field_of_a_finding_holds_a_secret(text: str) -> None:
    """Neither title nor message nor quote repeats a value, whole or in part."""
    findings = scanned(scan, text)

    told = repr([astuple(finding) for finding in findings])
    assert findings
    for value in (GITHUB, PASSWORD, *KEY_LINES):
        assert value not in told
        assert value[4:16] not in told
    assert {finding.quote for finding in findings} == {None}


def test_a_secret_in_a_context_line_is_no_business_of_the_change() -> None:
    """Only lines that the change touches raise findings."""
    text = change("app.py", [f" token = '{GITHUB}'", "+a = 1"])

    assert scanned(scan, text) == []


def test_a_private_key_over_several_lines_is_one_finding() -> None:
    """A block of lines is told of once, from its first line to its last."""
    text = new_file("id.pem", "intro", *PRIVATE_KEY)

    (finding,) = scanned(scan, text)

    assert (finding.rule, finding.severity) == ("private-key", Severity.CRITICAL)
    assert (finding.line, finding.end_line) == (3, 5)
    assert marked(text, finding) == KEY_LINES[0]


def test_context_lines_are_read_for_the_secrets_that_begin_in_them() -> None:
    """A key's header may stay while its body changes."""
    head, *body, end = PRIVATE_KEY
    text = change("id.pem", [f" {head}", *(f"+{line}" for line in body), f" {end}"])

    (finding,) = scanned(scan, text)

    assert (finding.line, finding.end_line) == (2, 4)


def test_two_secrets_in_neighbouring_lines_are_two_findings() -> None:
    """Only kinds that may span lines are put together."""
    other = made_up("ghp_", 37)[:40].swapcase().replace("GHP", "ghp")

    findings = scanned(scan, new_file("app.py", f"a = '{GITHUB}'", f"b = '{other}'"))

    assert [(finding.rule, finding.line) for finding in findings] == [
        ("github-token", 1),
        ("github-token", 2),
    ]


def test_two_keys_with_a_line_between_them_are_two_findings() -> None:
    """A block ends where its lines end."""
    findings = scanned(scan, new_file("id.pem", *PRIVATE_KEY, *PRIVATE_KEY))

    assert [(finding.line, finding.end_line) for finding in findings] == [(2, 4), (7, 9)]


def test_a_removed_secret_is_told_of_on_the_old_side() -> None:
    """What is removed stays in the history, and has to be revoked."""
    text = change("app.py", [" a = 1", f"-token = '{GITHUB}'", "+token = load()"])

    (finding,) = scanned(scan, text)

    assert (finding.rule, finding.severity) == (secret_words.REMOVED, Severity.LOW)
    assert (finding.side, finding.line) == (Side.OLD, 2)
    assert marked(text, finding) == GITHUB
    assert "history" in finding.title


def test_a_removed_secret_of_a_renamed_file_names_the_old_path() -> None:
    """A finding on the old side has the path of the old side."""
    text = change("new.py", [f"-token = '{GITHUB}'", "+token = load()"], old_path="old.py")

    (finding,) = scanned(scan, text)

    assert finding.path == "old.py"


def test_a_secret_that_only_moves_is_told_of_once() -> None:
    """What is removed here and added there is told of where it is added."""
    text = change("a.py", [f"-token = '{GITHUB}'", "+x"]) + new_file("b.py", f"t = '{GITHUB}'")

    findings = scanned(scan, text)

    assert [(finding.rule, finding.path) for finding in findings] == [("github-token", "b.py")]


@pytest.mark.parametrize(
    "text",
    [
        change("app.py", [f"-password = '{PASSWORD}'", "+x"]),
        change("tests/id.pem", [*(f"-{line}" for line in PRIVATE_KEY), "+x"]),
    ],
)
def test_a_removed_guess_is_not_told_of(text: str) -> None:
    """What merely looked like a secret is no reason to go through a history."""
    assert scanned(scan, text) == []


def test_a_removed_private_key_outside_of_tests_is_told_of() -> None:
    """A private key is as lasting as a token that a service issued."""
    findings = scanned(scan, change("id.pem", [*(f"-{line}" for line in PRIVATE_KEY), "+x"]))

    assert rules(findings) == [secret_words.REMOVED]


def test_removed_secrets_can_be_left_out() -> None:
    """The setting `removed` turns the rule off, and nothing else."""
    text = change("app.py", [f"-token = '{GITHUB}'", f"+token = '{NPM}'"])

    assert rules(scanned(scan, text, {"removed": False})) == ["npm-token"]


def test_a_secret_in_a_new_name_is_told_of_once_for_the_file() -> None:
    """A name is looked at once, however many hunks the file has."""
    rows = [f"+{line}" for line in ("a", "b")]
    text = change(f"{GITHUB}.txt", rows, rows, old_path="old.txt")

    (first, second) = by_unit(scan, text)

    assert rules(first[0]) == ["github-token"]
    assert first[0][0].line is None
    assert second == ([], None)


def test_a_name_that_stays_is_not_told_of() -> None:
    """Only a name that the change gives is its business."""
    assert scanned(scan, change(f"{GITHUB}.txt", ["+a"])) == []


@pytest.mark.parametrize(
    "text",
    [
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n",
        (
            "diff --git a/x.png b/x.png\nindex 1111111..2222222 100644\n"
            "Binary files a/x.png and b/x.png differ\n"
        ),
        "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n",
        change("gone.py", ["-a"]),
    ],
)
def test_every_kind_of_entry_is_examined(text: str) -> None:
    """An entry without hunks is examined by its name."""
    assert by_unit(scan, text) == [([], None)]


def test_a_renamed_entry_without_hunks_is_examined_by_its_name() -> None:
    """A secret in the name of a pure rename is found."""
    text = f"diff --git a/x b/{GITHUB}\nsimilarity index 100%\nrename from x\nrename to {GITHUB}\n"

    assert rules(scanned(scan, text)) == ["github-token"]


def test_what_a_diff_does_not_show_is_declined_with_its_reason() -> None:
    """A combined diff has no sides to look at, so nobody may believe that it was."""
    text = "diff --cc a.py\nindex 1111111,2222222..3333333\n--- a/a.py\n+++ b/a.py\n"
    text += f"@@@ -1,1 -1,1 +1,2 @@@\n  x\n++t = '{GITHUB}'\n"

    ((findings, declined),) = by_unit(scan, text)

    assert findings == []
    assert declined == Diff.parse(text).files[0].unsupported


def test_only_the_units_asked_for_are_looked_at() -> None:
    """A unit that policy excludes is neither examined nor in the way of others."""
    diff = Diff.parse(
        change("a.py", ["+x"], [f"+t = '{GITHUB}'"]) + new_file("b.py", f"t = '{NPM}'")
    )
    asked = (Unit(file=0, hunk=1), Unit(file=1, hunk=0))

    results = [(one.unit, rules(list(one.findings))) for one in scan(diff, asked, {})]

    assert results == [(asked[0], ["github-token"]), (asked[1], ["npm-token"])]


def test_what_anybody_can_make_weighs_little_in_a_test() -> None:
    """Tests make their own keys and passwords, but nobody makes a token of GitHub's."""
    own, issued = (
        scanned(scan, new_file("tests/data.py", *lines))
        for lines in (PRIVATE_KEY, [f"t = '{GITHUB}'"])
    )

    assert (own[0].severity, own[0].confidence) == (Severity.LOW, 0.475)
    assert issued[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("key = 'sk-your-key-goes-here-0000000000000000'", None),
        (f"key = '{made_up('sk-ant-', 40)}'", Severity.HIGH),
        (f"password = '{PASSWORD}'", Severity.MEDIUM),
        (
            f"dsn = 'https://{made_up('', 32, '0123456789abcdef')}@o1.ingest.example/1'",
            Severity.LOW,
        ),
    ],
)
def test_severity_follows_what_a_secret_opens(line: str, severity: Severity | None) -> None:
    """A key of a service is high, a guess medium, what is public by design low."""
    findings = scanned(scan, new_file("app.py", line))

    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_versions_in_a_lock_file_are_no_secrets_of_their_packages() -> None:
    """In a lock file a name that sounds like a password is a package's."""
    assigned = f'    minipass: "{PASSWORD}"'
    url = f'resolved "https://ci:{PASSWORD}@npm.example.com/x"'

    assert rules(scanned(scan, new_file("yarn.lock", assigned, url))) == ["url-password"]
    assert rules(scanned(scan, new_file("yarn.yaml", assigned))) == ["assigned-secret"]


def test_bytes_that_are_no_text_do_not_hide_a_secret() -> None:
    """Columns count characters, also beside bytes that are no UTF-8."""
    text = new_file("a.txt", "é#" + GITHUB).encode().replace(b"#", b"\xff\xfe ")

    (finding,) = scanned(scan, text)

    assert (finding.column, finding.end_column) == (5, 5 + len(GITHUB))


def test_windows_line_ends_change_nothing() -> None:
    """A carriage return is no part of a secret."""
    text = new_file("app.py", f"t = '{GITHUB}'\r")

    assert marked(text, scanned(scan, text)[0]) == GITHUB


def test_every_kind_that_is_named_here_exists() -> None:
    """The tables of severities name rules that redaction has."""
    named = secret_words._CRITICAL | secret_words._LOW | set(secret_words._GUESSED)

    assert named <= {rule.id for rule in RULES}


def test_s20_time_grows_with_the_length_of_a_line() -> None:
    """One line of four times the length takes about four times as long."""
    line = f"{GITHUB} = 'aGVsbG8gd29ybGQ' + password; "

    assert growth(lambda size: scanned(scan, new_file("a.js", line * size)), 300) < 10


def test_s20_time_grows_with_the_number_of_hunks() -> None:
    """Four times the hunks take about four times as long, with secrets on both sides."""
    hunk = [f"-a = '{GITHUB}'", f"+b = '{NPM}'"]

    assert growth(lambda size: scanned(scan, change("a.js", *[hunk] * size)), 60) < 10
