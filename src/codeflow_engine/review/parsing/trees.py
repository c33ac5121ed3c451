"""All other languages, by the grammars of tree-sitter that are installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from codeflow_engine.review.parsing.languages import GRAMMARS
from codeflow_engine.review.parsing.scope import MOST_SCOPES, Scope

__all__ = ["errors", "scopes"]

_LITERALS = frozenset(["arrow_function", "func_literal", "function_expression"])
_FUNCTIONS = _LITERALS.union(
    ("compact_constructor_declaration", "constructor_declaration", "deinit_declaration"),
    ("destructor_declaration", "function_declaration", "function_definition", "function_item"),
    ("generator_function_declaration", "init_declaration", "local_function_statement"),
    ("method", "method_declaration", "method_definition", "operator_declaration"),
    ("secondary_constructor", "singleton_method"),
)
_HOLDERS = frozenset[str]().union(
    ("abstract_class_declaration", "class", "class_declaration", "class_definition"),
    ("class_specifier", "companion_object", "enum_declaration", "enum_definition", "enum_item"),
    ("enum_specifier", "impl_item", "interface_declaration", "internal_module", "mod_item"),
    ("module", "namespace_declaration", "namespace_definition", "object_declaration"),
    ("object_definition", "protocol_declaration", "record_declaration", "struct_declaration"),
    ("struct_item", "struct_specifier", "trait_declaration", "trait_definition", "trait_item"),
    ("type_declaration", "union_item", "union_specifier"),
)


def errors(language: str, text: str) -> int | None:
    """Count what does not parse; None where there is no parser."""
    tree = _parse(language, text.encode())
    if tree is None:
        return None
    cursor = tree.walk()
    found = 0
    while True:
        node = cursor.node
        found += int(node.is_error or node.is_missing)
        if node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found


def scopes(
    language: str, text: str, ranges: Iterable[tuple[int, int]]
) -> list[Sequence[Scope]] | None:
    """Find what encloses each range of lines, outermost first; None where nothing parses."""
    data = text.encode()
    tree = _parse(language, data)
    if tree is None:
        return None
    lines = data.split(b"\n")
    return [_enclosing(tree, lines, low, high) for low, high in ranges]


def _parse(language: str, data: bytes) -> Any:
    parser = _parser(language)
    return None if parser is None else parser.parse(data)


@cache
def _parser(language: str) -> Any:
    package, name = GRAMMARS[language]
    try:
        tree_sitter: Any = import_module("tree_sitter")
        grammar = getattr(import_module(package), name)()
        return tree_sitter.Parser(tree_sitter.Language(grammar))
    except (ImportError, AttributeError, ValueError):  # absent, or of another version
        return None


def _enclosing(tree: Any, lines: Sequence[bytes], low: int, high: int) -> Sequence[Scope]:
    """Go down from the root, always into the part that holds all the lines.

    A node knows its parent only by going down from the root itself, so the way up would
    take the square of the depth.
    """
    # Where the text of the lines begins and ends: blanks around it belong to other nodes.
    begin = (low - 1, _indent(lines[low - 1]))
    end = (high - 1, len(lines[high - 1].rstrip()))
    found: list[Scope] = []
    cursor = tree.walk()
    while cursor.goto_first_child_for_point(begin) is not None:
        node = cursor.node
        if tuple(node.start_point) > begin or tuple(node.end_point) < max(begin, end):
            break
        scope = _scope(node, lines) if node.is_named else None
        if scope is not None and not (found and found[-1].first == scope.first):
            found.append(scope)
    return found[-MOST_SCOPES:]


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def _scope(node: Any, lines: Sequence[bytes]) -> Scope | None:
    kind = node.type
    if kind not in _FUNCTIONS and kind not in _HOLDERS:
        return None
    first, last = node.start_point[0], node.end_point[0]
    if kind in _LITERALS and first == last:
        return None
    body = node.child_by_field_name("body")
    head = first
    if body is not None:
        row, column = body.start_point
        # A body that begins on a line of its own is none of the head.
        head = row - 1 if row > first and not lines[row][:column].strip() else row
    return Scope(first + 1, head + 1, last + 1, kind in _FUNCTIONS)
