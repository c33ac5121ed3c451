"""`engine.ask`: an answer, and the lines of the change that it rests on."""

from __future__ import annotations

from typing import Any

import pytest
from reading_world import ReaderModel, engine_of, large_patch, patch

import codeflow_engine as codeflow
from codeflow_engine import Budget
from codeflow_engine.domain.chat import ChatRequest, Role
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.reading import Quote, UnreadKind
from codeflow_engine.errors import BudgetExhaustedError, ConfigurationError, RefusedError

TILL = """\
diff --git a/till.py b/till.py
--- a/till.py
+++ b/till.py
@@ -10,3 +10,4 @@ class Till:
     def total(self):
-        return sum(self.rows)
+        rows = self.rows
+        return round(sum(rows), 2)
     # the end
"""


def quoting(*quotes: dict[str, Any]) -> ReaderModel:
    """Make a model that gives these quotes."""
    return ReaderModel(changes=lambda told, _: {**told, "quotes": list(quotes)})


def quote(text: str, side: str = "new", path: str = "till.py", part: int = 2) -> dict[str, Any]:
    return {"part": part, "path": path, "quote": text, "side": side}


async def test_the_question_is_an_instruction_and_the_change_is_data() -> None:
    """The question stands with the engine's words, and the change in the user's message."""
    model = ReaderModel()
    async with engine_of(model) as engine:
        told = await engine.ask(TILL, "Why $round?")

    [request] = model.requests
    roles = [message.role for message in request.messages]
    system, user = (message.text for message in request.messages)
    assert roles == [Role.SYSTEM, Role.USER]
    assert "Why $round?" in system
    assert "Why $round?" not in user
    assert "round(sum(rows), 2)" in user
    assert "round(sum(rows), 2)" not in system
    assert (told.question, told.text) == ("Why $round?", "Since 1 files were wrong.")


async def test_quotes_have_the_lines_that_the_engine_finds() -> None:
    """Lines of either side, one or several, are given with their numbers and as shown."""
    model = quoting(
        quote("        rows = self.rows\n        return round(sum(rows), 2)"),
        quote("return sum(self.rows)", side="old"),
    )
    async with engine_of(model) as engine:
        told = await engine.ask(TILL, "Why?")

    assert told.quotes == (
        Quote(
            path="till.py",
            side=Side.NEW,
            line=11,
            end_line=12,
            code="        rows = self.rows\n        return round(sum(rows), 2)",
        ),
        Quote(
            path="till.py",
            side=Side.OLD,
            line=11,
            end_line=11,
            code="        return sum(self.rows)",
        ),
    )
    assert told.dropped == {}


@pytest.mark.parametrize(
    "wrong",
    [
        quote("return 42"),
        quote("rows = self.rows", path="../../etc/passwd"),
        quote("rows = self.rows", path="/etc/passwd", part=-1),
        quote("rows = self.rows", path="", part=1),
        quote("what the author says", path="", part=1),
        quote(""),
        quote("x" * 20_000),
    ],
    ids=["code", "path", "absolute", "no-path", "author", "empty", "long"],
)
async def test_a_quote_that_is_not_there_is_dropped_and_counted(wrong: dict[str, Any]) -> None:
    """It is in no answer, and the others are."""
    async with engine_of(quoting(wrong, quote("rows = self.rows"))) as engine:
        told = await engine.ask(TILL, "Why?")

    assert [one.line for one in told.quotes] == [11]
    assert sum(told.dropped.values()) == 1
    assert "dropped: 1 quote" in str(told)


async def test_more_quotes_than_anybody_reads_are_counted() -> None:
    """The first twenty are looked for."""
    async with engine_of(quoting(*[quote("rows = self.rows")] * 50)) as engine:
        told = await engine.ask(TILL, "Why?")

    assert len(told.quotes) == 1
    assert sum(told.dropped.values()) == 30


