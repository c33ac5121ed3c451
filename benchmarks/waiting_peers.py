"""The peer of `bench_waiting.py`, in the environment of the peers: waiting runs of LangGraph.

    python waiting_peers.py RUNS

It prints one line of JSON. LangGraph keeps them in memory alone, which is its leanest mode.
"""

from __future__ import annotations

import asyncio
import json
import sys

from langgraph.checkpoint.memory import InMemorySaver
from runs_peers import Value, graph
from waiting import Gate, watch


async def main(runs: int) -> None:
    """Measure."""
    gate = Gate(runs)

    async def step(state: Value) -> Value:
        await gate.wait()
        return {"value": state["value"] + 1}

    run = graph(InMemorySaver(), 1, step)
    print(json.dumps(await watch(gate, run)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
