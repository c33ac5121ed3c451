"""Python, by the parser of the interpreter that runs the engine."""

from __future__ import annotations

# `ast` itself takes 20 ms to load, and adds only what nobody needs here.
import _ast
from collections.abc import Iterable, Iterator, Sequence

from codeflow_engine.review.parsing.scope import MOST_SCOPES, Scope

__all__ = ["errors", "scopes"]

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_FUNCTIONS = (_ast.FunctionDef, _ast.AsyncFunctionDef)


def errors(text: str) -> int | None:
    """Give 0 where a text parses, else 1; None where the parser gives up."""
    try:
        _parse(text)
    except (SyntaxError, ValueError):
        return 1
    except (MemoryError, RecursionError):  # it is too deeply nested to tell
        return None
    return 0


def scopes(text: str, ranges: Iterable[tuple[int, int]]) -> list[Sequence[Scope]] | None:
    """Find what encloses each range of lines, outermost first; None where nothing parses."""
    try:
        found = sorted(_scopes(_parse(text)), key=lambda scope: (scope.first, -scope.last))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return [
        [scope for scope in found if scope.first <= low and high <= scope.last][-MOST_SCOPES:]
        for low, high in ranges
    ]


def _parse(text: str) -> _ast.AST:
    tree: _ast.AST = compile(
        text.removeprefix("\ufeff"), "file", "exec", _ast.PyCF_ONLY_AST, dont_inherit=True
    )
    return tree


def _scopes(tree: _ast.AST) -> Iterator[Scope]:
    # With a list of what is left: whoever wrote the file chose how deep it is.
    left: list[_ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, (*_FUNCTIONS, _ast.ClassDef)):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            head = max(node.lineno, node.body[0].lineno - 1)
            last = node.end_lineno or head
            yield Scope(first, min(head, last), last, isinstance(node, _FUNCTIONS))
        for name in _BLOCKS:
            # An expression may have a body, too, and no list of them: `a if b else c`.
            block = getattr(node, name, None)
            if isinstance(block, list):
                left.extend(block)
