"""What a provider of models raises stays with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codeflow_engine.errors import CodeflowError, PluginError
from codeflow_engine.plugins.containment import is_foreign, tell

__all__ = ["foreign"]


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
        raise PluginError(f"llm {model_id!r} broke its contract: {tell(error)}") from error