async def test_a_large_change_is_asked_part_by_part() -> None:
    """Each part is asked, and the last question chooses among the quotes of all."""

    def choose(told: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
        joins = request.prompt.startswith("ask_join")
        return {**told, "quotes": [2, 1, 2, 999]} if joins else told

    model = ReaderModel(changes=choose)
    async with engine_of(model, room=1_500) as engine:
        told = await engine.ask(large_patch(20), "What is it?")

    parts = model.asked("ask_part")
    assert len(parts) > 3
    [joined] = model.asked("ask_join")
    assert all("What is it?" in request.messages[0].text for request in (*parts, joined))
    assert "quote 1, src/module_" in joined.messages[-1].text
    assert len(told.quotes) == 2
    assert all(one.line == 1 and one.code.startswith("value_") for one in told.quotes)
    assert told.dropped == {"number of a quote that is in no note": 1}
    assert told.is_complete


async def test_quotes_keep_their_numbers_through_all_levels() -> None:
    """Where notes are made of notes, a quote is chosen by the number that it had at first."""

    def wordy(told: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
        return {**told, "answer": f"{request.messages[-1].text[-60:]} " + "much is said " * 40}

    model = ReaderModel(changes=wordy)
    async with engine_of(model, room=1_000) as engine:
        told = await engine.ask(large_patch(40), "What is it?")

    assert model.prompts()["ask_join"] > 2
    assert told.quotes
    assert all(one.code == f"value_{int(one.path[11:13])}_0 = 0" for one in told.quotes)


async def test_parts_that_say_nothing_are_not_joined() -> None:
    """Where no part says anything, no further question is paid for."""
    model = ReaderModel(changes=lambda told, _: {**told, "answer": "", "quotes": []})
    async with engine_of(model, room=1_500) as engine:
        told = await engine.ask(large_patch(20), "Where is the moon?")

    assert set(model.prompts()) == {"ask_part"}
    assert told.text == "Nothing that was read of the change says anything to it."
    assert told.is_complete


async def test_what_money_does_not_reach_is_told() -> None:
    """The answer says that it knows a part only."""
    async with engine_of(ReaderModel(), room=1_500) as engine:
        told = await engine.ask(large_patch(20), "What?", budget=Budget(usd="0.004"))

    assert {one.kind for one in told.unread} == {UnreadKind.BUDGET}
    assert str(told).startswith("ANSWER NOT COMPLETE")


async def test_where_money_reaches_nothing_the_error_is_raised() -> None:
    """There is no answer from nothing."""
    async with engine_of(ReaderModel()) as engine:
        with pytest.raises(BudgetExhaustedError):
            await engine.ask(TILL, "What?", budget=Budget(usd="0.0000001"))


async def test_where_nobody_joins_the_answers_stand_side_by_side() -> None:
    """All of them and all quotes are there, and it says why."""

    def refuse(request: ChatRequest) -> BaseException | None:
        return RefusedError("declined") if request.prompt.startswith("ask_join") else None

    model = ReaderModel(raises=refuse)
    async with engine_of(model, room=1_500) as engine:
        told = await engine.ask(large_patch(20), "What?")

    assert told.unjoined == "declined"
    assert told.text.count("Since") == len(told.quotes) == len(model.asked("ask_part"))


@pytest.mark.parametrize("question", ["", "  \n", "x" * 10_001, None, 7])
async def test_a_question_that_is_none_is_refused(question: Any) -> None:
    """It is an error before there is a run."""
    async with engine_of(ReaderModel()) as engine:
        with pytest.raises(ConfigurationError, match="question"):
            await engine.ask(TILL, question)
        assert await engine.runs() == ()


async def test_another_question_about_the_same_change_is_asked() -> None:
    """Answers are kept by question and change."""
    model = ReaderModel()
    async with engine_of(model) as engine:
        await engine.ask(TILL, "Why?")
        await engine.ask(TILL, "Why?")
        await engine.ask(TILL, "Where?")

    assert len(model.requests) == 2


def test_both_verbs_are_there_for_synchronous_code_and_as_workflows() -> None:
    """The same runs are had by the verbs and by their names."""
    with codeflow.Engine(llm=ReaderModel()) as engine:
        told = engine.ask(TILL, "Why?")
        described = engine.describe(patch({"a.py": ["x = 1"]}))
        run = engine.submit("ask", {"change": TILL, "question": "Why?"})
        again = run.result()

        assert (told.text, told.quotes) == (again.text, again.quotes)
        assert described.walkthrough[0].path == "a.py"
        assert run.record.input["question"] == "Why?"
        assert run.refresh().summary == {
            "title": "patch",
            "outcome": "complete",
            "usage": again.to_json()["usage"],
        }
