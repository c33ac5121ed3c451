from __future__ import annotations

import functools
import textwrap
import types
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import pytest
from codec_values import Leaf

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.runs.codec import encode, returned

if TYPE_CHECKING:
    from decimal import Decimal


def plain(given: Decimal) -> Leaf:
    """Take what exists for type checkers alone, and return what exists."""
    raise NotImplementedError(given)


def hidden() -> Decimal:
    raise NotImplementedError


def silent(given):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - that is the case
    return given


def nothing() -> None: ...


def never() -> NoReturn:
    raise NotImplementedError


async def slow() -> Leaf:
    raise NotImplementedError


def handing() -> Coroutine[Any, Any, Leaf]:
    return slow()


def waiting() -> Awaitable[Leaf]:
    return slow()


def generic[T](given: T) -> tuple[T, ...]:
    return (given,)


def live() -> dict[str, Callable[[], None]]:
    raise NotImplementedError


class Worker:
    """Methods, and an object that can be called."""

    def method(self, given: Decimal) -> Leaf:
        raise NotImplementedError(given)

    @classmethod
    def of_class(cls) -> Leaf:
        raise NotImplementedError

    @staticmethod
    def of_none() -> Leaf:
        raise NotImplementedError

    def itself(self) -> Self:
        return self

    def __call__(self) -> Leaf:
        raise NotImplementedError


def wrapper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function in one of a module that does not know its names."""
    program = "def inner(*a, **k): return function(*a, **k)"
    module: dict[str, Any] = {"function": function, "__name__": "elsewhere"}
    exec(program, module)  # noqa: S102 - a function with other globals
    return functools.wraps(function)(module["inner"])


@pytest.mark.parametrize(
    "function",
    [
        plain,
        partial(plain, 1),
        partial(partial(Worker().method), 1),
        Worker().method,
        Worker.of_class,
        Worker.of_none,
        Worker(),
        Leaf,
        partial(Leaf, name="x"),
        slow,
        handing,
        waiting,
        wrapper(plain),
        wrapper(wrapper(slow)),
    ],
    ids=lambda function: type(function).__name__,
)
def test_the_declared_type_is_found_behind_what_wraps_it(function: Callable[..., Any]) -> None:
    """Only the return annotation counts, wherever the function that does the work is."""
    assert returned(function) is Leaf
    assert returned(function) is Leaf


@pytest.mark.parametrize(
    "function",
    [silent, lambda: 1, len, partial(silent, 1), print],
    ids=["function", "lambda", "builtin", "partial", "print"],
)
def test_a_function_that_says_nothing_returns_plain_data(function: Callable[..., Any]) -> None:
    """Without an annotation a tuple is no value of a step, and a list is one."""
    kind = returned(function)

    assert kind is Any
    assert encode([1], kind) == b"[1]\n"


def test_nothing_is_a_type_too() -> None:
    """A function that returns None, or does not return, has a form for its value."""
    assert encode(None, returned(nothing)) == b"null\n"
    assert encode(None, returned(never)) == b"null\n"


def test_a_variable_of_a_generic_function_is_plain_data() -> None:
    """What a call puts in the place of the variable is not known to the function."""
    assert encode((1, "a"), returned(generic)) == b'[1,"a"]\n'


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (
            hidden,
            r"test_codec_returned\.hidden returns cannot be resolved \(NameError\).*TYPE_CHECKING",
        ),
        (live, r"test_codec_returned\.live returns cannot be kept .*Callable.* has no form"),
        (Worker().itself, r"Worker\.itself returns cannot be kept .*Self has no form"),
        (Worker, r"Worker makes cannot be kept .*Worker has no form"),
    ],
    ids=["unresolved", "no-form", "self", "class"],
)
def test_a_type_that_cannot_be_kept_is_an_error_before_the_work(
    function: Callable[..., Any], told: str
) -> None:
    """The error names the function and what is wrong with its annotation, each time."""
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=told):
            returned(function)


def test_an_annotation_without_quotes_is_resolved_too() -> None:
    """A module without postponed annotations may name in its arguments what it does not have."""
    module = types.ModuleType("eager")
    source = """
        def kept(given: "Missing") -> tuple[bytes, ...]: ...
        def quoted() -> "list[Local]": ...
        class Local: ...
    """
    exec(textwrap.dedent(source), module.__dict__)  # noqa: S102 - a module without the import

    assert returned(module.kept) == tuple[bytes, ...]
    with pytest.raises(ConfigurationError, match=r"eager\.quoted .* Local has no form"):
        returned(module.quoted)


def test_a_function_is_not_held_by_what_was_found() -> None:
    """Functions that are made for one call go when it ends, with all that they hold."""
    import gc
    import weakref

    def once() -> Leaf:
        raise NotImplementedError

    assert returned(once) is Leaf
    watch = weakref.ref(once)
    del once
    gc.collect()

    assert watch() is None


def test_a_class_that_a_notebook_defines_anew_is_the_one_that_counts() -> None:
    """In `__main__` the annotation is resolved each time, since cells run again."""
    cells = types.ModuleType("__main__")
    source = "def made() -> 'Score': ..."
    exec(source, cells.__dict__)  # noqa: S102 - a notebook's module
    for _ in range(2):
        cells.Score = type("Score", (Leaf,), {})  # type: ignore[attr-defined] # as a cell does
        assert returned(cells.made) is cells.Score
