"""A provider that is asked through the client of an SDK, in JSON of one form or another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from types import ModuleType
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import quote

from codeflow_engine.contracts.llm import LLM, LLMCapability
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.calls.events import EventReader, parse_json, read_body
from codeflow_engine.providers.llm.calls.faults import Called, malformed
from codeflow_engine.providers.llm.calls.keys import Key
from codeflow_engine.providers.llm.calls.line import Line, is_client
from codeflow_engine.providers.llm.calls.places import Place, secret_headers
from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["AskingLLM", "Form", "Gathering", "check_client"]

_PAGES: Final = 20
"""Of a list of models; Anthropic alone cuts it."""


class Gathering(Protocol):
    """What has come of a streamed answer."""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is waited for."""

    def take(self, event: Any) -> str:
        """Take the next event, and give the text in it."""

    def answer(self) -> ChatAnswer:
        """Give the answer as far as it has come."""


class Form(Protocol):
    """How requests and answers are written."""

    @property
    def path(self) -> str:
        """Where it is asked, under the interface's URL."""

    def body(self, model: str, request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
        """Write a request."""

    def read(
        self, told: Any, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatAnswer:
        """Read a whole answer."""

    def gather(self, request: ChatRequest, called: Called, headers: Mapping[str, str]) -> Gathering:
        """Begin to read a streamed answer."""


class AskingLLM(LLM):
    """One model, asked through a client of an SDK: the host's, or one of our own.

    Args:
        model: Id of the model, as the provider takes it.
        settings: How it is reached.
        client: The host's client, or None.
        key: Where our client has its key from.
        place: Where our client goes to.
        needs_key: Whether that place takes no call without a key.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {LLMCapability.STREAMS, LLMCapability.ANSWER_SCHEMA, LLMCapability.LISTS_MODELS}
    )
    _sdk: ClassVar[str]
    """Package of the SDK, which is also the section of the settings and the extra."""

    _models_path: ClassVar[str] = "/models"

    def __init__(
        self,
        model: str,
        settings: LLMSettings,
        *,
        client: Any,
        key: Key,
        place: Place,
        needs_key: bool,
    ) -> None:
        self._model = model
        self._headers = settings.headers
        self._host = client
        self._key = key
        self._place = place
        self._needs_key = needs_key
        requires = f"codeflow-engine[{self._sdk}]"
        self._line = Line(self._sdk, requires, settings, make=self._make, host=client)

    @property
    def model(self) -> str:
        """Id of the model, as the provider takes it."""
        return self._model

    @property
    def provider(self) -> str:
        """Which interface it is asked through."""
        return self._sdk

    @property
    def endpoint(self) -> str:
        """URL that calls go to, without credentials."""
        return self._place_now().shown

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys that it uses now."""
        found = [*self._keys(), *self._place_now().secrets, *secret_headers(self._headers)]
        return tuple(each for each in found if isinstance(each, str) and each)

    @property
    @abstractmethod
    def _form(self) -> Form:
        """How it is asked."""

    @abstractmethod
    def _make(self, sdk: ModuleType, http: Any) -> Any:
        """Make our client."""

    def check(self) -> None:
        """Say what is missing for a call."""
        self._line.check()
        self._key_now()

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Ask once."""
        called, form = self._called(request), await self._ready_form()
        told, headers = await self._whole(called, form.path, form.body(self._model, request))
        return form.read(told, request, called, headers)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Ask once and yield pieces."""
        called, form = self._called(request), await self._ready_form()
        body = form.body(self._model, request, stream=True)
        reading = await self._line.send(
            called, form.path, key=self._key_now(), body=body, is_stream=True
        )
        try:
            if not _is_stream(reading.headers):
                # The server does not stream, or it is no such server at all.
                told = parse_json(await read_body(reading.next, called), called)
                answer = form.read(told, request, called, reading.headers)
                yield ChatDelta(text=answer.text, answer=answer)
                return
            gathering = form.gather(request, called, reading.headers)
            reader = EventReader(called)
            while (
                not (reader.is_done or gathering.is_ended)
                and (part := await reading.next()) is not None
            ):
                for told in reader.feed(part, reading.headers):
                    text = gathering.take(told)
                    if text:
                        yield ChatDelta(text=text)
            await reading.drain()
            yield ChatDelta(answer=gathering.answer())
        finally:
            await reading.aclose()

    async def list_models(self) -> tuple[str, ...]:
        """List the ids of the models on offer, sorted."""
        called, path = self._called(None), self._models_path
        found: set[str] = set()
        for _ in range(_PAGES):
            told, _headers = await self._whole(called, path, None)
            listed = told.get("data") if isinstance(told, Mapping) else None
            if not isinstance(listed, list):
                raise malformed(called, "no list of models", charged=False)
            ids = [one.get("id") for one in listed if isinstance(one, Mapping)]
            found.update(one for one in ids if isinstance(one, str))
            last = told.get("last_id")
            if told.get("has_more") is not True or not isinstance(last, str):
                break
            path = f"{self._models_path}&after_id={quote(last, safe='')}"
        return tuple(sorted(found))

    async def aclose(self) -> None:
        """Close our client; the host's stays as it is."""
        await self._line.aclose()

    async def _ready_form(self) -> Form:
        """Give the form, once the SDK is there: it may be asked by the form."""
        await self._line.load()
        return self._form

    def _keys(self) -> tuple[Any, ...]:
        """Give what stands for a key now."""
        return (self._key.current if self._host is None else self._host.api_key,)

    def _key_now(self) -> str | None:
        """Give the key that holds now; None for the host's client, or for a server without."""
        if self._host is not None or (not self._needs_key and not self._key.current):
            return None
        return self._key.require()

    def _place_now(self) -> Place:
        if self._host is None:
            return self._place
        return Place(self._sdk, str(self._host.base_url))

    def _called(self, request: ChatRequest | None) -> Called:
        name = self._key.name if self._host is None else "the client that the host gave"
        return Called(provider=self.provider, model=self._model, key_name=name, request=request)

    async def _whole(
        self, called: Called, path: str, body: Mapping[str, Any] | None
    ) -> tuple[Any, Mapping[str, str]]:
        reading = await self._line.send(called, path, key=self._key_now(), body=body)
        try:
            read = await read_body(reading.next, called)
        finally:
            await reading.aclose()
        return parse_json(read, called), reading.headers


def _is_stream(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return not kind.endswith(("json", "html"))


def check_client(
    client: object, sdk: str, name: str, *beside: object, base: str | None = None
) -> None:
    """Refuse a host's client that is of no use.

    Args:
        client: What the host gave; None is no client.
        sdk: Package of its class.
        name: Name of its class.
        beside: What cannot be given together with it.
        base: Name of the class that it and others derive from, where those are of use as well.

    Raises:
        ConfigurationError: It is of another class, or something was given beside it.
    """
    if client is None:
        return
    if not is_client(client, sdk, base or name):
        kind = type(client)
        raise ConfigurationError(
            f"client has to be an {sdk}.{name}, whose calls are awaited, and is "
            f"{kind.__module__}.{kind.__qualname__}"
        )
    if any(each is not None for each in beside):
        raise ConfigurationError(
            f"a client of {sdk} brings its key and its URL: give it, or api_key and base_url"
        )
