"""The one way to a model.

Each stage stands in a file of its own, and a question passes them in this order:

1. `redacting`: secrets are taken out, and later the keys out of answers.
2. `disclosure`: models that may not see its paths are left out.
3. `flights`, `answers`: whoever asks the same at the same time waits for the first; an answer
   that is there already is given, and costs nothing.
4. `fallback`: model after model, in the host's order, until one gives an answer.
5. `conversation`: what a model says is continued, extended or repaired into a whole answer.
6. `call`: each attempt is paced (`pacer`), guarded (`breaker`), booked (`purse`) and settled;
   one that fails is made again (`retry`). Once it is booked, the question has its place
   (`pace.admission`).
7. `answers`: the answer is kept before anybody uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Preview
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import CodeflowError, ConfigurationError, DisclosureError
from codeflow_engine.llm.answers import digest_of
from codeflow_engine.llm.conversation import Conversation
from codeflow_engine.llm.fallback import next_model, worst
from codeflow_engine.llm.flights import Flights
from codeflow_engine.llm.question import require_question
from codeflow_engine.llm.redacting import redacted, without_keys
from codeflow_engine.llm.structured import require_schema
from codeflow_engine.llm.tokens import estimate_text, estimated
from codeflow_engine.llm.trial import Trials
from codeflow_engine.pace.admission import admit

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from codeflow_engine.domain.budget import Payer
    from codeflow_engine.domain.model import ModelFacts, Trial
    from codeflow_engine.llm.answers import Answers
    from codeflow_engine.llm.call import Caller
    from codeflow_engine.llm.disclosure import Disclosure
    from codeflow_engine.llm.model import Model
    from codeflow_engine.redaction import Redactor

__all__ = ["Gateway"]


class Gateway:
    """Asks the models of one engine.

    Args:
        models: In the order in which they are asked.
        find: Gives the model of an id, the same one each time.
        answers: The durable answers.
        caller: Makes the calls.
        disclosure: Who may see what.
        redactor: Knows the secrets.
        threads: Where large questions are looked through.
        refusals: Whether another model is asked where one has declined.
    """

    def __init__(
        self,
        models: Sequence[Model],
        *,
        find: Callable[[str], Model],
        answers: Answers,
        caller: Caller,
        disclosure: Disclosure,
        redactor: Redactor,
        threads: Executor,
        refusals: bool,
    ) -> None:
        self.models: tuple[Model, ...] = tuple(models)
        self._find = find
        self._answers = answers
        self._caller = caller
        self._disclosure = disclosure
        self._redactor = redactor
        self._threads = threads
        self._refusals = refusals
        self._flights = Flights()

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the models, in the order in which they are asked."""
        return tuple(model.id for model in self.models)

    def select(self, llm: Sequence[str] | None) -> Gateway:
        """Give the way to some models, which shares all that is known of them.

        Raises:
            UnknownBackendError: Nobody offers such models.
        """
        if llm is None:
            return self
        chosen = copy(self)
        chosen.models = tuple(map(self._find, llm))
        return chosen

    def readers(self, paths: Sequence[str]) -> frozenset[str]:
        """Give the ids of the models that may see files, by the host's rules."""
        return frozenset(
            model.id
            for model in self.models
            if self._disclosure.withholds(model.id, model.place[0], paths) is None
        )

    async def facts(self) -> tuple[ModelFacts, ...]:
        """Tell what is known of each of the models, in their order."""
        for model in self.models:
            await model.load(self._threads)
        return tuple(model.facts() for model in self.models)

    def count(self, text: str) -> int:
        """Estimate on the high side how many tokens a text has for the first of the models."""
        llm = self.models[0].llm if self.models else None
        named = {"provider": llm.provider, "model": llm.model} if llm else {}
        return estimate_text(text, **named)

    async def ask(self, request: ChatRequest, payer: Payer) -> ChatAnswer:
        """Get a whole answer that follows its form.

        The same question has one answer for ever: it is given again without a call, where
        `ChatAnswer.run_id` tells which run has paid for it.

        Args:
            request: The question.
            payer: On whose account.

        Raises:
            ConfigurationError: The engine has no model, or one without key, SDK or price; or the
                question or its schema is none.
            DisclosureError: No model may see its paths.
            BudgetExhaustedError: It could cost more than a budget has left.
            ProviderError: No model gave an answer; `retry_after` says when one may.
        """
        question, models = await self._admit(request)
        digest = await digest_of(question)
        async with self._flights.one(digest):
            known = await self._answers.find(digest, models)
            if known is not None:
                admit()
                return known
            model, answer = await self._ask_all(question, models, payer)
            signed = replace(answer, run_id=payer.run_id or "")
            return await self._answers.keep(digest, model, signed)

    async def preview(self, request: ChatRequest) -> Preview:
        """Say what asking would send, to whom, and what it may cost; nothing is sent.

        Raises:
            ConfigurationError: The engine has no model.
        """
        models, withheld = self._permitted(request)
        question = await self._prepare(request, models)
        known = await self._answers.find(await digest_of(question), models)
        first = models[0] if models else None
        named = (first.llm.provider, first.llm.model) if first else ("", "")
        tokens = await estimated(question, *named)
        most = first.facts().ceiling(tokens, question.max_output_tokens) if first else None
        return Preview(
            models=tuple(model.id for model in models),
            withheld=withheld,
            request=question,
            tokens=tokens,
            most_usd=most,
            is_answered=known is not None,
        )

    async def trials(self) -> tuple[Trial, ...]:
        """Ask each model something short, which costs a fraction of a cent, and tell of it."""
        trials = Trials(caller=self._caller)
        for model in self.models:
            model.learn()
            await model.load(self._threads)
        return tuple([await trials.of(model) for model in self.models])

    async def _admit(self, request: ChatRequest) -> tuple[ChatRequest, tuple[Model, ...]]:
        """Give a question as it is sent, and the models that may be asked it."""
        models, withheld = self._permitted(request)
        if not models:
            told = ", ".join(f"{path!r} from {model_id}" for model_id, path in withheld.items())
            raise DisclosureError(f"no model may see what the question shows: {told} is withheld")
        return await self._prepare(request, models), models

    async def _prepare(self, request: ChatRequest, models: Sequence[Model]) -> ChatRequest:
        """Give a question without secrets, the keys of the models among them."""
        for model in models:
            model.learn()
            await model.load(self._threads)
        if request.answer_schema is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, require_schema, request.answer_schema)
        return await redacted(request, self._redactor, self._threads)

    def _permitted(self, request: ChatRequest) -> tuple[tuple[Model, ...], dict[str, str]]:
        """Give the models that may see the paths of a question, and why the others may not."""
        require_question(request)
        if not self.models:
            raise ConfigurationError(
                "no model is configured: name one, such as llm='openai:gpt-5.1' or CODEFLOW_LLM"
            )
        models: list[Model] = []
        withheld: dict[str, str] = {}
        for model in self.models:
            path = self._disclosure.withholds(model.id, model.place[0], request.paths)
            if path is None:
                models.append(model)
            else:
                withheld[model.id] = path
        return tuple(models), withheld

    async def _ask_all(
        self, question: ChatRequest, models: Sequence[Model], payer: Payer
    ) -> tuple[Model, ChatAnswer]:
        """Give an answer, and the model that gave it."""
        clean = partial(without_keys, redactor=self._redactor, threads=self._threads)
        conversation = Conversation(self._caller, question, payer, clean=clean)
        errors: list[CodeflowError] = []
        left = tuple(models)
        while True:
            model, left = left[0], left[1:]
            try:
                return model, await conversation.ask(model)
            except CodeflowError as error:
                errors.append(error)
                place = next_model(left, model, error, refusals=self._refusals)
                if place is None:
                    failure = worst(errors)
                    if conversation.usage.calls:
                        failure.usage = to_plain(Usage() + conversation.usage)
                    raise failure from error
                left = left[place:]
                self._caller.log.warning(
                    "model failed, the next one is asked",
                    model=model.id,
                    next=left[0].id,
                    error=error.message,
                )
