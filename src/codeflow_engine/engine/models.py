"""How the way to the models of an engine comes together."""

from __future__ import annotations

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

    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["gateway"]


def gateway(tools: Toolbox) -> Gateway:
    """Make the way to the models; their SDKs are not imported yet.

    Raises:
        ConfigurationError: A model, a budget or a pattern is wrong.
        UnknownBackendError: Nobody offers such models.
    """
    settings, clock = tools.settings, tools.clock
    caller = Caller(
        purse=Purse(tools.meter, settings.tenant, clock, settings.budgets),
        clock=clock,
        eyes=tools.eyes,
        log=tools.log,
        retry=Retry(attempts=settings.llm_attempts, most=settings.llm_pause),
        timeout=settings.llm_timeout,
        deadline=settings.llm_deadline,
    )
    models = [_model(tools, name) for name in settings.llm]
    return Gateway(
        models,
        answers=Answers(tools.journal, settings.tenant, clock),
        caller=caller,
        disclosure=_disclosure(tools, models),
        redactor=tools.redactor,
        threads=tools.threads,
        refusals=settings.llm_refusals,
    )


def _disclosure(tools: Toolbox, models: Sequence[Model]) -> Disclosure:
    own = {name for model in models for name in (model.id.partition(":")[0], model.place[0])}
    disclosure = Disclosure(tools.settings.withheld, own.union(tools.backends.names(Kind.LLM)))
    for name in disclosure.idle({model.id for model in models}):
        tools.log.warning("files are withheld from a model that is not asked", model=name)
    return disclosure


def _model(tools: Toolbox, name: str) -> Model:
    llm = tools.backends.get(LLM, name)
    # Those that the host has made are named by their class, so that rules for a provider hold
    # for all of them.
    model_id = name if ":" in name else f"{type(llm).__name__.lower()}:{llm.model}"
    said = tools.settings.models
    settings = said.get(model_id) or said.get(llm.model)
    known = {} if settings is None else {llm.model: settings}
    return Model(
        model_id,
        llm,
        Models(known),
        meter=tools.meter,
        clock=tools.clock,
        redactor=tools.redactor,
    )
