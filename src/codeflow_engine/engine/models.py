"""How the way to the models of an engine comes together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from codeflow_engine.contracts import LLM
from codeflow_engine.llm.answers import Answers
from codeflow_engine.llm.call import Caller
from codeflow_engine.llm.disclosure import Disclosure
from codeflow_engine.llm.gateway import Gateway
from codeflow_engine.llm.model import Model
from codeflow_engine.llm.models import Models
from codeflow_engine.llm.purse import Purse
from codeflow_engine.pace.retry import Retry
from codeflow_engine.plugins.registry import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from codeflow_engine.contracts import Journal, Meter
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.plugins.backends import Backends
    from codeflow_engine.redaction import Redactor
    from codeflow_engine.settings import Settings
    from codeflow_engine.telemetry.eyes import Eyes
    from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["Ground", "gateway"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the way to the models is built on."""

    settings: Settings
    journal: Journal
    meter: Meter
    backends: Backends
    redactor: Redactor
    eyes: Eyes
    log: EngineLog
    clock: Clock
    threads: Executor


def gateway(ground: Ground) -> Gateway:
    """Make the way to the models; their SDKs are not imported yet.

    Raises:
        ConfigurationError: A model, a budget or a pattern is wrong.
        UnknownBackendError: Nobody offers such models.
    """
    settings, clock = ground.settings, ground.clock
    caller = Caller(
        purse=Purse(ground.meter, settings.tenant, clock, settings.budgets),
        clock=clock,
        eyes=ground.eyes,
        log=ground.log,
        retry=Retry(attempts=settings.llm_attempts, most=settings.llm_pause),
        timeout=settings.llm_timeout,
        deadline=settings.llm_deadline,
    )
    find = cache(partial(_model, ground))
    models = [find(name) for name in settings.llm]
    return Gateway(
        models,
        find=find,
        answers=Answers(ground.journal, settings.tenant, clock),
        caller=caller,
        disclosure=_disclosure(ground, models),
        redactor=ground.redactor,
        threads=ground.threads,
        refusals=settings.llm_refusals,
    )


def _disclosure(ground: Ground, models: Sequence[Model]) -> Disclosure:
    own = {name for model in models for name in (model.id.partition(":")[0], model.place[0])}
    disclosure = Disclosure(ground.settings.withheld, own.union(ground.backends.names(Kind.LLM)))
    for name in disclosure.idle({model.id for model in models}):
        ground.log.warning("files are withheld from a model that is not asked", model=name)
    return disclosure


def _model(ground: Ground, name: str) -> Model:
    llm = ground.backends.get(LLM, name)
    # Those that the host has made are named by their class, so that rules for a provider hold
    # for all of them.
    model_id = name if ":" in name else f"{type(llm).__name__.lower()}:{llm.model}"
    said = ground.settings.models
    settings = said.get(model_id) or said.get(llm.model)
    known = {} if settings is None else {llm.model: settings}
    return Model(
        model_id,
        llm,
        Models(known),
        meter=ground.meter,
        clock=ground.clock,
        redactor=ground.redactor,
    )
