"""What is told of one question to a model: a span, its attempts, its tokens, and its price."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.trace import Span

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.telemetry import names
from codeflow_engine.telemetry.tracing import Attributes, error_type

__all__ = ["ModelCall", "asked", "server"]

_PORTS: Final = {"http": 80, "https": 443}
_MOST: Final = 200
"""Characters of what a provider says about its answer."""


def server(endpoint: str | None) -> Attributes:
    """Tell where calls go to; nothing where the address is none."""
    try:
        parts = urlsplit(endpoint or "")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return {}
    if not host:
        return {}
    told: Attributes = {names.SERVER_ADDRESS: host}
    return told if port is None else {**told, names.SERVER_PORT: port}


def asked(request: ChatRequest, *, stream: bool) -> Attributes:
    """Tell of a request what is none of its content."""
    told: Attributes = {
        names.REQUEST_MAX_TOKENS: request.max_output_tokens,
        names.OUTPUT_TYPE: "text" if request.answer_schema is None else "json",
    }
    if request.temperature is not None:
        told[names.REQUEST_TEMPERATURE] = request.temperature
    if stream:
        told[names.REQUEST_STREAM] = True
    if request.prompt:
        told[names.PROMPT] = request.prompt[:_MOST]
    return told


class ModelCall:
    """One question to a model, however often it is sent.

    Args:
        span: Of the question.
        monotonic: Tells seconds.
        shown: Makes what a provider says fit to be told.
    """

    def __init__(
        self, span: Span, monotonic: Callable[[], float], shown: Callable[[str], str]
    ) -> None:
        self._span = span
        self._monotonic = monotonic
        self._shown = shown
        self.began: float = monotonic()
        """When it was asked."""

        self.usage: CallUsage | None = None
        """What all its answers took together; None without one."""

        self.waited: float | None = None
        """Seconds until the first piece of the answer came; None where nobody has told."""

        self.is_estimated: bool = False
        """Whether any provider did not count."""

        self._sent = self.began
        self._attempts = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Send it once. Each attempt is an event of the one span; so is what it raises."""
        self._attempts += 1
        self._sent = self._monotonic()
        told: dict[str, str | int | float] = {names.ATTEMPT_NUMBER: self._attempts}
        try:
            yield
        except BaseException as error:
            told[names.ERROR_TYPE] = error_type(error)
            raise
        finally:
            told[names.ATTEMPT_SECONDS] = self._monotonic() - self._sent
            self._span.add_event(names.ATTEMPT, told)

    def first_chunk(self) -> None:
        """Tell that the first piece of a streamed answer has come."""
        self.waited = self._monotonic() - self._sent
        self._span.set_attribute(names.RESPONSE_FIRST_CHUNK, self.waited)

    def answered(self, answer: ChatAnswer) -> None:
        """Tell what came back, also where the caller cannot use it: it costs all the same.

        Args:
            answer: With its price in `usage.cost_usd`; None there means that nobody knows it.
        """
        self.usage = answer.usage if self.usage is None else self.usage.plus(answer.usage)
        self.is_estimated = self.is_estimated or answer.is_estimated
        if not self._span.is_recording():
            return
        told: dict[str, str | int | float | tuple[str, ...]] = {
            names.RESPONSE_FINISH_REASONS: (answer.finish_reason.value,)
        }
        said = {names.RESPONSE_ID: answer.response_id, names.RESPONSE_MODEL: answer.model}
        told.update({name: self._shown(text[:_MOST]) for name, text in said.items() if text})
        self._span.set_attributes({**told, **self._counted(self.usage)})

    def _counted(self, usage: CallUsage) -> Mapping[str, int | float | bool]:
        told: dict[str, int | float | bool] = {
            names.INPUT_TOKENS: usage.input_tokens,
            names.OUTPUT_TOKENS: usage.output_tokens,
            names.CACHE_READ_TOKENS: usage.cached_tokens,
            names.CACHE_CREATION_TOKENS: usage.cache_write_tokens,
            names.REASONING_TOKENS: usage.reasoning_tokens,
        }
        if usage.cost_usd is not None:
            told[names.COST] = float(usage.cost_usd)
        if self.is_estimated:
            told[names.IS_ESTIMATED] = True
        return told
