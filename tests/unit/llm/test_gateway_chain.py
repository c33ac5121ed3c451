"""Which model is asked when, how often, and what is told where none answers."""

from __future__ import annotations

from typing import Any

import pytest
from gateway_world import (
    PAYER,
    Patient,
    Scripted,
    cut,
    question,
    sent,
)

from codeflow_engine import Budget
from codeflow_engine.domain.chat import FinishReason, Message, Role
from codeflow_engine.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    ConfigurationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
    RefusedError,
    TruncatedAnswerError,
)

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
}


async def test_l1_what_may_pass_is_tried_again(ask: Any) -> None:
    """The third attempt works; it is one answer, and its tokens count once."""
    clock = Patient()
    model = Scripted("m", *[RateLimitError("slow", retry_after=1)] * 2, "fine")

    answer = await ask(model, clock=clock).ask(question(), PAYER)

    assert len(model.requests) == 3
    assert all(pause >= 1 for pause in clock.slept)
    assert answer.usage.calls == 1


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("slow", retry_after=600),
        QuotaExhaustedError("no money"),
        ProviderTimeoutError("slow"),
        ProviderUnavailableError("away"),
        ModelUnavailableError("gone"),
        AuthenticationError("no key"),
        InvalidResponseError("nonsense"),
        TruncatedAnswerError("half"),
        ValueError("a bug of the plugin"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_l27_the_next_model_is_asked(ask: Any, error: Exception) -> None:
    """What another model may not have goes to it, and the answer says who gave it."""
    first, second, third = Scripted("m", error), Scripted("n", "fine"), Scripted("o", "no")

    answer = await ask(first, second, third).ask(question(), PAYER)

    assert (answer.text, answer.model, third.requests) == ("fine", "n", [])


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ProviderError("400", kind="bad_request"), ProviderError),
        (RefusedError("no"), RefusedError),
        (ContextOverflowError("long"), ContextOverflowError),
    ],
    ids=["bad_request", "refused", "overflow"],
)
async def test_l27_our_own_mistakes_go_to_nobody_else(
    ask: Any, error: Exception, raised: type[Exception]
) -> None:
    """A request that is wrong, refused or too long is not spread over all providers."""
    second = Scripted("n", "fine")

    with pytest.raises(raised):
        await ask(Scripted("m", error), second).ask(question(), PAYER)

    assert second.requests == []


async def test_l11_a_host_may_have_refusals_asked_elsewhere(ask: Any, tmp_path: Any) -> None:
    """The setting `llm_refusals` lets another model answer."""
    file = tmp_path / "settings.toml"
    file.write_text("llm_refusals = true\n")
    models = Scripted("m", cut(FinishReason.REFUSED)), Scripted("n", "fine")

    answer = await ask(*models, settings_file=file).ask(question(), PAYER)

    assert answer.text == "fine"


async def test_l9_what_is_too_long_goes_to_a_larger_window_once(ask: Any) -> None:
    """A model with no larger window is passed over, and one that has it is the last."""
    windows = {"m": 1000, "n": 500, "o": 2000, "p": 3000}
    models = [Scripted(name, ContextOverflowError("long")) for name in windows]

    with pytest.raises(ContextOverflowError):
        await ask(
            *models, models={name: {"context_window": size} for name, size in windows.items()}
        ).ask(question(), PAYER)

    assert [len(model.requests) for model in models] == [1, 0, 1, 1]


async def test_l28_where_all_are_away_the_error_says_when_to_come_back(ask: Any) -> None:
    """It may pass, and holds the shortest of the waits."""
    models = (
        Scripted("m", RateLimitError("slow", retry_after=300)),
        Scripted("n", QuotaExhaustedError("no money")),
        Scripted("o", RateLimitError("slow", retry_after=120)),
    )

    with pytest.raises(RateLimitError, match="no money") as raised:
        await ask(*models).ask(question(), PAYER)

    assert (raised.value.retryable, raised.value.retry_after) == (True, 120)


async def test_l4_an_empty_account_is_not_asked_again(ask: Any) -> None:
    """For a while all questions go to the next model at once."""
    first, second = Scripted("m", QuotaExhaustedError("no money")), Scripted("n", "a", "b", "c")
    first.keys = ("key-of-the-first-model",)
    gateway = ask(first, second)

    for number in range(3):
        await gateway.ask(question(str(number)), PAYER)

    assert (len(first.requests), len(second.requests)) == (1, 3)


