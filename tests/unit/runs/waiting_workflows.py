"""Workflows that wait: for time, signals and other runs."""

from __future__ import annotations

from typing import Any

from codeflow_engine import AsyncEngine
from codeflow_engine.errors import WorkflowError
from codeflow_engine.runs.context import RunContext

DAY = 86_400.0


def register(engine: AsyncEngine) -> AsyncEngine:
    """Register workflows that wait."""
    for function in (rest, inquire, family, member, broken, both):
        engine.workflow(function.__name__)(function)
    return engine


async def rest(run: RunContext, given: dict[str, Any]) -> str:
    await run.sleep(given["seconds"])
    return "rested"


async def inquire(run: RunContext, given: dict[str, Any]) -> list[Any]:
    return [
        await run.receive("answer", timeout=given.get("timeout"))
        for _ in range(given.get("times", 1))
    ]


async def member(run: RunContext, given: dict[str, Any]) -> str:
    if given.get("waits"):
        await run.receive("answer")
    return f"{given['name']} of {given.get('family', 'nobody')}"


async def broken(run: RunContext, given: dict[str, Any]) -> None:
    raise WorkflowError("this child is broken")


async def family(run: RunContext, given: dict[str, Any]) -> list[str]:
    children = [
        run.child(
            given.get("child", "member"), {"name": name, "family": "us", **given["with"]}, key=name
        )
        for name in given["names"]
    ]
    return list(await run.together(children))


async def both(run: RunContext, given: dict[str, Any]) -> tuple[str, str]:
    first, second = await run.together(
        [run.receive("left", key="l"), run.receive("right", key="r")]
    )
    return first, second
