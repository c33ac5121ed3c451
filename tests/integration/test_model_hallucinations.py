"""A model makes things up: nothing false is published, and all that is not is counted."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
from collections import Counter

import pytest
from fabulist import Fabulist

from codeflow_engine import AsyncEngine, Engine, Outcome, Review
from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.domain.finding import Finding
from codeflow_engine.review.fuse import fuse
from codeflow_engine.testing.fakes import FakeLLM
from codeflow_engine.workflows import review as workflow
from git_repository import GitRepository
from loop_holds import watching_loop

HELD = 0.05
"""Seconds for which no answer may hold up the loop."""

_TRIES = 3

BASE = {
    "shop/till.py": "".join(
        f"def take_{n}(cart):\n    total = {n}\n    return total\n\n\n" for n in range(12)
    ),
    "shop/old_name.py": "import os\n\n\ndef path():\n    return os.getcwd()\n",
    "shop/gone.py": "def gone():\n    return 1\n",
    "page.js": "function a() {\n  return 1;\n}\n\nfunction b() {\n  return 2;\n}\n",
    "windows.py": "a = 1\r\nb = 2\r\nc = 3\r\n",
    "caf\u00e9.py": "x = 1\n",
    "notes.txt": "one\ntwo\nthree",
}
HEAD = {
    "shop/till.py": BASE["shop/till.py"]
    .replace("total = 3", "total = eval(cart)")
    .replace("    total = 9\n", "    total = 9\n    total = 9\n    total = eval(cart)\n"),
    "shop/new_name.py": "import os\n\n\ndef path():\n    return os.getcwd() + '/'\n",
    "page.js": "function a() {\n  return 1;\n}\n\nfunction b() {\n  return eval('2');\n}\n",
    "windows.py": "a = 1\r\nb = eval('2')\r\nc = 3\r\n",
    "caf\u00e9.py": "x = 1\ny = eval('x')\n",
    "notes.txt": "one\n2\nthree",
    "fresh.py": "def fresh(items):\n    for item in items:\n        eval(item)\n",
}


class GitView:
    """What git itself says of the change."""

    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository
        self.base, self.head = repository.commits
        diff = repository.git("-c", "core.quotepath=off", "diff", "-M", self.base, self.head)
        self.shown: dict[tuple[str, str], set[int]] = {}
        """Lines that the diff shows, by path and side."""

        for file in re.split(r"^diff --git .*\n", diff, flags=re.MULTILINE)[1:]:
            names = re.findall(r"^(?:---|\+\+\+) (?:[ab]/)?(.*?)\t?$", file, re.MULTILINE)[:2]
            for side, name, sign in zip(("old", "new"), names, "-+", strict=True):
                for first, size in re.findall(
                    rf"^@@.* ?\{sign}(\d+)(?:,(\d+))? ", file, re.MULTILINE
                ):
                    rows = range(int(first), int(first) + int(size or 1))
                    self.shown.setdefault((name, side), set()).update(rows)

    def lines(self, path: str, side: str) -> list[str]:
        """Give a file as git stores it, line by line."""
        revision = self.base if side == "old" else self.head
        text = subprocess.run(
            ["git", "cat-file", "blob", f"{revision}:{path}"],
            cwd=self._repository.path,
            check=True,
            capture_output=True,
        ).stdout.decode()
        return text.removesuffix("\n").split("\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """Make a repository in which nothing is done twice."""
    repository = GitRepository(tmp_path_factory.mktemp("made"))
    repository.git("init", "--quiet", "--initial-branch", "main")
    for state in (BASE, HEAD):
        for path in repository.path.glob("**/*"):
            if path.is_file() and ".git" not in path.parts:
                path.unlink()
        for name, text in state.items():
            (repository.path / name).parent.mkdir(exist_ok=True)
            (repository.path / name).write_bytes(text.encode())
        repository.commit({})
    return repository


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _assert_true(finding: Finding, said: dict[str, str], view: GitView) -> None:
    """Assert that a finding stands where git has what was quoted."""
    side = finding.side.value
    assert (finding.path, side) in view.shown or finding.line is None
    if finding.line is None:
        assert not said["quote"].strip()
        return
    last = finding.end_line or finding.line
    rows = view.lines(finding.path, side)[finding.line - 1 : last]
    assert len(rows) == last - finding.line + 1
    assert {*range(finding.line, last + 1)} <= view.shown[finding.path, side]
    there = [_squeezed(row) for row in rows]
    quoted = [_squeezed(row) for row in said["quote"].strip("\n").split("\n")]
    assert all(
        one in row or one.removeprefix("+").strip() in row
        for one, row in zip(quoted, there, strict=False)
    )
    assert finding.evidence is not None
    first = finding.line - finding.evidence.start_line
    shown = finding.evidence.lines[first : first + len(rows)]
    assert [row.rstrip("\r") for row in rows] == [row.rstrip("\r") for row in shown]


def _assert_applies(finding: Finding, view: GitView) -> None:
    """Assert that a suggestion applies to the file as git has it, which then parses."""
    edit = finding.suggestion
    if edit is None:
        return
    rows = view.lines(finding.path, "new")
    assert 1 <= edit.start_line <= edit.end_line <= len(rows)
    assert {*range(edit.start_line, edit.end_line + 1)} <= view.shown[finding.path, "new"]
    new = edit.replacement.split("\n")
    text = "\n".join([*rows[: edit.start_line - 1], *new, *rows[edit.end_line :]])
    assert text != "\n".join(rows)
    assert "[redacted" not in edit.replacement
    assert edit.replacement.isprintable() or set(edit.replacement) & set("\r\n")
    if finding.path.endswith(".py"):
        ast.parse(text)
        assert "evil_package" not in text
        assert edit.verified


def _is_of_edits(reason: str) -> bool:
    return "suggestion" in reason or "replacement" in reason


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=() if n < 3 else pytest.mark.fault) for n in range(40)]
)
def test_nothing_false_is_published_and_everything_is_counted(
    made: GitRepository, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place is in git's own diff, each edit applies and parses, each loss has its reason."""
    model, view = Fabulist(seed), GitView(made)
    before: list[Finding] = []

    def seen(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        before.extend(findings)
        return fuse(findings)

    # What is said twice becomes one finding there, so that what was kept is counted before.
    monkeypatch.setattr(workflow, "fuse", seen)
    with Engine(llm=FakeLLM(model), analyzers=[], plugins_allow=[]) as engine:
        review: Review = engine.review(made.path, base=view.base, head=view.head)

    assert review.outcome is Outcome.REVIEWED
    kept = {one.title: one for one in review.findings}
    assert kept.keys() <= model.said.keys()
    for title, finding in kept.items():
        _assert_true(finding, model.said[title], view)
        _assert_applies(finding, view)
    lost = Counter(review.dropped)
    edits = sum(count for reason, count in lost.items() if _is_of_edits(reason))
    assert len(model.said) + model.empty == len(before) + lost.total() - edits
    wanted = [one for one in model.said.values() if (one["replacement"] or "").strip()]
    offered = [one for one in before if one.suggestion]
    assert len(wanted) == len(offered) + edits
    assert kept
    assert len(lost) > 4


PATCH = "diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,62 @@\n a = 1\n" + (
    "".join(f"+value_{n} = compute({n}, other)\n" for n in range(60)) + " b = 2\n"
)
FINDING = {
    "part": 1,
    "path": "app.py",
    "quote": "value_7 = compute(7, other)",
    "side": "new",
    "severity": "high",
    "category": "security",
    "rule": "r",
    "title": "T",
    "message": "m",
    "confidence": 0.5,
    "replacement": None,
}


def _answer(count: int, **words: object) -> str:
    rows = [{**FINDING, "title": f"T{n}", **words} for n in range(count)]
    return json.dumps({"findings": rows, "examined": [1]})


def _with(**words: object) -> str:
    return json.dumps({"findings": [{**FINDING, **words}], "examined": [1]})


WORD = "word and other "
UNUSABLE = {
    "5 MB of findings": _answer(25_000),
    "5 MB of prose": "It is fine. " * 420_000,
    "5 MB of braces": "{" * 5_000_000,
    "5 MB of one text": _with(message="m" * 5_000_000),
    "5 MB of blanks": " " * 5_000_000,
    "nested deeply": "[" * 900_000,
    "numbers beyond limits": _with(confidence=0).replace('": 0,', f'": {"9" * 5_000},'),
    "no number": _with().replace("0.5", "NaN"),
    "a part that is a text": _with(part="1"),
    "a part that is true": _with(part=True),
    "a part that is a half": _with(part=1.5),
    "no part": _with(part=None),
    "a quote that is a list": _with(quote=["value_7"]),
    "a confidence in words": _with(confidence="high"),
    "a replacement that is an object": _with(replacement={"text": "x"}),
    "a finding that is a text": json.dumps({"findings": ["all bad"], "examined": [1]}),
    "findings that are an object": json.dumps({"findings": {"1": FINDING}, "examined": [1]}),
    "findings that are nothing": json.dumps({"findings": None, "examined": [1]}),
    "examined that is a number": json.dumps({"findings": [], "examined": 1}),
    "examined in words": json.dumps({"findings": [], "examined": ["all"]}),
    "a list": json.dumps([FINDING]),
    "another key": json.dumps({"findings": [], "examined": [1], "approved": True}),
    "the same key twice": '{"findings": [], "examined": [1], "examined": [1]}',
    "two answers": f"{_answer(1)}\n{_answer(1)}",
    "nothing": "",
}
"""Answers that are none."""


async def _review(text: str) -> tuple[Review, float]:
    """Review with a model that always gives an answer; tell for how long that held up the loop.

    A collection of garbage in the process of the tests may hold it up as well, so that the
    least of some tries counts.
    """
    answer = ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="fake", provider="fake")
    held = math.inf
    for _ in range(_TRIES):
        llm = FakeLLM(lambda _: answer)
        async with (
            AsyncEngine(llm=llm, analyzers=[], plugins_allow=[]) as engine,
            watching_loop() as hold,
        ):
            review: Review = await engine.review(PATCH)
        held = min(held, hold.seconds)
        if held < HELD:
            break
    return review, held


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in UNUSABLE.items()])
async def test_an_answer_that_is_none_fails_what_it_was_about(text: str) -> None:
    """No finding of it is used, no unit of it counts as read, and nothing waits for it."""
    await _review(_answer(1))  # what is imported once is no part of it

    review, held = await _review(text)

    assert review.outcome is Outcome.FAILED
    assert review.findings == ()
    assert review.dropped == {}
    reason = review.reason or ""
    assert "did not keep to the form" in reason or "gave an empty answer" in reason
    assert held < HELD


