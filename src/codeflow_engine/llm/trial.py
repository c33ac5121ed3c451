"""Whether a model can be asked: one short question to each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.model import Trial
from codeflow_engine.errors import CodeflowError
from codeflow_engine.pace.retry import Retry

if TYPE_CHECKING:
    from codeflow_engine.llm.call import Caller
    from codeflow_engine.llm.model import Model

__all__ = ["Trials"]

_TOKENS: Final = 16
"""What the answer may have: OpenAI takes no less."""

_QUESTION: Final = ChatRequest(
    messages=(Message(role=Role.USER, text="Answer with the word: ok"),),
    max_output_tokens=_TOKENS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Tries models, each with one call that is booked as any other one."""

    caller: Caller

    async def of(self, model: Model) -> Trial:
        """Ask a model something short, once; an answer that is cut off is one as well."""
        caller = replace(self.caller, retry=Retry(attempts=1, most=self.caller.retry.most))
        clock = caller.clock
        began = clock.monotonic()
        try:
            answer = await caller.call(model, _QUESTION, Payer())
        except CodeflowError as error:
            return Trial(model=model.id, endpoint=model.llm.endpoint, error=error.message)
        return Trial(
            model=model.id,
            endpoint=model.llm.endpoint,
            answered_by=answer.model,
            seconds=clock.monotonic() - began,
            cost_usd=answer.usage.cost_usd,
        )
