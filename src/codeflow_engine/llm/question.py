"""Whether a question can be asked at all: found out before anything is sent or paid for."""

from __future__ import annotations

from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import ConfigurationError

__all__ = ["require_question"]


def require_question(request: ChatRequest) -> None:
    """See that a question holds what its class declares.

    Workflows are written by hosts, and Python checks no annotation. A text in the place of the
    tuple of paths would be held against the rules letter by letter, and so against none.

    Raises:
        ConfigurationError: It holds something else.
    """
    if not is_sound(request):
        raise ConfigurationError(
            "a question is a ChatRequest whose fields are of the declared types: messages and "
            "paths are tuples, and each message has a Role and a text"
        )
