from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import BudgetExhaustedError
from codeflow_engine.workflows.paying import Paying

REQUEST = ChatRequest(messages=(Message(role=Role.USER, text="?"),), max_output_tokens=9)
KEYS = "abcdefghij"


@dataclass
class Till:
    """Books 5 for each question, of which 1 is spent."""

    left: int
    refused: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    async def ask(self, request: ChatRequest, key: str) -> ChatAnswer:
        if self.left < 5:
            self.refused.append(key)
            raise BudgetExhaustedError("too little", scope="run:r")
        self.left -= 5
        await asyncio.sleep(0.001)
        self.left += 4
        self.answered.append(key)
        return ChatAnswer(text=key, finish_reason=FinishReason.STOP, model="m")


async def ask_all(till: Till) -> str:
    """Ask at the same time; give the keys whose questions were refused for good."""
    paying = Paying(till.ask)
    given = await asyncio.gather(
        *(paying.ask(REQUEST, key) for key in KEYS), return_exceptions=True
    )
    pairs = zip(KEYS, given, strict=True)
    return "".join(key for key, one in pairs if isinstance(one, BudgetExhaustedError))


@pytest.mark.parametrize(
    ("left", "lost"), [(15, ""), (14, ""), (11, "hij"), (5, KEYS[1:]), (4, KEYS)]
)
async def test_what_is_left_goes_to_the_first_questions(left: int, lost: str) -> None:
    """Each one counts with what it costs and not with what was booked, in their order."""
    till = Till(left)

    refused = await ask_all(till)

    assert refused == lost
    assert [key[0] for key in till.answered] == [key for key in KEYS if key not in lost]


async def test_questions_that_all_have_money_are_asked_at_the_same_time_and_once() -> None:
    """Nothing waits for a turn where nothing was refused."""
    till = Till(50)

    assert await ask_all(till) == ""

    assert till.refused == []
    assert sorted(till.answered) == list(KEYS)


async def test_every_question_that_was_refused_is_asked_again_under_another_key() -> None:
    """So a run that is taken up again asks for the same keys, whoever is under way then."""
    till = Till(5)
    paying = Paying(till.ask)

    for key in "abc":
        with suppress(BudgetExhaustedError):
            await paying.ask(REQUEST, key)

    assert till.answered == ["a"]
    assert till.refused == ["b", "b again", "c", "c again"]
