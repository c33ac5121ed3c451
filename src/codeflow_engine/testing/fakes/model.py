"""A model that answers by a script."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.errors import ConfigurationError

__all__ = ["FakeModel", "Said", "Script"]

type Said = str | ChatAnswer | BaseException
"""What the model says to one request: a text, a whole answer, or an error that is raised."""

type Script = Callable[[ChatRequest], Said | Awaitable[Said]]
"""Says what the model says to a request."""


class FakeModel:
    """Stands where the way to a model would be; its method `ask` is an `Ask`.

    ```python
    model = FakeModel("first", RateLimitError("slow down"), "third")
    inspection = await strategy.inspect(chunk, model.ask)
    assert len(model.requests) == 1
    ```

    Args:
        said: What is said, in the order of the requests; or one function, which may be
            async, and is given each request. A text is a whole answer.
        finish_reason: Why an answer that was given as a text has ended.
    """

    def __init__(
        self, *said: Said | Script, finish_reason: FinishReason = FinishReason.STOP
    ) -> None:
        self._script = said[0] if len(said) == 1 and callable(said[0]) else None
        self._queue = deque(said if self._script is None else ())
        self.finish_reason = finish_reason
        """Why an answer that was given as a text has ended."""

        self.requests: list[ChatRequest] = []
        """All requests so far, in the order in which they came."""

    async def ask(self, request: ChatRequest) -> ChatAnswer:
        """Answer a request, or raise what the script has for it.

        Raises:
            ConfigurationError: The script is at its end.
        """
        said = await self.say(request)
        if isinstance(said, ChatAnswer):
            return said
        return ChatAnswer(text=said, finish_reason=self.finish_reason, model="fake")

    async def say(self, request: ChatRequest) -> str | ChatAnswer:
        """Give what the script has for a request, as it stands there, or raise it.

        Raises:
            ConfigurationError: The script is at its end.
        """
        self.requests.append(request)
        said = self._next() if self._script is None else self._script(request)
        if inspect.isawaitable(said):
            said = await said
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, ChatAnswer) else str(said)

    def _next(self) -> Said | Script:
        if not self._queue:
            times = len(self.requests)
            raise ConfigurationError(
                f"the fake model was asked {times} time{'s' * (times > 1)}, "
                f"and its script has nothing more to say"
            )
        return self._queue.popleft()
