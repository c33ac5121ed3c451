"""The program that parses, seen from inside."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from codeflow_engine.review.parsing import child, python, trees
from codeflow_engine.review.parsing.languages import GRAMMARS, language_of
from codeflow_engine.review.parsing.scope import MOST_SCOPES, Scope

PYTHON = """\
class A:
    if x:
        @one
        async def f(
            a,
        ):
            pass
    else:
        def g(): return 1
    try:
        pass
    except E:
        match x:
            case 1:
                def h():
                    '''Text.'''
"""


def told(*tasks: list[Any]) -> list[Any]:
    """Give the program's answers to some tasks."""
    out = io.BytesIO()
    child.answer(io.BytesIO(b"".join(json.dumps(task).encode() + b"\n" for task in tasks)), out, 0)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_task_gets_an_answer_on_its_line() -> None:
    """Scopes are lists of numbers, judgements are true or false, and null is for the rest."""
    assert told(
        ["python", PYTHON, "scopes", [[9, 9], [1, 16]]],
        ["python", "x = (", "scopes", [[1, 1]]],
        ["python", "x = (", "edits", [[1, 1, "x = 1"]]],
        [
            "python",
            "x = 1",
            "edits",
            [[1, 1, "x = 2"], [1, 1, "x = ("], [1, 1, "-" * 100_000 + "1"]],
        ],
        ["go", "package a", "edits", [[1, 1, "package b"]]],
        ["swift", "x", "edits", [[1, 1, "y"]]],
    ) == [
        [[[1, 1, 16, False], [9, 9, 9, True]], [[1, 1, 16, False]]],
        None,
        None,
        [True, False, None],
        [True],
        None,
    ]


def test_after_some_time_no_task_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are left have no answer, and those before have theirs."""
    monkeypatch.setattr(child, "_ALL", -1)

    assert told(["python", "x = 1", "scopes", [[1, 1]]]) == []


def test_scopes_of_python_lie_in_any_block() -> None:
    """Decorators and the whole signature belong to the head."""
    scopes = python.scopes(PYTHON, [(7, 7), (9, 9), (16, 16), (11, 11)])

    shop = Scope(1, 1, 16, is_function=False)
    assert scopes == [
        [shop, Scope(3, 6, 7, is_function=True)],
        [shop, Scope(9, 9, 9, is_function=True)],
        [shop, Scope(15, 15, 16, is_function=True)],
        [shop],
    ]


def test_the_innermost_scopes_are_told() -> None:
    """Of more than eight that enclose a line, the outer ones are left out."""
    code = "".join(f"{' ' * n}def f{n}():\n" for n in range(10)) + " " * 10 + "pass\n"
    scripts = "function f() {\n" * 10 + "a();\n" + "}\n" * 10

    for scopes in (
        python.scopes(code, [(11, 11)]),
        trees.scopes("javascript", scripts, [(11, 11)]),
    ):
        assert scopes is not None
        assert [scope.first for scope in scopes[0]] == list(range(3, 11))
        assert len(scopes[0]) == MOST_SCOPES


def test_a_language_without_its_grammar_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a package that is absent nor one of another form is an error."""
    for name, grammar in (("one", ("no_such_package", "language")), ("two", ("json", "language"))):
        monkeypatch.setitem(GRAMMARS, name, grammar)

        assert trees.errors(name, "x") is None
        assert trees.scopes(name, "x", [(1, 1)]) is None


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/a.py", "python"),
        ("A.PY", "python"),
        ("a.test.tsx", "tsx"),
        ("a.h", "cpp"),
        (".bash", "bash"),
        ("py", None),
        ("a.py/b", None),
        ("a.", None),
        ("", None),
    ],
)
def test_the_ending_of_a_name_tells_the_language(path: str, language: str | None) -> None:
    """Folders do not, and a file without an ending has none that is known."""
    assert language_of(path) == language


def test_every_grammar_belongs_to_an_ending() -> None:
    """A language that no file has would never be parsed."""
    endings = ["sh", "c", "cs", "cpp", "go", "java", "js", "kt", "php", "rb", "rs", "scala"]
    endings += ["swift", "tsx", "ts"]

    assert {language_of(f"a.{ending}") for ending in endings} == set(GRAMMARS)
