"""How long calls are kept waiting, and the loop of the host."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from gateway_world import PAYER, Scripted, question, whole

from codeflow_engine.domain.chat import Room
from codeflow_engine.errors import ProviderUnavailableError, RateLimitError
from codeflow_engine.pace import Retry
from loop_holds import watching_loop


@pytest.mark.parametrize("limits", [{}, {"requests_per_minute": 10}], ids=["header", "bucket"])
@pytest.mark.parametrize("seconds", [math.inf, 1e15], ids=str)
async def test_l31_no_header_locks_a_model_for_ever(
    ask: Any, seconds: float, limits: dict[str, int]
) -> None:
    """An answer that says there is no room for years holds the next call back for minutes."""
    room = Room(requests=0, requests_reset=seconds)
    gateway = ask(Scripted("m", replace(whole("first"), room=room)), models={"m": limits})
    await gateway.ask(question("1"), PAYER)

    with pytest.raises(RateLimitError) as held:
        await gateway.ask(question("2"), PAYER)

    assert 0 < (held.value.retry_after or 0) <= 600


@pytest.mark.parametrize("limits", [{}, {"requests_per_minute": 10}], ids=["header", "bucket"])
async def test_l31_a_header_that_holds_no_number_is_passed_over(
    ask: Any, limits: dict[str, int]
) -> None:
    """It takes neither the answer that it comes with nor the next one."""
    room = Room(requests=0, requests_reset=math.nan)
    model = Scripted("m", replace(whole("first"), room=room), "second")
    gateway = ask(model, models={"m": limits})

    first = await gateway.ask(question("1"), PAYER)

    assert (first.text, (await gateway.ask(question("2"), PAYER)).text) == ("first", "second")


@pytest.mark.parametrize("asked", [math.inf, 1e300, 315_360_000.0])
def test_l2_no_pause_is_longer_than_a_day(asked: float) -> None:
    """Ten years are a mistake of the server's, and no date holds the end of 1e300 seconds."""
    pause = Retry().pause(1, RateLimitError("slow", retry_after=asked), 0.5)

    assert pause == 86_400


@pytest.mark.parametrize("asked", [math.nan, -5.0])
def test_l2_a_wait_that_is_none_is_passed_over(asked: float) -> None:
    """What is left is the pause that is drawn."""
    assert Retry(first=1).pause(1, RateLimitError("slow", retry_after=asked), 0.5) == 0.5


class AcmeAwayError(ProviderUnavailableError):
    """A provider's own class, made in a way of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"away: {code}")


async def test_l28_errors_of_a_providers_own_class_are_put_together(ask: Any) -> None:
    """Where all models fail, the error is one of our tree and names each reason."""
    models = [Scripted("m", AcmeAwayError(5)), Scripted("n", AcmeAwayError(6))]

    with pytest.raises(ProviderUnavailableError, match=r"away: 5; away: 6"):
        await ask(*models).ask(question(), PAYER)


@pytest.mark.parametrize("verb", ["ask", "preview"])
async def test_a_question_of_10_mb_does_not_hold_up_the_loop(ask: Any, verb: str) -> None:
    """It is looked through and weighed in threads; on the loop each of it takes 0.2 s."""
    gateway = ask(*[Scripted(name, "fine", provider="openai") for name in ("gpt-5.1", "gpt-5")])
    await gateway.ask(question("the first one imports what is needed"), PAYER)
    large = question("def f(a):\n    return a + 1  # a comment here\n" * 220_000)

    async with watching_loop() as hold:
        if verb == "ask":
            await gateway.ask(large, PAYER)
        else:
            await gateway.preview(large)

    assert hold.seconds < 0.12
