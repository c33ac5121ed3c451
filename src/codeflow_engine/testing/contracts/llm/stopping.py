"""Tests of answers that are not whole."""

from __future__ import annotations

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.errors import ProviderError
from codeflow_engine.testing.contracts.llm.asking import Replying, ends, question
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind

__all__ = ["StopTests"]

_TEXT = "It is all fine. Nothing was found in the whole of this change."
_DECLINED = {FinishReason.REFUSED, FinishReason.FILTERED}


class StopTests:
    """An answer that is not whole says so, however well it reads."""

    async def test_a_cut_answer_says_so(self, replying: Replying) -> None:
        """It reached the limit of its output; what it had said until then is kept."""
        for answer in await _answers(replying, ReplyKind.CUT):
            assert answer.finish_reason is FinishReason.LENGTH
            assert answer.text == _TEXT

    async def test_a_refusal_says_so(self, replying: Replying) -> None:
        """It is returned with its reason, and not raised: what follows is the gateway's."""
        for answer in await _answers(replying, ReplyKind.REFUSED):
            assert answer.finish_reason in _DECLINED

    async def test_a_filtered_answer_says_so(self, replying: Replying) -> None:
        """A filter took a part of it, so that the rest is not the whole."""
        for answer in await _answers(replying, ReplyKind.FILTERED):
            assert answer.finish_reason in _DECLINED

    async def test_an_unknown_reason_is_no_stop(self, replying: Replying) -> None:
        """A reason of tomorrow may mean anything; the provider's own word for it is kept."""
        for answer in await _answers(replying, ReplyKind.ODD_REASON):
            assert answer.finish_reason is FinishReason.UNKNOWN
            assert answer.said_reason

    async def test_an_end_without_a_reason_is_no_stop(self, replying: Replying) -> None:
        """A stream that ends in good order has not said that the model was done."""
        async with replying(Reply(kind=ReplyKind.UNFINISHED, text=_TEXT)) as llm:
            whole, streamed = await ends(llm, question())

        assert isinstance(streamed, ChatAnswer), f"the stream raised {streamed!r}"
        assert streamed.finish_reason is FinishReason.UNKNOWN
        if isinstance(whole, ChatAnswer):
            assert whole.finish_reason is FinishReason.UNKNOWN
        else:
            assert isinstance(whole, ProviderError), f"it raised {whole!r}"

    async def test_a_connection_that_breaks_gives_no_answer(self, replying: Replying) -> None:
        """Half of it is none; the error says that it may cost money all the same."""
        async with replying(Reply(kind=ReplyKind.BROKEN_OFF, text=_TEXT * 20)) as llm:
            whole, streamed = await ends(llm, question())

        for error in (whole, streamed):
            assert isinstance(error, ProviderError), f"it ended with {error!r}"
        assert isinstance(streamed, ProviderError)
        assert streamed.retryable
        assert streamed.charged


async def _answers(replying: Replying, kind: ReplyKind) -> list[ChatAnswer]:
    async with replying(Reply(kind=kind, text=_TEXT)) as llm:
        found = await ends(llm, question())
    answers = [one for one in found if isinstance(one, ChatAnswer)]
    assert len(answers) == len(found), f"{kind} is returned, not raised; it raised {found}"
    return answers
