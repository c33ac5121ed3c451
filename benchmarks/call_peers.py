"""One peer of `bench_call.py`, in the environment of the peers.

    python call_peers.py SUBJECT URL CALLS

Each asks as its documentation does, without retries.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from calling import KEY, MODEL, OUTPUT, SYSTEM, Ask, main


@contextlib.asynccontextmanager
async def litellm(url: str) -> AsyncIterator[Ask]:
    """LiteLLM's call; no router, cache, or callback."""
    # It would fetch its prices from the network meanwhile.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as package

    async def ask(text: str) -> str:
        told = await package.acompletion(
            model=f"openai/{MODEL}",
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": text},
            ],
            max_tokens=OUTPUT,
            api_base=url,
            api_key=KEY,
            max_retries=0,
        )
        return str(told.choices[0].message.content)

    yield ask


def model(url: str) -> Any:
    """Make a model of Pydantic AI."""
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0)
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))


@contextlib.asynccontextmanager
async def pydantic_ai(url: str) -> AsyncIterator[Ask]:
    """An agent of Pydantic AI, without tools."""
    from pydantic_ai import Agent

    agent = Agent(model(url), instructions=SYSTEM, model_settings={"max_tokens": OUTPUT})

    async def ask(text: str) -> str:
        return str((await agent.run(text)).output)

    yield ask


@contextlib.asynccontextmanager
async def pydantic_ai_direct(url: str) -> AsyncIterator[Ask]:
    """The call of Pydantic AI below its agents."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

    used = model(url)

    async def ask(text: str) -> str:
        parts = [SystemPromptPart(SYSTEM), UserPromptPart(text)]
        answer = await model_request(
            used, [ModelRequest(parts=parts)], model_settings={"max_tokens": OUTPUT}
        )
        return "".join(part.content for part in answer.parts if part.part_kind == "text")

    yield ask


SUBJECTS = {
    "litellm": litellm,
    "pydantic-ai": pydantic_ai,
    "pydantic-ai-direct": pydantic_ai_direct,
}

if __name__ == "__main__":
    sys.exit(main(SUBJECTS))
