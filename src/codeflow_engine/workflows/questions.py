"""What a workflow asks models: on whose account, and what it has taken so far."""

from __future__ import annotations

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import CodeflowError
from codeflow_engine.llm.answers import digest_of
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["Questions"]


class Questions:
    """Asks for one run about one change, and counts what that run pays for.

    An answer that another run has paid for costs nothing, and neither does one that this run
    has had already. What was paid for in vain, such as answers of a wrong form, counts.

    Args:
        run: Who asks.
        given: Which models it asks, and what it may spend.
        change: What it asks about, whose budget pays, too.
    """

    def __init__(self, run: RunContext, given: ReviewInput, change: Change) -> None:
        self._run = run
        self._given = given
        self._change = change
        self._counted: set[str] = set()
        self.usage: Usage = Usage()
        """Of all answers so far."""

    async def ask(self, request: ChatRequest, key: str) -> ChatAnswer:
        """Ask, as a step of the run; raises as `RunContext.ask` does.

        Args:
            request: The question.
            key: Tells it apart from those beside it.
        """
        given = self._given
        try:
            answer = await self._run.ask(
                request,
                key=key,
                llm=given.llm,
                change=self._change.key,
                repository=given.repository(),
                budget=given.budget,
            )
        except CodeflowError as error:
            if error.usage is not None:
                self.usage += from_plain(Usage, error.usage)
            raise
        question = await digest_of(request)
        if answer.run_id == self._run.run_id and question not in self._counted:
            self.usage += answer.usage
            self._counted.add(question)
        return answer
