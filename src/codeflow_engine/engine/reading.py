"""The verbs of an engine with which models read a change without judging it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.reading import Answer, Description
    from codeflow_engine.engine.options import ChangeLike
    from codeflow_engine.runs.handle import AsyncRun

__all__ = ["ReadingVerbs"]


class ReadingVerbs:
    """A description of a change, and answers to questions about it."""

    if TYPE_CHECKING:

        async def submit(
            self,
            workflow: str,
            input: Mapping[str, Any],  # noqa: A002 - as the verb has it
        ) -> AsyncRun:
            """Stand for the verb of the engine."""
            ...

        async def _finish(self, run: AsyncRun) -> Any: ...

    async def describe(
        self,
        change: ChangeLike,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Description:
        """Say what a change does: title, summary, labels, and a walk through its files.

        A change that is too large for one question is read part by part, and the parts are
        put together. Cancelling this call cancels the run.

        Args:
            change: As for `review`.
            base: As for `review`.
            head: As for `review`.
            llm: Ids of the models to ask, in their order, in place of the engine's.
            budget: What this run may spend on models, in place of the engine's budget of
                runs. What it does not reach stands in `Description.unread`.

        Raises:
            ConfigurationError: No model is configured, or the arguments cannot work.
            DisclosureError: No model may see any of the change.
            BudgetExhaustedError: The money does not reach any of it.
            ProviderError: No model gave an answer about any of it.
            CodeflowError: Whatever kept the change from being read.
        """
        asked: dict[str, Any] = {"change": change, "base": base, "head": head}
        asked |= {"llm": llm, "budget": budget}
        result: Description = await self._finish(await self.submit("describe", asked))
        return result

    async def ask(
        self,
        change: ChangeLike,
        question: str,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Answer:
        """Answer a question about a change, with the lines that the answer rests on.

        The question is an instruction of yours, and is sent as such; what the change holds is
        data. Hand in no question that the author of a change may have written. Cancelling this
        call cancels the run.

        Args:
            change: As for `review`.
            question: At most 10,000 characters.
            base: As for `review`.
            head: As for `review`.
            llm: Ids of the models to ask, in their order, in place of the engine's.
            budget: What this run may spend on models, in place of the engine's budget of
                runs. What it does not reach stands in `Answer.unread`.

        Raises:
            ConfigurationError: No model is configured, or the arguments cannot work.
            DisclosureError: No model may see any of the change.
            BudgetExhaustedError: The money does not reach any of it.
            ProviderError: No model gave an answer about any of it.
            CodeflowError: Whatever kept the change from being read.
        """
        asked: dict[str, Any] = {"change": change, "base": base, "head": head}
        asked |= {"question": question, "llm": llm, "budget": budget}
        result: Answer = await self._finish(await self.submit("ask", asked))
        return result
