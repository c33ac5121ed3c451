"""This package's side of `bench_call.py`, and the bare SDK that it calls through.

    python call_ours.py SUBJECT URL CALLS

Both are measured in the same environment, so that they use the same SDK. The engine is a whole
one: each question is looked up and kept by its key, looked through for secrets, booked on a
budget, and told to a tracer that drops it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

from calling import KEY, MODEL, OUTPUT, SYSTEM, Ask, main


@contextlib.asynccontextmanager
async def sdk(url: str) -> AsyncIterator[Ask]:
    """Call OpenAI's SDK, and nothing else."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0) as client:

        async def ask(text: str) -> str:
            completion = await client.chat.completions.create(
                model=MODEL,
                messages=[
                    {"role": "system", "content": SYSTEM},
                    {"role": "user", "content": text},
                ],
                max_tokens=OUTPUT,
            )
            return completion.choices[0].message.content or ""

        yield ask


@contextlib.asynccontextmanager
async def codeflow(url: str) -> AsyncIterator[Ask]:
    """Ask through the gateway of an engine."""
    from codeflow_engine import AsyncEngine, Budget
    from codeflow_engine.domain.budget import Payer
    from codeflow_engine.domain.chat import ChatRequest, Message, Role
    from codeflow_engine.providers.llm.openai import OpenAI

    llm = OpenAI(MODEL, api_key=KEY, base_url=url)
    async with AsyncEngine(llm=[llm], budget=Budget(usd="1000")) as engine:
        models = engine._tools.models  # noqa: SLF001 - what workflows see of it, without a run
        assert models is not None
        payer = Payer(run_id="bench")

        async def ask(text: str) -> str:
            request = ChatRequest(
                messages=(
                    Message(role=Role.SYSTEM, text=SYSTEM),
                    Message(role=Role.USER, text=text),
                ),
                max_output_tokens=OUTPUT,
            )
            return (await models.ask(request, payer)).text

        yield ask


if __name__ == "__main__":
    sys.exit(main({"sdk": sdk, "codeflow": codeflow}))