async def test_l34_a_new_key_begins_anew(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An account that was empty is no reason not to use the key of another one; none is told."""
    model = Scripted("m", QuotaExhaustedError("no money"), "fine")
    model.keys = ("old-key-old-key-1",)
    gateway = ask(model)
    with pytest.raises(QuotaExhaustedError):
        await gateway.ask(question(), PAYER)

    model.keys = ("new-key-new-key-2",)
    answer = await gateway.ask(question("see old-key-old-key-1, new-key-new-key-2"), PAYER)

    assert answer.text == "fine"
    assert "-key-" not in sent(model)[-1]
    assert "-key-" not in caplog.text


async def test_l5_a_model_that_is_away_is_left_alone(ask: Any) -> None:
    """After some calls in a row nobody calls it, until its rest is over."""
    clock = Patient()
    model = Scripted("m", *[ProviderUnavailableError("away")] * 5, "back")
    gateway = ask(model, clock=clock)
    for number in range(2):
        with pytest.raises(ProviderUnavailableError):
            await gateway.ask(question(str(number)), PAYER)

    with pytest.raises(ProviderUnavailableError) as held:
        await gateway.ask(question("held"), PAYER)
    await clock.sleep(held.value.retry_after or 0)

    assert (held.value.kind, len(model.requests)) == ("circuit_open", 5)
    assert (await gateway.ask(question("held"), PAYER)).text == "back"


@pytest.mark.parametrize(
    "wrong",
    [
        {"paths": "payroll/rates.py"},
        {"messages": [Message(role=Role.USER, text="x")]},
        {"messages": (Message(role="user", text="x"),)},
        {"messages": (Message(role=Role.USER, text=None),)},
        {"max_output_tokens": "100"},
    ],
    ids=["paths", "list", "role", "text", "tokens"],
)
async def test_what_is_no_question_is_refused_before_it_is_sent(
    ask: Any, wrong: dict[str, Any]
) -> None:
    """A text in the place of the paths would be held against no rule."""
    model = Scripted("m", "fine")
    gateway = ask(model, withheld={"*": ["payroll/"]})

    with pytest.raises(ConfigurationError, match="a question is a ChatRequest"):
        await gateway.ask(question(**wrong), PAYER)
    with pytest.raises(ConfigurationError, match="a question is a ChatRequest"):
        await gateway.preview(question(**wrong))

    assert model.requests == []


async def test_a_schema_that_is_none_costs_nothing(ask: Any) -> None:
    """Whether answers can be checked by it is known before one is paid for."""
    model = Scripted("m", "{}")

    with pytest.raises(ConfigurationError, match="the schema of the answer is none"):
        await ask(model).ask(question(answer_schema={"type": "strin"}), PAYER)

    assert model.requests == []


async def test_open_weights_behind_a_foreign_server_have_no_price_of_openai(ask: Any) -> None:
    """What a server of the host's own asks for them, nobody knows but the host."""

    class Served(Scripted):
        @property
        def endpoint(self) -> str:
            return "http://127.0.0.1:11434/v1"

    theirs = Served("gpt-oss-120b", "fine", provider="openai")

    answer = await ask(theirs).ask(question(), PAYER)

    assert answer.usage.cost_usd is None


async def test_l29_a_spent_budget_leads_to_no_cheaper_model(ask: Any) -> None:
    """Whoever wants a cheaper answer names the model; none comes unseen because money ended."""
    dear, cheap = Scripted("dear", "fine"), Scripted("cheap", "fine")
    prices = {
        name: {"input_usd_per_million": usd, "output_usd_per_million": usd}
        for name, usd in (("dear", "1000"), ("cheap", "0"))
    }

    with pytest.raises(BudgetExhaustedError, match="dear"):
        await ask(dear, cheap, models=prices, budget=Budget(usd="0.01")).ask(question(), PAYER)

    assert (dear.requests, cheap.requests) == ([], [])


async def test_l28_a_spent_budget_is_not_hidden_behind_a_rate_limit(ask: Any) -> None:
    """Waiting for the first model mends nothing where the second one is too dear."""
    models = Scripted("m", RateLimitError("slow", retry_after=300)), Scripted("n", "fine")
    prices = {
        "m": {"input_usd_per_million": "0", "output_usd_per_million": "0"},
        "n": {"input_usd_per_million": "1000", "output_usd_per_million": "1000"},
    }

    with pytest.raises(BudgetExhaustedError):
        await ask(*models, models=prices, budget=Budget(usd="0.01")).ask(question(), PAYER)
