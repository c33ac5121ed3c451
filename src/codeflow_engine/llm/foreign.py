"""What a provider of models raises stays with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codeflow_engine import errors
from codeflow_engine.errors import CodeflowError, PluginError, ProviderError
from codeflow_engine.plugins.containment import is_foreign

__all__ = ["foreign", "own_class"]


@contextmanager
def foreign(model_id: str) -> Iterator[None]:
    """Run code of a provider, or of the host behind it, such as what gives the key.

    Args:
        model_id: Whose it is.

    Raises:
        PluginError: It raised what is no error of our tree.
    """
    try:
        yield
    except CodeflowError:
        raise
    except BaseException as error:
        if not is_foreign(error):
            raise
        # Its text may quote the prompt, the answer or the key; whoever looks for it has the cause.
        kind = type(error).__name__
        raise PluginError(f"llm {model_id!r} broke its contract: it raised {kind}") from error


def own_class(error: ProviderError) -> type[ProviderError]:
    """Give the class of our tree that an error belongs to.

    A provider may derive one of its own, whose constructor nobody knows here.
    """
    return next(
        kind
        for kind in type(error).__mro__
        if issubclass(kind, ProviderError) and kind.__module__ == errors.__name__
    )
