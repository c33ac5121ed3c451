"""What a question passes on its way to a model and back."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from gateway_world import (
    PAYER,
    Scripted,
    cut,
    engine_of,
    gateway_of,
    question,
    sent,
    whole,
)

from codeflow_engine.domain.chat import FinishReason, Message, Role
from codeflow_engine.errors import (
    ConfigurationError,
    ContextOverflowError,
    InvalidResponseError,
    ProviderError,
    RefusedError,
    TruncatedAnswerError,
)

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
}


async def test_an_answer_is_given_with_its_price(ask: Any) -> None:
    """Tokens are those of the provider, and money is theirs times the price."""
    model = Scripted("m", whole("fine", input_tokens=1000, output_tokens=200))
    settings = {"m": {"input_usd_per_million": "2", "output_usd_per_million": "5"}}
    gateway = ask(model, models=settings)

    answer = await gateway.ask(question(), PAYER)

    assert (answer.text, answer.run_id) == ("fine", "run-1")
    assert answer.usage.cost_usd == Decimal("0.003")


async def test_a_question_that_comes_after_the_end_hears_that_the_engine_is_closed() -> None:
    """Its threads are gone, which is told as every verb of a closed engine tells it."""
    model = Scripted("m", "fine")
    engine = engine_of([model])
    gateway = gateway_of(engine)
    await engine.aclose()

    with pytest.raises(ConfigurationError, match="this engine is closed"):
        await gateway.ask(question(), PAYER)

    assert model.requests == []


async def test_a_model_without_a_price_has_an_unknown_cost(ask: Any) -> None:
    """An unknown cost is None, and never 0."""
    answer = await ask(Scripted("never-heard-of", "fine")).ask(question(), PAYER)

    assert answer.usage.cost_usd is None


async def test_secrets_do_not_reach_a_model(ask: Any) -> None:
    """What a rule finds, and what the engine was configured with, is taken out before."""
    model = Scripted("m", "fine")
    gateway = ask(model, secrets=["hunter2-hunter2-x"])
    token = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"

    await gateway.ask(question(f"key {token} and hunter2-hunter2-x"), PAYER)

    assert token not in sent(model)[0]
    assert "hunter2" not in sent(model)[0]


async def test_a_question_is_paid_for_once(ask: Any) -> None:
    """The same question has its answer for ever; another one has its own."""
    model = Scripted("m", "first", "second")
    gateway = ask(model)

    first = await gateway.ask(question(), PAYER)
    again = await gateway.ask(question(paths=("a.py",)), PAYER)
    other = await gateway.ask(question(prompt="inspect/2"), PAYER)

    assert (first.text, again.text, other.text) == ("first", "first", "second")
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"max_output_tokens": 101},
        {"temperature": 0.1},
        {"answer_schema": {"type": "string"}},
        {"prompt": "inspect/4"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_l30_all_that_a_question_consists_of_tells_it_apart(
    ask: Any, changed: dict[str, Any]
) -> None:
    """Another parameter, form, or version of the prompt is another question."""
    model = Scripted("m", '"one"', '"two"')
    gateway = ask(model)
    await gateway.ask(question(), PAYER)

    await gateway.ask(question(**changed), PAYER)

    assert len(model.requests) == 2


class Placed(Scripted):
    """Stands somewhere."""

    def __init__(self, place: str, *said: Any, **more: Any) -> None:
        super().__init__("m", *said, **more)
        self._place = place

    @property
    def endpoint(self) -> str:
        return self._place


@pytest.mark.parametrize(
    ("place", "provider"),
    [("http://127.0.0.1:9/test", "acme"), ("https://acme.example", "openai")],
)
async def test_another_servers_answer_is_another_one(
    tmp_path: Any, place: str, provider: str
) -> None:
    """What a test server has said is not given for the word of the real one."""
    storage = f"sqlite+aiosqlite:///{tmp_path / 'answers.db'}"
    before = engine_of([Placed(place, "of another", provider=provider)], storage=storage)
    async with before:
        await before.migrate()
        await gateway_of(before).ask(question(), PAYER)

    async with engine_of([Placed("https://acme.example", "fine")], storage=storage) as engine:
        answer = await gateway_of(engine).ask(question(), PAYER)

    assert answer.text == "fine"


@pytest.mark.parametrize(
    "others",
    [
        (Message(role=Role.SYSTEM, text="ab"), Message(role=Role.USER, text="c")),
        (Message(role=Role.SYSTEM, text="abc"), Message(role=Role.USER, text="")),
        (Message(role=Role.USER, text="a"), Message(role=Role.USER, text="bc")),
        (Message(role=Role.SYSTEM, text="abc"),),
        (Message(role=Role.SYSTEM, text="a"), Message(role=Role.USER, text="b\ud83d")),
    ],
    ids=["later", "at the end", "by another", "in one", "no text"],
)
async def test_l30_the_same_words_are_another_question_where_they_are_cut_otherwise(
    ask: Any, others: tuple[Message, ...]
) -> None:
    """Who says which of the words tells questions apart, also where they are no UTF-8."""
    model = Scripted("m", "one", "two")
    gateway = ask(model)
    first = (Message(role=Role.SYSTEM, text="a"), Message(role=Role.USER, text="bc"))
    await gateway.ask(question(messages=first), PAYER)

    await gateway.ask(question(messages=others), PAYER)

    assert len(model.requests) == 2


@pytest.mark.parametrize(
    "bad",
    [
        ProviderError("no", kind="bad_request"),
        cut(FinishReason.LENGTH),
        cut(FinishReason.REFUSED),
        cut(FinishReason.FILTERED),
        cut(FinishReason.UNKNOWN),
        cut(FinishReason.TOOLS),
        cut(FinishReason.STOP, " "),
    ],
    ids=["error", "length", "refused", "filtered", "unknown", "tools", "empty"],
)
async def test_l30_no_failure_is_kept(ask: Any, bad: Any) -> None:
    """What was refused, cut off or failed is asked again, and then answered."""
    model = Scripted("m", bad, "fine")
    gateway = ask(model, budget=None)
    with pytest.raises(ProviderError):
        await gateway.ask(question(), PAYER)

    assert (await gateway.ask(question(), PAYER)).text == "fine"


@pytest.mark.parametrize(
    ("reason", "error", "kind"),
    [
        (FinishReason.LENGTH, TruncatedAnswerError, "truncated"),
        (FinishReason.UNKNOWN, TruncatedAnswerError, "no_finish_reason"),
        (FinishReason.PAUSED, TruncatedAnswerError, "truncated"),
        (FinishReason.OVERFLOW, ContextOverflowError, "context_overflow"),
        (FinishReason.REFUSED, RefusedError, "refused"),
        (FinishReason.FILTERED, RefusedError, "filtered"),
        (FinishReason.TOOLS, InvalidResponseError, "tools"),
    ],
    ids=lambda value: value.value if isinstance(value, FinishReason) else None,
)
async def test_l10_l11_l12_l15_l17_what_is_not_whole_is_an_error(
    ask: Any, reason: FinishReason, error: type[ProviderError], kind: str
) -> None:
    """Only a model that says that it has come to its end has answered."""
    with pytest.raises(error) as raised:
        await ask(Scripted("m", cut(reason))).ask(question(), PAYER)

    assert (raised.value.kind, raised.value.charged) == (kind, True)


async def test_l10_a_model_with_more_room_gets_it_once(ask: Any) -> None:
    """Cut off at the limit that was asked for, it is asked again with twice the room."""
    model = Scripted("m", cut(FinishReason.LENGTH), "whole")
    gateway = ask(model, models={"m": {"max_output": 150}})

    answer = await gateway.ask(question(), PAYER)

    assert answer.text == "whole"
    assert [request.max_output_tokens for request in model.requests] == [100, 150]
    assert answer.usage.calls == 2


async def test_l12_a_model_that_pauses_goes_on(ask: Any) -> None:
    """It is sent its own words, and what it says in all is the answer."""
    model = Scripted("m", cut(FinishReason.PAUSED, "one "), whole("two"))

    answer = await ask(model).ask(question(), PAYER)

    assert answer.text == "one two"
    assert sent(model)[1] == "one "


async def test_l12_pauses_are_bounded(ask: Any) -> None:
    """One that always pauses is no answer, after a few turns."""
    model = Scripted("m", cut(FinishReason.PAUSED))

    with pytest.raises(TruncatedAnswerError, match="paused again and again"):
        await ask(model).ask(question(), PAYER)

    assert len(model.requests) == 4


async def test_l13_a_wrong_form_is_repaired_once(ask: Any) -> None:
    """The model is told what is wrong, and its second answer counts."""
    model = Scripted("m", '{"n": "x"}', '{"n": 1}')

    answer = await ask(model).ask(question(answer_schema=FORM), PAYER)

    assert json.loads(answer.text) == {"n": 1}
    assert '$.n: type has to be "integer"' in sent(model)[1]
    assert (answer.usage.calls, answer.usage.input_tokens) == (2, 20)


async def test_l13_a_second_wrong_form_is_an_error(ask: Any) -> None:
    """There is one repair, and no more."""
    model = Scripted("m", "no JSON at all")

    with pytest.raises(InvalidResponseError, match="did not keep to the form"):
        await ask(model).ask(question(answer_schema=FORM), PAYER)

    assert len(model.requests) == 2


async def test_l14_a_provider_that_refuses_its_own_models_form_is_asked_again(ask: Any) -> None:
    """Such a refusal is a wrong form as any: one repair, then the next model."""
    refused = InvalidResponseError("no", kind="invalid_json", charged=True)
    first, second = Scripted("m", refused), Scripted("n", '{"n": 2}')

    answer = await ask(first, second).ask(question(answer_schema=FORM), PAYER)

    assert (answer.model, len(first.requests)) == ("n", 2)


async def test_those_who_ask_the_same_at_once_pay_once(ask: Any) -> None:
    """One call is made, and all have its answer; other questions do not wait."""
    model = Scripted("m", "first", "second", "third")
    gateway = ask(model)

    asked = [gateway.ask(question(text), PAYER) for text in ["same"] * 20 + ["other"]]
    answers = await asyncio.gather(*asked)

    assert len({answer.text for answer in answers[:20]}) == 1
    assert len(model.requests) == 2
    assert gateway._flights._locks == {}


async def test_where_the_first_one_fails_or_gives_up_the_next_one_asks(ask: Any) -> None:
    """Nobody is left without an answer because somebody else went away."""
    first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    class Slow(Scripted):
        async def complete(self, request: Any) -> Any:
            if not first.done():
                first.set_result(asyncio.current_task())
                await asyncio.sleep(60)
            return await super().complete(request)

    model = Slow("m", ProviderError("no", kind="bad_request"), "fine")
    gateway = ask(model)
    tasks = [asyncio.create_task(gateway.ask(question(), PAYER)) for _ in range(3)]
    (await first).cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    kinds = sorted(type(end).__name__ for end in ends)
    assert kinds == ["CancelledError", "ChatAnswer", "ProviderError"]
