"""One model of an engine, with what is kept about it from call to call."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codeflow_engine.errors import (
    AuthenticationError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExhaustedError,
)
from codeflow_engine.llm.breaker import Breaker
from codeflow_engine.llm.foreign import foreign
from codeflow_engine.llm.pacer import Pacer
from codeflow_engine.llm.retry import Allowance

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from codeflow_engine.contracts import LLM, Meter
    from codeflow_engine.domain.model import ModelFacts
    from codeflow_engine.llm.models import Models
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.redaction import Redactor

__all__ = ["Model"]

_OPEN_WEIGHTS = "gpt-oss"
"""Models of OpenAI's that others serve, too, each at their own price."""

_FAILURES = 5
_REST = 30.0
_KEY_REST = 300.0
"""Seconds; an empty account is filled by a person, not by time."""


class Model:
    """A model that can be asked.

    Args:
        model_id: As the host names it, such as `openai:gpt-5.1`.
        llm: Its provider.
        models: Knows what it can hold and what it costs.
        meter: Keeps the rate limits.
        clock: Counts the seconds.
        redactor: Learns its keys.
    """

    def __init__(
        self,
        model_id: str,
        llm: LLM,
        models: Models,
        *,
        meter: Meter,
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        self.id: str = model_id
        self.llm: LLM = llm
        self._models = models
        self.allowance: Allowance = Allowance()
        self._meter = meter
        self._clock = clock
        self._redactor = redactor
        self.breaker: Breaker = Breaker(
            model_id,
            clock,
            (ProviderTimeoutError, ProviderUnavailableError),
            failures=_FAILURES,
            rest=_REST,
        )
        self.place: tuple[str, str | None] = ("", None)
        """Its provider's interface, and where that is."""

        self._account = ""
        self._facts: tuple[date, ModelFacts] | None = None
        self.learn()

    def learn(self) -> None:
        """Take note of the keys that it uses now, so that nothing ever shows one.

        After a change its account begins anew.

        Raises:
            PluginError: Whoever gives the keys failed.
        """
        with foreign(self.id):
            secrets = [secret for secret in self.llm.secrets if secret.strip()]
            self.place = self.llm.provider, self.llm.endpoint
            told = json.dumps([*self.place, *secrets])
        account = hashlib.sha256(told.encode()).hexdigest()[:16]
        if account == self._account:
            return
        self._account = account
        for secret in secrets:
            self._redactor.add_secret(secret)
        self.key: Breaker = Breaker(
            f"the key of {self.id}",
            self._clock,
            (AuthenticationError, QuotaExhaustedError),
            failures=1,
            rest=_KEY_REST,
        )
        self.pacer: Pacer = Pacer(
            account,
            self.id,
            meter=self._meter,
            clock=self._clock,
            limits=self._models.limits(self.llm.provider, self.llm.model),
        )

    @property
    def _seller(self) -> str:
        """Whose price list it is on: open weights behind OpenAI's interface are anybody's."""
        llm = self.llm
        host = urlsplit(llm.endpoint or "").hostname or ""
        is_theirs = host.endswith("openai.com") or not llm.model.startswith(_OPEN_WEIGHTS)
        return llm.provider if llm.provider != "openai" or is_theirs else ""

    async def load(self, threads: Executor) -> None:
        """Read the list of models, if nobody has yet: in a thread, since that takes a moment."""
        if self._facts is None:
            await asyncio.get_running_loop().run_in_executor(threads, self._load)

    def _load(self) -> None:
        self.facts()
        # `retry` needs it, and would import it on the event loop, which then stands still.
        importlib.import_module("tenacity")

    def facts(self) -> ModelFacts:
        """Tell what is known of it now: prices change at dates that the list knows."""
        now = self._clock.now()
        if self._facts is None or self._facts[0] != now.date():
            facts = self._models.facts(self._seller, self.llm.model, at=now)
            self._facts = now.date(), facts
        return self._facts[1]
