"""What stands around a hunk: heads, short functions, headings."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.errors import ProviderUnavailableError
from codeflow_engine.review.surround import LEFT_OUT, surround
from codeflow_engine.sandbox import Sandbox

PYTHON = """\
import os


@final
class Shop:
    \"\"\"Sells.\"\"\"

    def first(self):
        return 1

    @cached
    def sell(
        self,
        price,
    ):
        total = 0
        for one in price:
            total += one
        x1 = 1
        x2 = 2
        x3 = 3
        x4 = 4
        return total


def last():
    return 3
"""


class Files:
    """The new side of a change, read as a host gives it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[tuple[str, ...]] = []

    async def read(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        assert side is Side.NEW
        self.asked.append(tuple(paths))
        return tuple(FileContent(path=path, content=self.files.get(path)) for path in paths)


def change_of(old: dict[str, str], new: dict[str, str], context: int = 1) -> Change:
    """Make the change between two states of some files."""
    text = ""
    for path in {**old, **new}:
        names = [f"a/{path}" if path in old else "/dev/null"]
        names += [f"b/{path}" if path in new else "/dev/null"]
        sides = (
            old.get(path, "").splitlines(keepends=True),
            new.get(path, "").splitlines(keepends=True),
        )
        text += "".join(difflib.unified_diff(*sides, *names, n=context))
    return Change(provider="git", target=".", diff=Diff.parse(text))


async def around(
    old: str, new: str, sandbox: Sandbox, path: str = "a.py", context: int = 1
) -> list[str | None]:
    """Give the text around each hunk of a file."""
    change = change_of({path: old}, {path: new}, context)
    told = await surround(change.diff.units, change, Files({path: new.encode()}).read, sandbox)
    return [told.get(unit) for unit in change.diff.units]


async def test_a_short_function_is_shown_around_its_hunk(sandbox: Sandbox) -> None:
    """It stands below the heads of what holds it, and the hunk's own lines are left out."""
    new = PYTHON.replace("total += one", "total += one.net")

    (told,) = await around(PYTHON, new, sandbox)

    assert told == (
        "@final\nclass Shop:\n    @cached\n    def sell(\n        self,\n        price,\n    ):\n"
        f"        total = 0\n{LEFT_OUT}\n        x2 = 2\n        x3 = 3\n        x4 = 4\n"
        "        return total"
    )


async def test_of_a_long_function_the_head_is_shown(sandbox: Sandbox) -> None:
    """Sixty lines beside the hunk are shown, one more is too many; a long head is cut."""
    head = ["def f(", *(f"    a{n}," for n in range(8)), "):"]
    body = [f"    x{n} = {n}" for n in range(54)]
    told = []
    for lines in ([*head, *body[:53]], [*head, *body]):
        old = "".join(f"{line}\n" for line in lines)
        told += await around(old, old.replace("x30 = 30", "x30 = 0"), sandbox)

    assert told[0] == "\n".join([*head, *body[:29], LEFT_OUT, *body[32:53]])
    assert told[1] == "\n".join([*head[:8], LEFT_OUT])


async def test_what_no_scope_encloses_has_no_text(sandbox: Sandbox) -> None:
    """Neither a line between functions nor one that the hunk shows is around it."""
    first = PYTHON.replace("import os", "import sys")
    last = PYTHON.replace("    return 3", "    return 4")

    assert await around(PYTHON, first, sandbox) == [None]
    assert await around(PYTHON, last, sandbox) == [None]


async def test_a_hunk_over_two_functions_stands_in_what_holds_both(sandbox: Sandbox) -> None:
    """What encloses all changed lines is told, and nothing that encloses some of them."""
    new = PYTHON.replace("return 1", "return 2").replace("total = 0", "total = 1")
    (told,) = await around(PYTHON, new, sandbox, context=4)

    assert told == "@final"


async def test_removed_lines_count_as_the_line_above_them(sandbox: Sandbox) -> None:
    """A function that lost its last lines encloses the hunk that took them."""
    new = PYTHON.replace("        x4 = 4\n        return total\n", "")
    (told,) = await around(PYTHON, new, sandbox)

    assert told is not None
    assert told.startswith("@final\nclass Shop:\n    @cached\n    def sell(\n")


async def test_the_text_does_not_depend_on_line_numbers(sandbox: Sandbox) -> None:
    """Lines that are added above leave it as it was."""
    new = PYTHON.replace("total += one", "total += one.net")
    moved = ["import re\n" * 50 + text for text in (PYTHON, new)]

    assert await around(*moved, sandbox) == await around(PYTHON, new, sandbox)


@pytest.mark.parametrize(
    ("path", "above", "head", "end"),
    [
        ("a.go", "", "func (t *T) F(\n\ta int,\n) {\n", "}"),
        ("a.js", "class A {\n", "  m() {\n", "  }"),
        ("a.ts", "export namespace N {\nclass A<T> {\n", "  async m(a: T): Promise<T> {\n", "  }"),
        ("a.mts", "", "export const f = (a: A): B => {\n", "}"),
        ("a.tsx", "", "export default function F() {\n", "}"),
        ("a.rs", "impl A {\n", "    fn f(&self) -> i32 {\n", "    }"),
        ("a.java", "class A {\n", "  @B\n  void m()\n  {\n", "  }"),
    ],
)
async def test_other_languages_are_read_by_their_grammars(
    path: str, above: str, head: str, end: str, sandbox: Sandbox
) -> None:
    """Functions and classes of each grammar that is installed are found."""
    body = "\tb();\n\tone();\n\tc();\n\td();\n"
    text = f"{above}{head}{body}{end}\n" + "}\n" * above.count("{")
    found = await around(text, text.replace("one", "two"), sandbox, path)

    assert found == [f"{above}{head}{LEFT_OUT}\n\td();\n{end}"]


async def test_without_files_the_heading_is_all(sandbox: Sandbox) -> None:
    """A bare patch has no files: nobody is asked for any, and no process is started."""
    text = "--- a/a.py\n+++ b/a.py\n@@ -9,2 +9,2 @@ def f(): \n x\n-y\n+z\n@@ -29 +29 @@\n-y\n+z\n"
    change = Change.from_diff(Diff.parse(text))
    files = Files({})
    await sandbox.aclose()

    told = await surround(change.diff.units, change, files.read, sandbox)

    assert told == {Unit(file=0, hunk=0): "def f():"}
    assert files.asked == []


async def test_a_file_that_is_not_the_diff_s_is_not_shown(sandbox: Sandbox) -> None:
    """A working tree may have changed since: where lines differ, the heading has to do."""
    old, new = PYTHON, PYTHON.replace("total += one", "total += one.net")
    change = change_of({"a.py": old}, {"a.py": new})
    for content in (b"x\n" + new.encode(), b"\xff" + new.encode(), b"", new.encode() + b"a\rb\n"):
        files = Files({"a.py": content})

        assert await surround(change.diff.units, change, files.read, sandbox) == {}
        assert files.asked == [("a.py",)]


async def test_only_files_that_hide_something_are_read(sandbox: Sandbox) -> None:
    """New files are shown whole, deleted ones are gone, and others have no parser."""
    old = {"gone.py": PYTHON, "a.txt": "a\n"}
    change = change_of(old, {"new.py": PYTHON, "a.txt": "b\n"})
    files = Files({"new.py": PYTHON.encode(), "a.txt": b"b\n"})

    assert await surround(change.diff.units, change, files.read, sandbox) == {}
    assert files.asked == []


async def test_a_host_that_fails_takes_only_the_text_around_away(sandbox: Sandbox) -> None:
    """A review goes on with hunks alone."""
    change = change_of({"a.py": PYTHON}, {"a.py": PYTHON.replace("total += one", "pass")})

    async def fail(_: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        raise ProviderUnavailableError("no")

    assert await surround(change.diff.units, change, fail, sandbox) == {}
    assert await surround(change.diff.units, replace(change, provider=None), fail, sandbox) == {}


async def test_s20_hostile_files_take_no_other_along(sandbox: Sandbox) -> None:
    """Deep nesting, huge lines, NULs and bytes end in no text, or in a bounded one."""
    deep = "(" * 100_000
    hostile = {
        "a.py": f"x = {deep}\ny\n",
        "b.ts": f"function f() {{\n  a();\n  b();\n  c({deep}\n  y\n",
        "c.ts": "class A {\n" * 20_000 + "m() {\n\n\ny\n}\n",
        "d.py": "def f():\n    '" + "z" * 100_000 + "'\n    a\n    y\n",
        "e.py": "def f():\n    a\n    '\0'\n    y\n",
        "f.js": "function f(" + "a" * 100_000 + ") {\n  a;\n  b;\n  y\n}\n",
        "g.py": PYTHON,
    }
    mended = {
        path: text.replace("y\n", "n\n").replace("one\n", "two\n") for path, text in hostile.items()
    }
    change = change_of(hostile, mended)
    files = Files({path: text.encode() for path, text in mended.items()})

    told = await surround(change.diff.units, change, files.read, sandbox)

    paths = {change.diff.files[unit.file].path: text for unit, text in told.items()}
    assert "g.py" in paths
    assert "a.py" not in paths
    assert "e.py" not in paths
    assert max(map(len, paths.values())) < 8_000
    assert paths["d.py"] == "def f():"
    assert paths["f.js"] == "function f(" + "a" * 289
    # What never ends is an error to the grammar, and some of it is found all the same.
    assert paths["c.ts"].endswith(f"m() {{\n\n{LEFT_OUT}")
