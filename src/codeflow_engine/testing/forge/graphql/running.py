"""Runs a document of GraphQL against the schema, and answers as GitHub's API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from codeflow_engine.testing.forge.graphql.checking import check, error
from codeflow_engine.testing.forge.graphql.language import (
    Document,
    Field,
    Fragment,
    GraphQLSyntaxError,
    Operation,
    Selection,
    parse,
)
from codeflow_engine.testing.forge.graphql.schema import FieldOf, Schema, Stop, Typed, bare
from codeflow_engine.testing.forge.graphql.values import (
    InvalidValueError,
    coerce,
    read_variables,
    replace,
)

__all__ = ["execute", "mutates"]

_MOST = 100
"""Items of a connection that may be asked for at once."""


def mutates(text: str) -> bool:
    """Tell whether a document has a mutation, which costs more points."""
    try:
        return any(one.kind == "mutation" for one in parse(text).operations)
    except GraphQLSyntaxError:
        return False


async def execute(
    schema: Schema,
    text: str,
    *,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Run a document, and give the answer with `data` or `errors`, or both.

    Source: "Forming calls with GraphQL", /graphql/guides/forming-calls-with-graphql; the
    specification of GraphQL, sections 6 "Execution" and 7 "Response".
    """
    try:
        document = parse(text)
    except GraphQLSyntaxError as fault:
        return {"errors": [error(str(fault), fault.place)]}
    operation = _chosen(document, name)
    if operation is None:
        return {"errors": [error("An operation name is required", (1, 1))]}
    wrong = check(schema, document, operation)
    if wrong:
        return {"errors": wrong}
    try:
        values = read_variables(schema, operation, variables or {})
    except InvalidValueError as fault:
        return {"errors": [error(str(fault), (1, 1))]}
    run = _Run(schema, document, values)
    root = "Mutation" if operation.kind == "mutation" else "Query"
    data = await run.select(operation.selections, root, {}, ())
    return {"data": data, "errors": run.errors} if run.errors else {"data": data}


def _chosen(document: Document, name: str | None) -> Operation | None:
    named = [one for one in document.operations if name is None or one.name == name]
    return named[0] if len(named) == 1 else None


@dataclass(slots=True)
class _Run:
    """One run of an operation: its variables, and the errors so far."""

    schema: Schema
    document: Document
    variables: Mapping[str, Any]
    errors: list[dict[str, Any]] = field(default_factory=list)

    async def select(
        self,
        chosen: Sequence[Selection],
        on: str,
        source: Any,
        path: tuple[str | int, ...],
    ) -> dict[str, Any]:
        """Answer the selections on a value."""
        found: dict[str, Any] = {}
        for one in self._fields(chosen, on):
            if one.name == "__typename":
                found[one.alias] = on
                continue
            value = await self._field(one, on, source, (*path, one.alias))
            held = found.get(one.alias)
            if isinstance(held, dict) and isinstance(value, dict):
                value = {**held, **value}
            found[one.alias] = value
        return found

    def _fields(self, chosen: Sequence[Selection], on: str) -> list[Field]:
        fields: list[Field] = []
        for one in chosen:
            if isinstance(one, Field):
                fields.append(one)
                continue
            part = one if isinstance(one, Fragment) else self.document.fragments[one.name]
            if part.on is None or part.on == on or part.on in self.schema.types[on].belongs:
                fields.extend(self._fields(part.selections, on))
        return fields

    async def _field(self, one: Field, on: str, source: Any, path: tuple[str | int, ...]) -> Any:
        known = self.schema.types[on].fields[one.name]
        try:
            arguments = self._arguments(one, known)
            if known.paged:
                _check_page(one.name, arguments)
            value = known.find(source, arguments) if known.find else source[one.name]
            if isawaitable(value):
                value = await value
        except Stop as stop:
            self.errors.append(error(stop.message, one.place, type=stop.kind, path=list(path)))
            return None
        return await self._complete(one, known.type, value, path)

    def _arguments(self, one: Field, known: FieldOf) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in one.arguments.items():
            replaced = replace(value, self.variables)
            try:
                made[name] = coerce(self.schema, known.arguments[name], replaced, literal=False)
            except InvalidValueError as fault:
                raise Stop("argumentLiteralsIncompatible", str(fault)) from None
        return made

    async def _complete(
        self, one: Field, kind: str, value: Any, path: tuple[str | int, ...]
    ) -> Any:
        kind = kind.removesuffix("!")
        if value is None:
            return None
        if kind.startswith("["):
            return [
                await self._complete(one, kind[1:-1], each, (*path, index))
                for index, each in enumerate(value)
            ]
        if self.schema.is_leaf(bare(kind)):
            return value
        # A value of an interface or a union says which object it is.
        actual = kind
        if isinstance(value, Typed):
            actual, value = value.type, value.value
        elif isinstance(value, Mapping):
            actual = value.get("__typename", kind)
        return await self.select(one.selections, actual, value, path)


def _check_page(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse a connection without bounds, or with too wide ones.

    Source: "Rate limits and query limits for the GraphQL API", section "Node limit":
    `first` or `last`, of 1 to 100, on each connection.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise Stop(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}`"
            " connection.",
        )
    for bound, number in (("first", first), ("last", last)):
        if number is not None and number > _MOST:
            raise Stop(
                "EXCESSIVE_PAGINATION",
                f"Requesting {number} records on the `{name}` connection exceeds the `{bound}`"
                f" limit of {_MOST} records.",
            )
        if number is not None and number < 0:
            raise Stop(
                "INVALID_PAGINATION",
                f"`{bound}` on the `{name}` connection cannot be less than zero.",
            )
