"""Values that a JSON Schema allows, the smallest ones first."""

from __future__ import annotations

import importlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.smallest.merging import Flat, flatten, infer_types
from codeflow_engine.providers.llm.smallest.scalars import numbers, strings

__all__ = ["smallest_json"]

_STEPS: Final = 20_000
"""Values tried; more are needed only by a schema that is made to need them."""

_DEEP: Final = 40
"""Objects and arrays inside of one another."""

_ALTERNATIVES: Final = 64
"""Ways to meet one part of a schema that are tried."""

_TRIES: Final = 64
"""Values tried for one way."""


def smallest_json(schema: Mapping[str, Any]) -> str:
    """Give the smallest JSON that a schema allows, as one line.

    Objects have what they must, arrays as few items as they may, numbers their minimum, else
    0 or what is next to it, and an `enum` its first value; of several types it is the first.
    Among alternatives the shortest one wins, and the first of equally short ones. What it
    gives was judged by `jsonschema`.

    Args:
        schema: JSON Schema of draft 2020-12; references lead to places within it.

    Raises:
        ConfigurationError: The schema is none, allows nothing, or needs more than is tried:
            a text for a `pattern` comes from its `examples`, its `default` or a few words.
    """
    try:
        value = _Maker(schema).first()
    except RecursionError:
        raise ConfigurationError("echo cannot answer: the schema is nested too deeply") from None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Maker:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        jsonschema = importlib.import_module("jsonschema")
        referencing = importlib.import_module("referencing")
        self._root = schema
        kind = jsonschema.Draft202012Validator
        try:
            kind.check_schema(schema)
        except jsonschema.SchemaError as error:
            where = error.json_path
            raise ConfigurationError(
                f"echo cannot answer: the schema is none, at {where}"
            ) from None
        # An empty registry: what a reference inside of `not` names is not fetched either.
        self._judge = kind(schema, registry=referencing.Registry())
        self._unresolvable = referencing.exceptions.Unresolvable
        self._left = _STEPS

    def first(self) -> Any:
        try:
            for value in self._values(self._root, 0):
                return value
        except self._unresolvable as error:
            raise ConfigurationError(
                f"echo cannot answer: the schema refers to {error.ref!r}, which is no place in it"
            ) from None
        raise ConfigurationError("echo cannot answer: no value was found that fits the schema")

    def _values(self, schema: Any, depth: int) -> Iterator[Any]:
        """Give values that fit a part of the schema; the smallest way to fit it comes first."""
        if depth > _DEEP:
            return
        ways: list[tuple[int, Any, Iterator[Any]]] = []
        for flat in itertools.islice(flatten(schema, self._root), _ALTERNATIVES):
            fitting = self._fitting(flat, schema, depth)
            for value in fitting:
                ways.append((_size(value), value, fitting))
                break
        for _, value, rest in sorted(ways, key=lambda way: way[0]):
            yield value
            yield from rest

    def _fitting(self, flat: Flat, schema: Any, depth: int) -> Iterator[Any]:
        judge = self._judge.evolve(schema=schema)
        told: set[str] = set()
        for value in itertools.islice(self._candidates(flat, depth), _TRIES):
            self._left -= 1
            if self._left < 0:
                raise ConfigurationError("echo cannot answer: the schema needs too many tries")
            text = json.dumps(value, sort_keys=True)
            if text not in told and judge.is_valid(value):
                told.add(text)
                yield value

    def _candidates(self, flat: Flat, depth: int) -> Iterator[Any]:
        if "const" in flat:
            yield flat["const"]
            return
        if "enum" in flat:
            yield from flat["enum"]
            return
        for kind in infer_types(flat):
            yield from self._of_type(kind, flat, depth)

    def _of_type(self, kind: str, flat: Flat, depth: int) -> Iterator[Any]:
        match kind:
            case "null":
                yield None
            case "boolean":
                yield from (False, True)
            case "number" | "integer":
                yield from numbers(flat, whole=kind == "integer")
            case "string":
                yield from strings(flat)
            case "array":
                yield from self._arrays(flat, depth)
            case _:
                yield from self._objects(flat, depth)

    def _arrays(self, flat: Flat, depth: int) -> Iterator[list[Any]]:
        """Give an array of as few items as may be, and then longer ones."""
        fewest, most = int(flat.get("minItems", 0)), int(flat.get("maxItems", _TRIES))
        for length in range(fewest, min(most, fewest + _TRIES) + 1):
            for starts in self._starts(flat, length, depth):
                items = self._fill(starts, flat, length, depth)
                if items is not None:
                    yield items

    def _starts(self, flat: Flat, length: int, depth: int) -> Iterator[list[Any]]:
        """Give what has to be contained, where there is room for it behind the first items."""
        yield []
        if "contains" in flat:
            wanted = int(flat.get("minContains", 1))
            part = {"allOf": [flat["contains"], flat.get("items", True)]}
            found = list(itertools.islice(self._values(part, depth + 1), max(wanted, 1)))
            if found and wanted <= length:
                repeated = found if flat.get("uniqueItems") else [found[0]] * wanted
                yield repeated[:wanted]

    def _fill(self, held: list[Any], flat: Flat, length: int, depth: int) -> list[Any] | None:
        """Make an array of one length that ends with what is held."""
        first = flat.get("prefixItems", [])
        unique = flat.get("uniqueItems") is True
        items: list[Any] = []
        told = {json.dumps(value, sort_keys=True) for value in held}
        for place in range(length - len(held)):
            part = first[place] if place < len(first) else flat.get("items", True)
            for value in self._values(part, depth + 1):
                text = json.dumps(value, sort_keys=True)
                if not unique or text not in told:
                    told.add(text)
                    items.append(value)
                    break
            else:
                return None
        return items + held

    def _objects(self, flat: Flat, depth: int) -> Iterator[dict[str, Any]]:
        """Give an object of what it must have, and then with one more each time."""
        names = self._required(flat)
        spare = [name for name in flat.get("properties", {}) if name not in names]
        spare += [name for name in strings(flat.get("propertyNames", {})) if name not in names]
        fewest = int(flat.get("minProperties", 0))
        held = self._members(names, flat, depth)
        if held is None:
            return
        if len(held) >= fewest:
            yield held
        for name in spare:
            if name in held:
                continue
            more = self._members([name], flat, depth)
            if more is not None:
                held = {**held, **more}
                if len(held) >= fewest:
                    yield held

    def _required(self, flat: Flat) -> list[str]:
        """List the names that an object must have, with those that these bring along."""
        names = list(flat.get("required", ()))
        follows = flat.get("dependentRequired", {})
        for name in names:
            names += [more for more in follows.get(name, ()) if more not in names]
        return list(dict.fromkeys(names))

    def _members(self, names: list[str], flat: Flat, depth: int) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for name in names:
            parts = [flat["properties"][name]] if name in flat.get("properties", {}) else []
            patterns = flat.get("patternProperties", {})
            parts += [patterns[each] for each in patterns if re.search(each, name)]
            part = {"allOf": parts} if parts else flat.get("additionalProperties", True)
            for value in self._values(part, depth + 1):
                found[name] = value
                break
            else:
                return None
        return found


def _size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))
