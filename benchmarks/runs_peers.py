"""One peer of `bench_runs.py`, in the environment of the peers: durable steps per second.

    python runs_peers.py PEER DATABASE --steps N --at-once N --seconds S

It prints one line of JSON. Every peer runs in the mode in which a step is on disk before the
next one begins, with the settings of its own documentation for many runs at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypedDict

Run = Callable[[], Awaitable[int]]
POOL = 10


class Value(TypedDict):
    """The state of a graph."""

    value: int


def main() -> int:
    """Measure one peer; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("peer", choices=sorted(PEERS))
    options.add_argument("database")
    options.add_argument("--steps", type=int, required=True)
    options.add_argument("--at-once", type=int, required=True)
    options.add_argument("--seconds", type=float, required=True)
    print(json.dumps(asyncio.run(measure(options.parse_args()))))
    return 0


async def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Run once to warm up, then as many as go at once, then as many as there is time for."""
    async with PEERS[chosen.peer](chosen.database, chosen.steps) as run:
        assert await run() == chosen.steps
        burst = await timed(run, chosen, seconds=0)
        steady = await timed(run, chosen, seconds=chosen.seconds)
    return {"burst": burst, "steady": steady}


async def timed(run: Run, chosen: argparse.Namespace, *, seconds: float) -> float:
    """Keep so many runs going until the time is up, each at least once; give steps per second."""
    began = time.perf_counter()
    ended = 0

    async def one_after_another() -> None:
        nonlocal ended
        while True:
            assert await run() == chosen.steps
            ended += 1
            if time.perf_counter() - began >= seconds:
                return

    await asyncio.gather(*(one_after_another() for _ in range(chosen.at_once)))
    return ended * chosen.steps / (time.perf_counter() - began)


@contextlib.asynccontextmanager
async def langgraph_memory(_database: str, steps: int) -> AsyncIterator[Run]:
    """LangGraph, which forgets everything at the end."""
    from langgraph.checkpoint.memory import InMemorySaver

    yield graph(InMemorySaver(), steps)


@contextlib.asynccontextmanager
async def langgraph_sqlite(database: str, steps: int) -> AsyncIterator[Run]:
    """LangGraph on a file of SQLite."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(database) as saver:
        await saver.conn.execute("PRAGMA synchronous=FULL")
        yield graph(saver, steps)


@contextlib.asynccontextmanager
async def langgraph_postgres(database: str, steps: int) -> AsyncIterator[Run]:
    """LangGraph on PostgreSQL, by a pool of connections."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    settings: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(database, min_size=POOL, max_size=POOL, kwargs=settings, open=False)
    async with pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield graph(saver, steps)


async def add(state: Value) -> Value:
    """Do the work of a step."""
    return {"value": state["value"] + 1}


def graph(saver: Any, steps: int, step: Callable[[Value], Awaitable[Value]] = add) -> Run:
    """Make a graph of so many steps, one after the other."""
    from langgraph.graph import END, START, StateGraph

    names = [f"step_{number}" for number in range(steps)]
    builder = StateGraph(Value)
    for name in names:
        builder.add_node(name, step)
    for before, after in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(before, after)
    compiled = builder.compile(checkpointer=saver)

    async def run() -> int:
        config = {"configurable": {"thread_id": str(uuid.uuid4())}}
        result = await compiled.ainvoke({"value": 0}, config, durability="sync")
        return int(result["value"])

    return run


@contextlib.asynccontextmanager
async def dbos(database: str, steps: int) -> AsyncIterator[Run]:
    """DBOS on PostgreSQL; a step is on disk when it returns, there is no other mode."""
    from dbos import DBOS

    DBOS(
        config={
            "name": "bench",
            "system_database_url": database,
            "run_admin_server": False,
            "enable_otlp": False,
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    async def step(value: int) -> int:
        return value + 1

    @DBOS.workflow()
    async def workflow() -> int:
        value = 0
        for _ in range(steps):
            value = await step(value)
        return value

    async def run() -> int:
        handle = await DBOS.start_workflow_async(workflow)
        return await handle.get_result()

    DBOS.launch()
    try:
        yield run
    finally:
        DBOS.destroy()


PEERS = {
    "langgraph-memory": langgraph_memory,
    "langgraph-sqlite": langgraph_sqlite,
    "langgraph-postgres": langgraph_postgres,
    "dbos-postgres": dbos,
    "dbos-sqlite": dbos,
}


if __name__ == "__main__":
    sys.exit(main())
