"""Every exception class of Anthropic's SDK becomes an error of our tree."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import anthropic
import httpx2
import pytest

from codeflow_engine.errors import ProviderError
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.sdk_faults import from_sdk

CALLED = Called(provider="anthropic", model="claude-sonnet-5-5", key_name="ANTHROPIC_API_KEY")
REQUEST = httpx2.Request("POST", "http://claude.test/v1/messages")


def sdk_errors() -> Iterator[type[Exception]]:
    """List every exception class of the SDK that comes of a call."""
    for module in pkgutil.iter_modules(anthropic.__path__, "anthropic."):
        if module.name.rpartition(".")[2].startswith("_") and not module.ispkg:
            importlib.import_module(module.name)
    todo: list[type[Exception]] = [anthropic.AnthropicError]
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        yield one


def made(one: type[Exception]) -> Exception:
    """Make an error as the SDK does."""
    if issubclass(one, anthropic.APIStatusError):
        status = getattr(one, "status_code", 418)
        status = status if isinstance(status, int) else 418
        response = httpx2.Response(status, request=REQUEST, json={})
        return one("said", response=response, body={"type": "error", "error": {"type": "x"}})
    if issubclass(one, anthropic.APIResponseValidationError):
        return one(httpx2.Response(200, request=REQUEST), body=None)
    if issubclass(one, anthropic.APITimeoutError):
        return one(request=REQUEST)
    if issubclass(one, anthropic.APIConnectionError):
        return one(request=REQUEST)
    if issubclass(one, anthropic.APIError):
        return one("said", REQUEST, body=None)
    return one.__new__(one)


@pytest.mark.parametrize("one", sorted(set(sdk_errors()), key=str), ids=lambda one: one.__name__)
def test_every_error_of_the_sdk_is_one_of_ours(one: type[Exception]) -> None:
    """Whatever class the SDK raises, or will derive from its own, has an error of the tree."""
    told = from_sdk(made(one), CALLED, begun=False)

    assert isinstance(told, ProviderError)
    assert "anthropic:claude-sonnet-5-5" in str(told)


def test_all_kinds_of_errors_of_the_sdk_were_found() -> None:
    """The list above holds the usual ones, and those that only their module names."""
    names = {one.__name__ for one in sdk_errors()}

    assert len(names) > 60
    assert names >= {
        *("OverloadedError", "APITimeoutError", "RetryableError", "IdentityTokenFileError"),
        *("APIResponseValidationError", "EnforcedSpendLimitReachedError"),
    }
