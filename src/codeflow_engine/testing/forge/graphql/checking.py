"""Checks a document against the schema before any of it runs.

Source: the specification of GraphQL (October 2021), section 5 "Validation"; the errors have
the form in which GitHub's API gives them, with status 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codeflow_engine.testing.forge.graphql.language import (
    Document,
    Field,
    Fragment,
    Operation,
    Place,
    Selection,
    Spread,
    Variable,
)
from codeflow_engine.testing.forge.graphql.schema import FieldOf, Schema, bare
from codeflow_engine.testing.forge.graphql.values import InvalidValueError, coerce

__all__ = ["check", "error"]


def error(message: str, place: Place, **more: Any) -> dict[str, Any]:
    """Make an entry of `errors`."""
    return {**more, "locations": [{"line": place[0], "column": place[1]}], "message": message}


def check(schema: Schema, document: Document, operation: Operation) -> list[dict[str, Any]]:
    """List all that is wrong with an operation; nothing where it can run."""
    checker = _Checker(schema, document, operation)
    root = "Mutation" if operation.kind == "mutation" else "Query"
    name = f" {operation.name}" if operation.name else ""
    checker.selections(operation.selections, root, (operation.kind + name,))
    declared = {one.name: one for one in operation.variables}
    for one in operation.variables:
        if not (schema.is_leaf(bare(one.type)) or bare(one.type) in schema.inputs):
            checker.say(
                f"{bare(one.type)} isn't a defined input type (on ${one.name})",
                one.place,
                code="variableRequiresValidType",
                typeName=bare(one.type),
                variableName=one.name,
            )
        if one.name not in checker.used:
            checker.say(
                f"Variable ${one.name} is declared by {operation.name or 'anonymous query'}"
                " but not used",
                one.place,
                code="variableNotUsed",
                variableName=one.name,
            )
    for name, place in checker.used.items():
        if name not in declared:
            checker.say(
                f"Variable ${name} is used by {operation.name or 'anonymous query'}"
                " but not declared",
                place,
                code="variableNotDefined",
                variableName=name,
            )
    return checker.found


@dataclass(slots=True)
class _Checker:
    """Walks the selections of an operation, and keeps what it finds wrong."""

    schema: Schema
    document: Document
    operation: Operation
    found: list[dict[str, Any]] = field(default_factory=list)
    used: dict[str, Place] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _path: tuple[str, ...] = ()

    def say(self, message: str, place: Place, **extensions: Any) -> None:
        self.found.append(error(message, place, path=list(self._path), extensions=dict(extensions)))

    def selections(self, chosen: tuple[Selection, ...], on: str, path: tuple[str, ...]) -> None:
        for one in chosen:
            self._path = path
            if isinstance(one, Field):
                self._field(one, on, path)
            elif isinstance(one, Fragment):
                self._fragment(one, on, path)
            else:
                self._spread(one, on, path)

    def _spread(self, one: Spread, on: str, path: tuple[str, ...]) -> None:
        fragment = self.document.fragments.get(one.name)
        if fragment is None:
            self.say(
                f"Fragment {one.name} was used, but not defined",
                one.place,
                code="useAndDefineFragment",
                fragmentName=one.name,
            )
        elif one.name in self._open:
            self.say(
                f"Fragment {one.name} contains an infinite loop",
                one.place,
                code="infiniteLoop",
                fragmentName=one.name,
            )
        else:
            self._open.append(one.name)
            self._fragment(fragment, on, path)
            self._open.pop()

    def _fragment(self, one: Fragment, on: str, path: tuple[str, ...]) -> None:
        kind = one.on or on
        if kind not in self.schema.types:
            self.say(
                f"No such type {kind}, so it can't be a fragment condition",
                one.place,
                code="undefinedType",
                typeName=kind,
            )
        elif not self.schema.may_be(kind, on):
            self.say(
                f"Fragment on {kind} can't be spread inside {on}",
                one.place,
                code="cannotSpreadFragment",
                typeName=kind,
                parentName=on,
            )
        else:
            self.selections(one.selections, kind, (*path, f"... on {kind}"))

    def _field(self, one: Field, on: str, path: tuple[str, ...]) -> None:
        self._path = path = (*path, one.alias)
        if one.name == "__typename":
            return
        known = self.schema.types[on].fields.get(one.name)
        if known is None:
            self.say(
                f"Field '{one.name}' doesn't exist on type '{on}'",
                one.place,
                code="undefinedField",
                typeName=on,
                fieldName=one.name,
            )
            self._uses(one.arguments)
            return
        self._arguments(one, known)
        kind = bare(known.type)
        if self.schema.is_leaf(kind):
            if one.selections:
                self.say(
                    f"Selections can't be made on scalars (field '{one.name}' returns {kind}"
                    " but has selections)",
                    one.place,
                    code="selectionMismatch",
                    nodeName=f"field '{one.name}'",
                    typeName=kind,
                )
        elif not one.selections:
            self.say(
                f"Field must have selections (field '{one.name}' returns {kind} but has no"
                f" selections. Did you mean '{one.name} {{ ... }}'?)",
                one.place,
                code="selectionMismatch",
                nodeName=f"field '{one.name}'",
                typeName=kind,
            )
        else:
            self.selections(one.selections, kind, path)

    def _arguments(self, one: Field, known: FieldOf) -> None:
        self._uses(one.arguments)
        for name, value in one.arguments.items():
            kind = known.arguments.get(name)
            if kind is None:
                self.say(
                    f"Field '{one.name}' doesn't accept argument '{name}'",
                    one.place,
                    code="argumentNotAccepted",
                    name=one.name,
                    typeName="Field",
                    argumentName=name,
                )
            elif isinstance(value, Variable):
                self._variable(one, name, kind, value)
            elif not _holds_variable(value):
                try:
                    coerce(self.schema, kind, value, literal=True)
                except InvalidValueError as fault:
                    self.say(
                        f"Argument '{name}' on Field '{one.name}' has an invalid value. {fault}",
                        one.place,
                        code="argumentLiteralsIncompatible",
                        typeName="Field",
                        argumentName=name,
                    )
        missing = [
            name
            for name, kind in known.arguments.items()
            if kind.endswith("!") and name not in one.arguments
        ]
        if missing:
            self.say(
                f"Field '{one.name}' is missing required arguments: {', '.join(missing)}",
                one.place,
                code="missingRequiredArguments",
                className="Field",
                name=one.name,
                arguments=", ".join(missing),
            )

    def _variable(self, one: Field, name: str, kind: str, value: Variable) -> None:
        declared = next((v for v in self.operation.variables if v.name == value.name), None)
        if declared is None:
            return
        given = declared.type
        if declared.has_default and declared.default is not None and not given.endswith("!"):
            given += "!"
        if given not in {kind, f"{kind}!"}:
            self.say(
                f"Type mismatch on variable ${value.name} and argument {name}"
                f" ({declared.type} / {kind})",
                one.place,
                code="variableMismatch",
                variableName=value.name,
                typeName=declared.type,
                argumentName=name,
                errorMessage="Type mismatch",
            )

    def _uses(self, value: Any) -> None:
        if isinstance(value, Variable):
            self.used.setdefault(value.name, value.place)
        elif isinstance(value, Mapping):
            for each in value.values():
                self._uses(each)
        elif isinstance(value, list):
            for each in value:
                self._uses(each)


def _holds_variable(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_variable(each) for each in value.values())
    if isinstance(value, list):
        return any(_holds_variable(each) for each in value)
    return isinstance(value, Variable)