LARGE = {
    "duplicates": (_answer(3_500), 1, 3_400),
    "the very same": (json.dumps({"findings": [FINDING] * 3_700, "examined": [1]}), 1, 3_600),
    "at many places": (_answer(3_500, quote="other"), 0, 3_500),
    "nowhere": (_answer(3_500, quote="nowhere"), 0, 3_500),
    "a long message": (_with(message=WORD * 60_000), 1, 0),
    "a long title": (_with(title=WORD * 60_000), 1, 0),
    "a long rule": (_with(rule=WORD * 60_000), 1, 0),
    "a long path": (_with(path=WORD * 60_000), 0, 1),
    "a long quote": (_with(quote=WORD * 60_000), 0, 1),
    "long quotes": (_answer(90, quote="value_7 = compute(7, other)\n" * 300), 0, 90),
    "a long replacement": (_with(replacement=WORD * 60_000), 1, 1),
    "long replacements": (_answer(90, replacement=f"{WORD}\n" * 600), 1, 90),
    "what nobody sees": (_with(message="\u200b" * 160_000), 1, 0),
}
"""Answers that fill the room that there is: the findings that are kept of each, and the count
of what is dropped."""


@pytest.mark.parametrize(
    ("text", "kept", "dropped"), [pytest.param(*row, id=name) for name, row in LARGE.items()]
)
async def test_a_large_answer_is_cut_to_size_and_counted(
    text: str, kept: int, dropped: int
) -> None:
    """What is too much is counted, what is too long is cut, and the loop goes on beside it."""
    await _review(_answer(1))

    review, held = await _review(text)

    assert review.outcome is Outcome.REVIEWED
    assert len(review.findings) == kept
    assert sum(review.dropped.values()) == dropped
    assert len(json.dumps(review.to_json())) < 400_000
    assert held < HELD


async def test_prose_around_an_answer_is_no_harm() -> None:
    """Words before and after it, or a block of code, leave the finding as it is."""
    for around in ("{}", "Here you are:\n\n{}\n\nAnything else?", "```json\n{}\n```"):
        review, _ = await _review(around.replace("{}", _answer(1)))

        assert [one.line for one in review.findings] == [9]


async def test_a_symbol_that_is_not_there_is_not_in_the_review() -> None:
    """A finding whose quote has one letter changed is dropped, not moved to a line like it."""
    review, _ = await _review(_with(quote="value_7 = compute(7, 0ther)"))

    assert review.findings == ()
    assert review.dropped == {"model: the quote is not in the change": 1}
