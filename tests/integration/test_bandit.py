"""The analyzer `bandit`, with the real tool in its sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tool_changes import analysis_of, fates, rules

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.analyzer.bandit import BanditAnalyzer, BanditSettings
from codeflow_engine.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def test_a_finding_has_the_tool_s_words_and_the_place_of_the_file(sandbox: Sandbox) -> None:
    """Words, severity and confidence are bandit's; columns are counted in characters."""
    asked = analysis_of({"pkg/a.py": b'\xc3\xa9 = "\xc3\xa9"; eval(\xc3\xa9)\n'})

    report = await BanditAnalyzer().analyze(asked, sandbox)

    assert report.findings == (
        RawFinding(
            rule="B307",
            severity=Severity.MEDIUM,
            category=Category.SECURITY,
            title="Eval",
            message="Use of possibly insecure function - consider using safer ast.literal_eval.",
            path="pkg/a.py",
            line=1,
            end_line=1,
            column=10,
            end_column=17,
        ),
    )
    assert report.examined == asked.units


async def test_a_file_that_bandit_cannot_parse_is_not_clean(sandbox: Sandbox) -> None:
    """What the tool skips fails with its reason; the files beside it are examined."""
    asked = analysis_of(
        {
            "a.py": b"eval(x)\n",
            "broken.py": b"x = (\n",
            "deep.py": b"x = " + b"(" * 3000 + b")" * 3000 + b"\n",
            "chain.py": b"x = " + b"-" * 100_000 + b"1\n",
            "stub.pyi": b"eval(x)\n",
            "nul.py": b"x = 1\0\n",
        }
    )

    report = await BanditAnalyzer().analyze(asked, sandbox)

    told = fates(asked, report)
    assert told.pop("chain.py").startswith("failed: bandit gave up on it: ")
    gave_up = "failed: bandit gave up on it: syntax error while parsing AST from file"
    assert told == {
        "a.py": "examined",
        "broken.py": gave_up,
        "deep.py": gave_up,
        "stub.pyi": "declined: a stub, in which nothing runs",
        "nul.py": "failed: it holds a NUL byte, so it is no text",
    }
    assert rules(report) == [("a.py", "B307", 1)]


async def test_suppressions_of_the_author_are_not_obeyed(sandbox: Sandbox) -> None:
    """`# nosec` silences nothing unless the host says so."""
    asked = analysis_of({"a.py": b"eval(x)  # nosec\n"})

    heard = await BanditAnalyzer().analyze(asked, sandbox)
    kept = await BanditAnalyzer(BanditSettings(honour_suppressions=True)).analyze(asked, sandbox)

    assert rules(heard) == [("a.py", "B307", 1)]
    assert kept.findings == ()


async def test_a_password_is_not_quoted(sandbox: Sandbox) -> None:
    """Bandit puts the value into its message; it does not come through."""
    asked = analysis_of({"a.py": b"password = 'xyzzy-plugh'\nf(password='xyzzy-plugh')\n"})

    report = await BanditAnalyzer(BanditSettings(ignore=())).analyze(asked, sandbox)

    assert [one.rule for one in report.findings] == ["B105", "B106"]
    assert "plugh" not in repr(report.findings)


async def test_tests_can_be_chosen(sandbox: Sandbox) -> None:
    """Only what is selected is told, without what is ignored; `assert` is ignored by default."""
    asked = analysis_of({"a.py": b"import pickle\nassert x\neval(x)\nexec(x)\n"})

    default = await BanditAnalyzer().analyze(asked, sandbox)
    chosen = await BanditAnalyzer(BanditSettings(select=("B101", "B102"), ignore=())).analyze(
        asked, sandbox
    )

    assert [one.rule for one in default.findings] == ["B403", "B307", "B102"]
    assert [one.rule for one in chosen.findings] == ["B101", "B102"]


@pytest.mark.parametrize(
    "wrong", [{"select": ("--ini",)}, {"ignore": ("x",)}, {"select": ("B101",)}], ids=str
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, tuple[str, ...]]) -> None:
    """A setting never becomes an option of the tool; nothing is both chosen and left out."""
    with pytest.raises(ConfigurationError):
        BanditSettings(**wrong)


async def test_lines_are_those_that_git_counts(sandbox: Sandbox) -> None:
    """Behind a lone carriage return, a mark of order or a form feed the line stays true."""
    texts = {
        "cr.py": b"x = 1\ry = 2\neval(x)\n",
        "crlf.py": b"x = 1\r\neval(x)\r\n",
        "mark.py": b"\xef\xbb\xbfx = 1\neval(x)\n",
        "feed.py": b"x = 1\n\x0ceval(x)\n",
        "latin.py": b"# coding: latin-1\neval('\xe9')\n",
        "separator.py": "x = '\u2028'\neval(x)\n".encode(),
        "long.py": b"f(\n    1,\n)\neval(\n    x,\n)\n",
    }
    asked = analysis_of(texts)

    report = await BanditAnalyzer().analyze(asked, sandbox)

    shown = {file.path: file for file in asked.change.diff.files}
    lines = {one.path: shown[one.path].line_at(Side.NEW, one.line or 0) for one in report.findings}
    assert lines.keys() == texts.keys()
    assert all(line is not None and "eval(" in line.text for line in lines.values())
    assert [(one.line, one.end_line) for one in report.findings if one.path == "long.py"] == [
        (4, 6)
    ]
