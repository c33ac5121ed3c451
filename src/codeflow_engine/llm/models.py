"""What is known of the models: from the list that ships with `genai-prices`, and the host.

The list is read from the installed package, never from the network, and nothing refreshes it
in the background; a host that has set another one for itself does not change ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.model import ModelFacts, ModelSettings, Rates

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot

    from codeflow_engine.domain.usage import CallUsage

__all__ = ["Models"]

_PROVIDERS = {
    "anthropic": "anthropic",
    "azure.ai.openai": "azure",
    "groq": "groq",
    "mistral_ai": "mistral",
    "openai": "openai",
}
"""What the list calls our providers. It must not find one by likeness: its own search takes
whatever has `openai` in its name for OpenAI."""

_FREE = frozenset(("echo",))
"""Providers that ask nobody: a call costs nothing, which is known and no guess. A model on a
server of the host's own is not among them; what it costs, the host alone can say."""

_PRICES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}
_NOTHING = ModelFacts(
    rates=(Rates(input=Decimal(0), output=Decimal(0), cached=Decimal(0), cache_write=Decimal(0)),)
)


class Models:
    """Looks models up by the provider's name and the model's id.

    `load` once before: the first look-up imports the list, in 0.2 s and 20 MB where no SDK was
    imported yet, and in 0.03 s and 4 MB beside OpenAI's.

    Args:
        settings: What the host says of single models, by `provider:model` or by the model's id
            alone. It goes before the list.
    """

    def __init__(self, settings: Mapping[str, ModelSettings] | None = None) -> None:
        self._settings = dict(settings or {})

    def load(self) -> None:
        """Import the list. Call it in a thread: an event loop would stand still meanwhile."""
        _snapshot()

    def facts(self, provider: str, model: str, *, at: datetime) -> ModelFacts:
        """Tell what is known of a model.

        Args:
            provider: The name that the provider gives itself, such as `mistral_ai`.
            model: The model's id. One with a date or another suffix is known where the list
                says so.
            at: When it is asked: prices change at dates that the list knows.
        """
        listed = _listed(provider, model, at)
        said = self._said(provider, model)
        if said is None:
            return listed
        return ModelFacts(
            context_window=said.context_window or listed.context_window,
            max_output=said.max_output or listed.max_output,
            rates=_said_rates(said) or listed.rates,
        )

    def limits(self, provider: str, model: str) -> dict[str, int]:
        """Give what the host says that a key may do in a minute: `requests` and `tokens`."""
        said = self._said(provider, model)
        if said is None:
            return {}
        limits = {"requests": said.requests_per_minute, "tokens": said.tokens_per_minute}
        return {what: limit for what, limit in limits.items() if limit is not None}

    def _said(self, provider: str, model: str) -> ModelSettings | None:
        return self._settings.get(f"{provider}:{model}") or self._settings.get(model)

    def cost(self, provider: str, model: str, usage: CallUsage, *, at: datetime) -> Decimal | None:
        """Tell what a call cost in US dollars, exactly; None where that is unknown, never 0.

        It is the standard price: no batch, flex or priority tier. A cached token costs what the
        list says, or as one that was sent; a cache write without a price makes it unknown.
        """
        return self.facts(provider, model, at=at).cost(usage)


def _said_rates(said: ModelSettings) -> tuple[Rates, ...]:
    if said.input_usd_per_million is None:
        return ()
    cache_write = said.cache_write_usd_per_million
    return (
        Rates(
            input=said.input_usd_per_million,
            output=said.output_usd_per_million,
            cached=said.cached_usd_per_million,
            cache_write=said.input_usd_per_million if cache_write is None else cache_write,
        ),
    )


@lru_cache(maxsize=1)
def _snapshot() -> DataSnapshot:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


def _listed(provider: str, model: str, at: datetime) -> ModelFacts:
    if provider in _FREE:
        return _NOTHING
    if provider not in _PROVIDERS:
        return ModelFacts()
    try:
        _, found = _snapshot().find_provider_model(model, None, _PROVIDERS[provider], None)
    except LookupError:
        return ModelFacts()
    prices = found.get_prices(at) if found.prices else None
    return ModelFacts(context_window=found.context_window, rates=_rates(prices))


def _rates(prices: Any) -> tuple[Rates, ...]:
    """Read the list's prices; a call of some length falls into one of their steps.

    A price that is no finite number of at least 0 makes all of them unknown.
    """
    told = {kind: getattr(prices, name, None) for kind, name in _PRICES.items()}
    if told["input"] is None and told["output"] is None:
        return ()
    steps = {tier.start for price in told.values() for tier in getattr(price, "tiers", ())}
    try:
        return tuple(
            Rates(**{kind: _at_step(price, above) for kind, price in told.items()}, above=above)
            for above in sorted({-1, *steps})
        )
    except ValueError:
        return ()


def _at_step(price: Any, above: int) -> Decimal | None:
    passed = [tier for tier in getattr(price, "tiers", ()) if tier.start <= above]
    if passed:
        told = max(passed, key=lambda tier: tier.start).price
    else:
        told = getattr(price, "base", price)
    return told if told is None or isinstance(told, Decimal) else None
