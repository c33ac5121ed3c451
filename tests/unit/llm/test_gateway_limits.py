"""Who may see a question, what it may cost, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from gateway_world import (
    PAYER,
    Scripted,
    engine_of,
    failure,
    gateway_of,
    question,
    whole,
)

from codeflow_engine import AsyncEngine, Budget
from codeflow_engine.errors import (
    BudgetExhaustedError,
    CodeflowError,
    ConfigurationError,
    DisclosureError,
    ModelUnavailableError,
    PluginError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from stopwatch import stopwatch


async def test_a_file_is_not_shown_to_whom_it_is_withheld_from(ask: Any, tmp_path: Any) -> None:
    """The first model may not see it, and the second one is asked; without that, nobody is."""
    file = tmp_path / "settings.toml"
    file.write_text('[withheld]\n"scripted:m" = ["secret/"]\n"*" = ["vault/"]\n')
    first, second = Scripted("m", "fine"), Scripted("n", "fine")
    gateway = ask(first, second, settings_file=file)

    await gateway.ask(question(paths=("secret/a.py",)), PAYER)
    with pytest.raises(DisclosureError, match=r"'vault/b\.py' from scripted:m"):
        await gateway.ask(question("b", paths=("vault/b.py",)), PAYER)

    assert (len(first.requests), len(second.requests)) == (0, 1)


async def test_l29_a_budget_ends_before_it_is_overspent(ask: Any) -> None:
    """The call that could cost more than is left is not made; a top-up of its scope lets it."""
    model = Scripted("m", lambda _: whole("fine", input_tokens=20, output_tokens=100))
    prices = {"m": {"input_usd_per_million": "1000", "output_usd_per_million": "1000"}}
    engine = engine_of([model], budget=Budget(usd="0.40"), models=prices)
    async with engine:
        gateway = gateway_of(engine)
        asked = 0
        while (refused := await failure(gateway, str(asked))) is None:
            asked += 1
        assert isinstance(refused, BudgetExhaustedError)
        assert refused.scope == "run:run-1"

        (balance,) = await engine.balances(refused.scope)
        await engine.top_up(refused.scope, Budget(usd="1"))
        await gateway.ask(question(str(asked)), PAYER)

    assert asked == len(model.requests) - 1 > 0
    assert Decimal("0.12") * asked == balance.booked.usd <= Decimal("0.40")


async def test_a_budget_of_money_needs_a_price(ask: Any) -> None:
    """An unpriced model under dollars alone is refused; tokens beside them are enough."""
    with pytest.raises(ConfigurationError, match="no known price"):
        await ask(Scripted("x", "fine"), budget=Budget(usd="1")).ask(question(), PAYER)

    both = ask(Scripted("x", "fine"), budget=Budget(usd="1", tokens=10_000))

    assert (await both.ask(question(), PAYER)).text == "fine"


async def test_all_scopes_of_a_question_are_booked(ask: Any) -> None:
    """Run, change, repository, tenant and month each count it."""
    engine = engine_of([Scripted("x", whole("fine", input_tokens=30, output_tokens=12))])
    async with engine:
        await gateway_of(engine).ask(question(), PAYER)
        month = f"month:{engine._tools.clock.now():%Y-%m}"
        scopes = ("run:run-1", "change:acme/shop#1", "repository:acme/shop", "tenant:default")
        balances = await engine.balances(*scopes, month)

    assert [balance.booked.tokens for balance in balances] == [42] * 5


async def test_a_failure_that_may_be_charged_is_booked(ask: Any) -> None:
    """Nobody knows what a broken answer cost: the most is booked, and for the others nothing."""
    failing = Scripted("x", ProviderUnavailableError("broke off", charged=True))
    engine = engine_of([failing, Scripted("y", ProviderUnavailableError("refused"))])
    async with engine:
        with pytest.raises(ProviderUnavailableError):
            await gateway_of(engine).ask(question(), PAYER)
        (balance,) = await engine.balances("run:run-1")

    assert len(failing.requests) == 3
    assert 300 < balance.booked.tokens < 600


async def test_a_call_that_is_cancelled_leaves_its_booking(ask: Any) -> None:
    """Its provider may ask for the money; so it stays booked, at the most that it may cost."""
    started = asyncio.Event()

    class Slow(Scripted):
        async def complete(self, request: Any) -> Any:
            started.set()
            await asyncio.sleep(60)

    engine = engine_of([Slow("x", "never")])
    async with engine:
        task = asyncio.create_task(gateway_of(engine).ask(question(), PAYER))
        await started.wait()
        task.cancel()
        async with stopwatch() as watch:
            with pytest.raises(asyncio.CancelledError):
                await task
        (balance,) = await engine.balances("run:run-1")

    assert watch.seconds < 0.1
    assert balance.booked.tokens > 100


async def test_l18_a_call_has_a_deadline_of_its_own(ask: Any, tmp_path: Any) -> None:
    """A provider that never answers is given up, also where its SDK would wait."""

    class Silent(Scripted):
        async def complete(self, request: Any) -> Any:
            await asyncio.sleep(60)

    file = tmp_path / "settings.toml"
    file.write_text("llm_timeout = 0.05\nllm_attempts = 1\n")

    with pytest.raises(ProviderTimeoutError, match=r"within 0\.05 s") as raised:
        await ask(Silent("x", ""), settings_file=file).ask(question(), PAYER)

    assert raised.value.kind == "deadline"


@pytest.mark.parametrize("nonsense", ["text", 7, None], ids=["text", "number", "nothing"])
async def test_what_is_no_answer_is_the_plugins_fault(ask: Any, nonsense: Any) -> None:
    """A provider that returns something else, or raises what it may not, is named."""

    class Broken(Scripted):
        async def complete(self, request: Any) -> Any:
            return nonsense

    with pytest.raises(PluginError, match="that is no answer"):
        await ask(Broken("x", "")).ask(question(), PAYER)


async def test_without_a_model_it_is_said_how_to_name_one() -> None:
    """A workflow that asks is told what to set."""
    async with AsyncEngine() as engine:

        @engine.workflow("asks")
        async def asks(run: Any, given: dict[str, Any]) -> str:
            return str(await run.ask(question()))

        with pytest.raises(ConfigurationError, match="CODEFLOW_LLM"):
            await (await engine.submit("asks", {})).result()


async def test_a_preview_sends_nothing(ask: Any, tmp_path: Any) -> None:
    """It tells who would be asked, what would be sent, and what that may cost."""
    file = tmp_path / "settings.toml"
    file.write_text('[withheld]\n"scripted:m" = ["a.py"]\n')
    models = Scripted("m", "fine"), Scripted("n", "fine")
    prices = {"n": {"input_usd_per_million": "1000", "output_usd_per_million": "1000"}}
    gateway = ask(*models, settings_file=file, models=prices, secrets=["hunter2-hunter2-x"])

    told = await gateway.preview(question("is hunter2-hunter2-x ok", paths=("a.py",)))

    assert (told.models, dict(told.withheld)) == (("scripted:n",), {"scripted:m": "a.py"})
    assert "hunter2" not in told.request.messages[-1].text
    assert told.most_usd == Decimal("0.001") * (told.tokens + 100)
    assert not any(model.requests for model in models)


async def test_a_fallback_is_logged(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody finds out only from the bill that another model has answered."""
    caplog.set_level(logging.INFO)

    await ask(Scripted("m", ModelUnavailableError("gone")), Scripted("n", "fine")).ask(
        question(), PAYER
    )

    assert "model failed, the next one is asked" in caplog.text


