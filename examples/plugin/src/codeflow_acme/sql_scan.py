"""Finds SQL that is put together from values; a program of its own.

It reads files of a change, which are whatever their author wants them to be, so it runs in
the sandbox and never within the engine. It needs the standard library alone.

Input, as JSON: `{"calls": [name], "sources": {path: text}}`. Output: `{path: {"error":
reason or null, "places": [[line, end_line, how]]}}`.
"""

from __future__ import annotations

import ast
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["main", "scan"]

type Place = tuple[int, int, str]


def main() -> None:
    """Answer one request from standard input."""
    request = json.load(sys.stdin)
    calls = frozenset(request["calls"])
    json.dump({path: answer(text, calls) for path, text in request["sources"].items()}, sys.stdout)


def answer(text: str, calls: frozenset[str]) -> dict[str, Any]:
    """Scan one file; one that cannot be read says why, and costs no other its answer."""
    try:
        return {"error": None, "places": list(scan(text, calls))}
    except SyntaxError as error:
        return {"error": f"line {error.lineno}: {error.msg}", "places": []}
    except (MemoryError, RecursionError, ValueError) as error:
        return {"error": f"it cannot be parsed: {type(error).__name__}", "places": []}


def scan(text: str, calls: frozenset[str]) -> Iterator[Place]:
    """Find each call of one of these names whose first argument is a built string."""
    with warnings.catch_warnings():
        # Escapes that Python will refuse one day are somebody else's finding.
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        how = _built(node.args[0]) if name in calls else None
        if how is not None:
            yield node.lineno, node.end_lineno or node.lineno, how


def _built(argument: ast.expr) -> str | None:
    """Say how a string is put together from values; None where it is not."""
    if isinstance(argument, ast.JoinedStr):
        has_value = any(isinstance(part, ast.FormattedValue) for part in argument.values)
        return "an f-string" if has_value else None
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Mod):
        return "the % operator" if _is_text(argument.left) else None
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add):
        parts = _operands(argument)
        fixed = all(map(_is_text, parts))
        return "the + operator" if not fixed and any(map(_is_text, parts)) else None
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute):
        is_format = argument.func.attr == "format" and _is_text(argument.func.value)
        return "str.format" if is_format else None
    return None


def _operands(sum_of: ast.BinOp) -> list[ast.expr]:
    """List what a chain of additions adds; a loop, since a file may add a million times."""
    found: list[ast.expr] = []
    rest: ast.expr = sum_of
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add):
        found.append(rest.right)
        rest = rest.left
    return [*found, rest]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


if __name__ == "__main__":
    main()
