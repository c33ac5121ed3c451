"""Reads a document of GraphQL, strictly: what clients of the forge send, and no more of it.

Source: the specification of GraphQL (October 2021), section 2 "Language". Left out are
directives, subscriptions, block strings and definitions of types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Document",
    "Enum",
    "Field",
    "Fragment",
    "GraphQLSyntaxError",
    "Operation",
    "Place",
    "Selection",
    "Spread",
    "Variable",
    "VariableOf",
    "parse",
]

_TOKEN = re.compile(
    r"(?P<blank>[\ufeff\s,]+|#[^\n\r]*)|(?P<dots>\.\.\.)|(?P<name>[_A-Za-z][_0-9A-Za-z]*)"
    r'|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>"(?:[^"\\\n\r]|\\.)*")'
    r"|(?P<sign>[!$():=@\[\]{}|])"
)
_DEEPEST = 100

type Place = tuple[int, int]
"""Line and column, from 1."""


class GraphQLSyntaxError(ValueError):
    """The document cannot be read at this place."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Enum:
    """A value of an enumeration, which stands without quotes."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """The use of a variable, `$number`."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableOf:
    """A variable that an operation declares."""

    name: str
    type: str
    default: Any
    has_default: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that is asked for."""

    name: str
    alias: str
    arguments: Mapping[str, Any]
    selections: tuple[Selection, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Selections on a type: inline, or defined under a name."""

    on: str | None
    selections: tuple[Selection, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Spread:
    """The use of a fragment that is defined elsewhere, `...Thread`."""

    name: str
    place: Place


type Selection = Field | Fragment | Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query or a mutation."""

    kind: str
    name: str | None
    variables: tuple[VariableOf, ...]
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The operations and fragments of one request."""

    operations: tuple[Operation, ...]
    fragments: Mapping[str, Fragment]


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    place: Place


def parse(text: str) -> Document:
    """Read a document.

    Raises:
        GraphQLSyntaxError: It is none, or uses what is left out.
    """
    return _Reader(_tokens(text)).document()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, line, begin = 0, 1, 0
    while at < len(text):
        place = (line, at - begin + 1)
        match = _TOKEN.match(text, at)
        if match is None:
            raise GraphQLSyntaxError(f"Unexpected character {text[at]!r}", place)
        if match.lastgroup != "blank":
            tokens.append(_Token(str(match.lastgroup), match.group(), place))
        breaks = match.group().count("\n")
        if breaks:
            line += breaks
            begin = at + match.group().rfind("\n") + 1
        at = match.end()
    tokens.append(_Token("end", "", (line, at - begin + 1)))
    return tokens


@dataclass(slots=True)
class _Reader:
    """Reads tokens from the left, each once."""

    tokens: list[_Token]
    at: int = 0
    depth: int = field(default=0)

    def document(self) -> Document:
        operations: list[Operation] = []
        fragments: dict[str, Fragment] = {}
        while self._next.kind != "end":
            if self._next.text == "fragment":
                self._take()
                name = self._name()
                if name in fragments or name == "on":
                    raise self._fault()
                fragments[name] = self._fragment(named=True)
            else:
                operations.append(self._operation())
        if not operations:
            raise self._fault()
        return Document(operations=tuple(operations), fragments=fragments)

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at]

    def _take(self, text: str | None = None) -> _Token:
        token = self._next
        if (text is not None and token.text != text) or token.kind == "end":
            raise self._fault(text)
        self.at += 1
        return token

    def _took(self, text: str) -> bool:
        if self._next.kind != "text" and self._next.text == text:
            self.at += 1
            return True
        return False

    def _fault(self, expected: str | None = None) -> GraphQLSyntaxError:
        token = self._next
        line, column = token.place
        found = f'"{token.text}"' if token.kind != "end" else "end of document"
        wanted = f", expected {expected}" if expected else ""
        return GraphQLSyntaxError(
            f"Parse error on {found}{wanted} at [{line}, {column}]", token.place
        )

    def _name(self) -> str:
        if self._next.kind != "name":
            raise self._fault("a name")
        return self._take().text

    def _operation(self) -> Operation:
        if self._next.text == "{":
            return Operation(kind="query", name=None, variables=(), selections=self._selections())
        kind = self._name()
        if kind not in {"query", "mutation"}:
            self.at -= 1
            raise self._fault("query or mutation")
        name = self._name() if self._next.kind == "name" else None
        variables: list[VariableOf] = []
        if self._took("("):
            while not self._took(")"):
                variables.append(self._variable())
        return Operation(
            kind=kind, name=name, variables=tuple(variables), selections=self._selections()
        )

    def _variable(self) -> VariableOf:
        place = self._take("$").place
        name = self._name()
        self._take(":")
        kind = self._type()
        has_default = self._took("=")
        return VariableOf(
            name=name,
            type=kind,
            default=self._value() if has_default else None,
            has_default=has_default,
            place=place,
        )

    def _type(self) -> str:
        if self._took("["):
            inner = self._type()
            self._take("]")
            told = f"[{inner}]"
        else:
            told = self._name()
        return told + ("!" if self._took("!") else "")

    def _selections(self) -> tuple[Selection, ...]:
        self._take("{")
        self._deeper()
        found: list[Selection] = []
        while not self._took("}"):
            found.append(self._selection())
        self.depth -= 1
        if not found:
            raise self._fault("a field")
        return tuple(found)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._fault("fewer levels")

    def _selection(self) -> Selection:
        place = self._next.place
        if self._took("..."):
            if self._next.kind == "name" and self._next.text != "on":
                return Spread(self._name(), place)
            return self._fragment(named=False)
        name = self._name()
        alias = name
        if self._took(":"):
            name = self._name()
        arguments: dict[str, Any] = {}
        if self._took("("):
            while not self._took(")"):
                key = self._name()
                self._take(":")
                if key in arguments:
                    raise self._fault()
                arguments[key] = self._value()
        below = self._selections() if self._next.text == "{" else ()
        return Field(name=name, alias=alias, arguments=arguments, selections=below, place=place)

    def _fragment(self, *, named: bool) -> Fragment:
        place = self._next.place
        on = None
        if named or self._next.text == "on":
            self._take("on")
            on = self._name()
        return Fragment(on=on, selections=self._selections(), place=place)

    def _value(self) -> Any:
        token = self._take()
        if token.kind == "name":
            constants = {"true": True, "false": False, "null": None}
            return constants.get(token.text, Enum(token.text))
        if token.kind in {"number", "text"}:
            try:
                return json.loads(token.text)
            except ValueError:
                self.at -= 1
                raise self._fault("a value") from None
        if token.text == "$":
            return Variable(self._name(), token.place)
        self._deeper()
        value: Any
        if token.text == "[":
            value = []
            while not self._took("]"):
                value.append(self._value())
        elif token.text == "{":
            value = {}
            while not self._took("}"):
                key = self._name()
                self._take(":")
                value[key] = self._value()
        else:
            self.at -= 1
            raise self._fault("a value")
        self.depth -= 1
        return value
