"""Tests of whole answers, as they come at once and in pieces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from codeflow_engine.contracts import LLM, LLMCapability
from codeflow_engine.domain.chat import ChatAnswer, FinishReason, Message, Role
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.testing.contracts.answering import answered
from codeflow_engine.testing.contracts.auditing import io_seen
from codeflow_engine.testing.contracts.backend import lacks, requires
from codeflow_engine.testing.contracts.llm.asking import Replying, ask, ends, pieces_of, question
from codeflow_engine.testing.contracts.llm.replies import Reply, Wire

__all__ = ["AnswerTests"]

type _Answering = Callable[[], AbstractAsyncContextManager[LLM]]

_TEXTS = (
    "Nothing is wrong.",
    '{"findings": [{"path": "shop/till.py", "line": 3, "quote": "\\tif x:\\n"}]}',
    "  two blanks before\nand a line after\n\n",
    "é, \u4f60\u597d, \U0001f600 and \u2028 are characters too",
    "data: [DONE]\n\nevent: error\ndata: {}\n\n",
    "many words " * 500,
)
"""Texts that a model may say; each has to arrive to the letter."""

_SCHEMA = {
    "type": "object",
    "properties": {"contract_marker": {"type": "string"}},
    "required": ["contract_marker"],
    "additionalProperties": False,
}


class AnswerTests:
    """What an answer holds."""

    async def test_an_answer_is_whole(self, answering: _Answering) -> None:
        """It has a text, a reason to end, the model that gave it, and counts from 0.

        Each is exactly what its field declares: a member of an enum is no text.
        """
        async with answering() as llm:
            answer = await ask(llm, question())

        assert isinstance(answer, ChatAnswer)
        assert is_sound(answer), f"a field of {answer} is not what it declares"
        assert answer.finish_reason is FinishReason.STOP
        assert answer.model
        assert answer.provider == llm.provider

    async def test_its_text_comes_to_the_letter(self, replying: Replying) -> None:
        """Whatever the model says, at once and in pieces: nothing is trimmed or taken for more."""
        for text in _TEXTS:
            async with replying(Reply(text=text)) as llm:
                for answer in await ends(llm, question()):
                    assert isinstance(answer, ChatAnswer), f"{text[:40]!r} raised {answer!r}"
                    assert answer.text == text
                    assert answer.finish_reason is FinishReason.STOP

    async def test_its_counts_are_those_of_the_provider(self, replying: Replying) -> None:
        """As they were counted, and not said to be an estimate."""
        async with replying(Reply(text="No.", input_tokens=123, output_tokens=45)) as llm:
            for answer in await ends(llm, question()):
                assert isinstance(answer, ChatAnswer), f"it raised {answer!r}"
                assert (answer.usage.input_tokens, answer.usage.output_tokens) == (123, 45)
                assert not answer.is_estimated

    async def test_an_answer_without_counts_has_estimated_ones(self, replying: Replying) -> None:
        """They are not 0, which would cost nothing, and the answer says what they are."""
        reply = Reply(text="No, nothing is wrong.", input_tokens=None, output_tokens=None)
        async with replying(reply) as llm:
            for answer in await ends(llm, question()):
                assert isinstance(answer, ChatAnswer), f"it raised {answer!r}"
                assert answer.is_estimated
                assert min(answer.usage.input_tokens, answer.usage.output_tokens) > 0

    async def test_the_last_piece_of_a_stream_carries_the_answer(
        self, answering: _Answering
    ) -> None:
        """It alone; the text of the answer is that of all pieces together."""
        async with answering() as llm:
            pieces = await pieces_of(llm, question("Say that again, please."))

        assert pieces
        answer = pieces[-1].answer
        assert isinstance(answer, ChatAnswer)
        assert [piece for piece in pieces[:-1] if piece.answer is not None] == []
        assert answer.text == "".join(piece.text for piece in pieces)
        assert answer.provider == llm.provider
        assert is_sound(answer)

    @requires(LLMCapability.STREAMS)
    async def test_a_stream_comes_in_pieces(self, replying: Replying) -> None:
        """As the model speaks, and not all at the end."""
        async with replying(Reply(text="a longer answer, " * 20)) as llm:
            pieces = await pieces_of(llm, question())

        assert len([piece for piece in pieces if piece.text]) > 1

    @lacks(LLMCapability.STREAMS)
    async def test_an_answer_without_streaming_is_one_piece(self, answering: _Answering) -> None:
        """The same answer as a whole one."""
        async with answering() as llm:
            pieces = await pieces_of(llm, question())

        assert len(pieces) == 1

    async def test_it_sends_what_was_asked(self, replying: Replying, wire: Wire) -> None:
        """Every message, the turns in their order, and how long the answer may be."""
        words = ("the-first-word", "a-second-word", "the-third-word", "the-last-word")
        roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER)
        messages = tuple(
            Message(role=role, text=word) for role, word in zip(roles, words, strict=True)
        )
        async with replying(Reply(text="Yes.")) as llm:
            await ends(llm, question(messages=messages, max_output_tokens=4321))

        assert len(wire.received) == 2
        for sent in wire.received:
            places = [sent.find(word) for word in words]
            assert -1 not in places, f"{words[places.index(-1)]!r} was not sent"
            # Some interfaces have a place of its own for what the system says.
            assert places[1:] == sorted(places[1:]), "the turns were sent in another order"
            assert "4321" in sent, "max_output_tokens was not sent"

    async def test_it_sends_nothing_else_of_a_request(self, replying: Replying, wire: Wire) -> None:
        """The name of the prompt and the paths of the files are the engine's own."""
        asked = question(prompt="contract-prompt/7", paths=("shop/contract-path.py",))
        async with replying(Reply(text="Yes.")) as llm:
            await ends(llm, asked)

        assert wire.received
        assert not any("contract-pr" in sent or "contract-pa" in sent for sent in wire.received)

    @requires(LLMCapability.ANSWER_SCHEMA)
    async def test_a_schema_reaches_the_model(self, replying: Replying, wire: Wire) -> None:
        """A provider that says so holds the model to it, so it has to send it."""
        async with replying(Reply(text='{"contract_marker": "x"}')) as llm:
            await ends(llm, question(answer_schema=_SCHEMA))

        assert [sent for sent in wire.received if "contract_marker" not in sent] == []

    async def test_a_question_with_a_schema_is_answered(self, answering: _Answering) -> None:
        """Also by a provider that cannot hold the model to it: the caller validates."""
        async with answering() as llm:
            answer = await ask(llm, question(answer_schema=_SCHEMA))

        assert answer.model

    @requires(LLMCapability.COUNTS_TOKENS)
    async def test_it_counts_more_tokens_in_more_text(self, answering: _Answering) -> None:
        """Before anything is asked."""
        async with answering() as llm:
            few = await answered(llm.count_tokens(question("few")), "counting tokens")
            many = await answered(llm.count_tokens(question("many " * 200)), "counting tokens")

        assert few is not None
        assert many is not None
        assert 0 < few < many

    @lacks(LLMCapability.COUNTS_TOKENS)
    async def test_it_counts_no_tokens_that_it_cannot_count(self, backend: LLM) -> None:
        """None, and no I/O: the engine estimates then, and knows that it does."""
        with io_seen() as seen:
            count = await answered(backend.count_tokens(question()), "counting tokens")

        assert count is None
        assert seen == []

    @requires(LLMCapability.LISTS_MODELS)
    async def test_it_lists_its_models(self, answering: _Answering) -> None:
        """By their ids, sorted, each once."""
        async with answering() as llm:
            models = await answered(llm.list_models(), "listing models")

        assert isinstance(models, tuple)
        assert models
        assert list(models) == sorted(set(models))
        assert all(models)

    @lacks(LLMCapability.LISTS_MODELS)
    async def test_it_lists_no_models_that_it_cannot_list(self, backend: LLM) -> None:
        """None, and no I/O: that is not the same as no models."""
        with io_seen() as seen:
            models = await answered(backend.list_models(), "listing models")

        assert models is None
        assert seen == []
