"""Targets of the form `package.module:Class`."""

from __future__ import annotations

import importlib
import inspect
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.testing.checking.subjects import (
    ANY_CONTRACT,
    ANY_MODEL,
    Subject,
    kind_of,
    made,
    place,
    request_of,
)
from codeflow_engine.testing.checking.values import CheckOptions
from codeflow_engine.testing.contracts import SUITES, BackendContract

__all__ = ["imported"]


def imported(target: str, options: CheckOptions, directory: Path) -> Subject:
    """Import what a target names, and say how to check it.

    Raises:
        ConfigurationError: There is no such thing, or it is nothing that can be checked.
    """
    found = _load(target)
    if isinstance(found, type) and issubclass(found, BackendContract):
        return _own_suite(target, found, options)
    if isinstance(found, ANY_CONTRACT):
        raise ConfigurationError(f"{target} is a backend; give its class, or what makes it")
    if not callable(found):
        raise ConfigurationError(f"{target} is a {type(found).__name__}, and makes no backend")
    if options.settings is not None:
        raise ConfigurationError(
            f"{target} has no section in a settings file; give the name that it is offered under"
        )
    if isinstance(found, type):
        kind_of(target, found)
    return _backend(target, found, options, directory)


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    # The working directory is where an author's tests lie; whatever is installed comes first.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    # So that an author's own test class tells values as the suites do.
    pytest.register_assert_rewrite(module)
    try:
        loaded = importlib.import_module(module)
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module}.".startswith(f"{missing}."):
            raise ConfigurationError(f"there is no module {missing!r}") from error
        raise ConfigurationError(f"{module} cannot be imported: {tell(error)}") from error
    try:
        return operator.attrgetter(attribute)(loaded)
    except AttributeError as error:
        raise ConfigurationError(f"module {module!r} has no {attribute!r}") from error


def _own_suite(target: str, found: type[BackendContract[Any]], options: CheckOptions) -> Subject:
    if not any(issubclass(found, suite) for suite in SUITES.values()):
        known = ", ".join(suite.__name__ for suite in SUITES.values())
        raise ConfigurationError(f"{target} derives from the suite of no kind; there are {known}")
    given = [name for name in ("url", "settings", "change") if getattr(options, name) is not None]
    if given:
        raise ConfigurationError(
            f"{target} is a test class and has fixtures of its own: it takes no --{given[0]}"
        )
    return Subject(name=target, suite=found)


def _backend(
    target: str, found: Callable[..., Any], options: CheckOptions, directory: Path
) -> Subject:
    needed = _needed(found)
    model: tuple[str, ...] = ()
    if needed and isinstance(found, type) and kind_of(target, found) is Kind.LLM:
        model = (ANY_MODEL,)
        needed = needed[1:]

    def make(directory: Path) -> Any:
        if options.url is None:
            return found(*model)
        return found(*model, place(options.url, directory))

    if len(needed) > (options.url is not None):
        raise ConfigurationError(
            f"{target} cannot be created without {', '.join(needed)}: --url gives the first of "
            f"them, and a function that makes the backend can stand in its place"
        )
    kind = kind_of(target, type(made(target, make, directory)))
    request = request_of(target, kind, options)
    return Subject(name=target, suite=SUITES[kind], make=make, request=request)


def _needed(found: Callable[..., Any]) -> list[str]:
    """List the parameters without which something cannot be called."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [one.name for one in parameters if one.default is one.empty and one.kind not in optional]
