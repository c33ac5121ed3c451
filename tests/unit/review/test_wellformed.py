"""Does a file parse with an edit?"""

from __future__ import annotations

import pytest

from codeflow_engine.review.parsing import asking
from codeflow_engine.review.wellformed import Edit, wellformed
from codeflow_engine.sandbox import Sandbox

DEEP = 100_000
BOMB = "a<b>(" * 100_000
"""Each may call a function with types, or compare and compare: a parser that follows both
ways takes two seconds and a half."""


def edit(path: str, content: str | bytes, replacement: str, first: int = 1, last: int = 0) -> Edit:
    """Make an edit of one line, or up to the last."""
    data = content.encode() if isinstance(content, str) else content
    return Edit(
        path=path,
        content=data,
        replacement=replacement,
        start_line=first,
        end_line=last or first,
    )


@pytest.mark.parametrize(
    ("path", "content", "good", "bad"),
    [
        ("a.py", "def f():\n    return 1\n", "def f(x):", "def f(:"),
        ("a.pyi", "\ufeffx: int\n", "x: str", "x: ="),
        ("a.go", "package a\n", "package b", "package ("),
        ("a.js", "let a = 1;\r\n", "let b = {};", "let b = {;"),
        ("a.ts", "let a: A = 1;\n", "let a: B<C> = 1;", "let a: B<C = 1;"),
        ("a.tsx", "const a = <p/>;\n", "const a = <b>1</b>;", "const a = <b>1</i;"),
        ("a.rs", "fn f() {}\n", "fn f() -> i32 { 1 }", "fn f( {}"),
        ("a.java", "class A {}\n", "class A { int x; }", "class A { int }"),
    ],
)
async def test_edits_are_told_apart(
    path: str, content: str, good: str, bad: str, sandbox: Sandbox
) -> None:
    """In each language that can be parsed, a file with a good edit parses, and else it does not."""
    edits = [edit(path, content, good), edit(path, content, bad)]

    assert await wellformed(edits, sandbox) == (True, False)


async def test_what_nobody_can_judge_is_left_open(sandbox: Sandbox) -> None:
    """Neither another language, nor bytes that are no text, nor lines that are not there."""
    edits = [
        edit("a.zig", "a\n", "b"),
        edit("noname", "a\n", "b"),
        edit("a.lua", "a\n", "b"),
        edit("a.py", b"x = '\xff'\n", "x = 1"),
        edit("a.py", "x = 1\n", "x = '\udcff'"),
        edit("a.py", "x = 1\n", "x = 2", 3),
        edit("a.py", "x = 1\n", "x = 2", 2, 1),
        edit("a.py", "x = 1\n" * asking.MOST_FILE_BYTES, "x = 2"),
        edit("a.py", "x = (\n", "x = 1"),
    ]

    assert await wellformed(edits, sandbox) == (None,) * len(edits)


async def test_a_file_with_errors_may_not_get_more_of_them(sandbox: Sandbox) -> None:
    """Where a parser goes on behind an error, the edit has to answer for its own alone."""
    content = "let a = 1;\nlet = = 2;\nlet c = 3;\n"
    edits = [
        edit("a.ts", content, "let a = 2;"),
        edit("a.ts", content, "let b = 2;", 2),
        edit("a.ts", content, "let c = ) 3 ( ;", 3),
    ]

    assert await wellformed(edits, sandbox) == (True, True, False)


async def test_an_edit_takes_lines_away_and_adds_some(sandbox: Sandbox) -> None:
    """An empty replacement takes lines away; another one may have more lines than it replaces."""
    content = "def f():\n    if x:\n        return 1\n    return 2\n"
    edits = [
        edit("a.py", content, "", 2, 3),
        edit("a.py", content, "", 3),
        edit("a.py", content, "        y()\n        return 3", 3),
    ]

    assert await wellformed(edits, sandbox) == (True, False, True)


async def test_without_edits_nothing_is_started() -> None:
    """A sandbox that is closed would refuse, and nobody asks it."""
    sandbox = Sandbox()
    await sandbox.aclose()

    assert await wellformed([], sandbox) == ()
    assert await wellformed([edit("a.zig", "a", "b")], sandbox) == (None,)


async def test_without_a_process_nobody_can_tell() -> None:
    """Where no process can be had, edits are left open and nothing is raised."""
    sandbox = Sandbox()
    await sandbox.aclose()

    assert await wellformed([edit("a.py", "x = 1\n", "x = 2")], sandbox) == (None,)


async def test_s20_hostile_edits_end_in_an_answer(sandbox: Sandbox) -> None:
    """Deep nesting, NULs, huge lines and numbers cost no more than their own answers."""
    edits = [
        edit("a.py", "x = 1\n", "(" * DEEP),
        edit("a.py", "x = 1\n", "(" * DEEP + "1" + ")" * DEEP),
        edit("a.py", "x = 1\n", "-" * DEEP + "1"),
        edit("a.py", "x = 1\n", "x = '\0'"),
        edit("a.py", "x = 1\n", "x = " + "1" * DEEP),
        edit("a.py", "x = 1\n", "x = '" + "y" * DEEP + "'"),
        edit("a.ts", "let a = 1\n", "(" * DEEP + "1" + ")" * DEEP),
        edit("a.ts", "let a = 1\n", "[" * DEEP),
        edit("a.ts", "let a = 1\n", "let a = '\0'"),
        edit("b.py", "\n" * 100_000 + "x = 1\n", "x = '\\d'\n" * 40_000),
        edit("z.py", "x = 1\n", "x = 2"),
    ]

    told = await wellformed(edits, sandbox)

    # Python refuses more than 200 parentheses in each other, whether they are closed or not.
    assert told[:2] == (False, False)
    assert told[2] is None
    assert told[3:6] == (False, False, True)
    assert told[7] is False
    assert told[-2:] == (True, True)


async def test_s20_a_parser_that_is_ended_takes_no_other_file_along(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files before and behind one that costs too much are judged, each time in a new process."""
    starts = []
    start = sandbox.run_python

    async def counted(*args: object, **options: object) -> object:
        starts.append(args)
        return await start(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "run_python", counted)
    monkeypatch.setattr(asking, "PARSE_SECONDS", 0.2)
    edits = [
        edit("a.py", "x = 1\n", "x = 2"),
        edit("b.ts", BOMB, "let a = 1"),
        edit("c.py", "x = 1\n", "x = ("),
        edit("d.ts", BOMB + " ", "let a = 1"),
        edit("e.py", "x = 1\n", "x = 3"),
        edit("f.ts", BOMB + "  ", "let a = 1"),
        edit("g.py", "x = 1\n", "x = 3"),
    ]

    told = await wellformed(edits, sandbox)

    assert told == (True, None, False, None, True, None, None)
    assert len(starts) == 3