def test_every_error_of_the_tree_either_goes_on_or_not() -> None:
    """What a budget or a rule forbids is not asked elsewhere."""
    from codeflow_engine.llm.fallback import next_model

    left: Any = [object()]
    for error in (BudgetExhaustedError("spent", scope="run:x"), ConfigurationError("wrong")):
        assert isinstance(error, CodeflowError)
        assert next_model(left, left[0], error, refusals=True) is None


KEY = "acme-live-0123456789abcdef"


class Keyed(Scripted):
    """Has a key, which its server knows."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return (KEY,)


@pytest.mark.parametrize("schema", [None, {"type": "object"}], ids=["text", "json"])
async def test_a_key_that_a_server_says_again_is_not_kept(
    tmp_path: Any, schema: dict[str, Any] | None
) -> None:
    """Neither whoever asked nor the database gets it, in whichever field it stands."""
    said = replace(whole(f'{{"your key": "{KEY}"}}'), model=KEY, response_id=KEY, said_reason=KEY)
    storage = f"sqlite+aiosqlite:///{tmp_path / 'answers.db'}"
    async with engine_of([Keyed("m", said)], storage=storage) as engine:
        await engine.migrate()
        answer = await gateway_of(engine).ask(question(answer_schema=schema), PAYER)

    assert json.loads(answer.text) == {"your key": "[redacted:configured]"}
    assert KEY not in repr(answer)
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.iterdir())


async def test_a_key_in_the_form_of_an_answer_is_not_sent(ask: Any) -> None:
    """A form is sent as the messages are."""
    model = Keyed("m", '"other"')

    await ask(model).ask(question(answer_schema={"enum": [KEY, "other"]}), PAYER)

    assert KEY not in repr(model.requests)


async def test_what_a_broken_plugin_says_is_not_told(ask: Any) -> None:
    """Its words may quote the key and the prompt; its type is enough, and the cause has them."""
    gateway = ask(Keyed("m", ValueError(f"Bearer {KEY}: you asked What is wrong?")))

    with pytest.raises(PluginError, match="it raised ValueError") as raised:
        await gateway.ask(question(), PAYER)
    (trial,) = await gateway.trials()

    assert KEY not in f"{raised.value} {trial}"
    assert "What is wrong" not in str(raised.value)
