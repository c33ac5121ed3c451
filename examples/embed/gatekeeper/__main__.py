"""The command line of this service."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

import codeflow_engine as codeflow
from gatekeeper.database import DEFAULT, connect, migrate
from gatekeeper.deliveries import Arrival, receive
from gatekeeper.verdicts import newest, tell
from gatekeeper.worker import work


async def main() -> None:
    """Do what the command line says."""
    asked = _parser().parse_args()
    database = connect(asked.database)
    try:
        if asked.verb == "migrate":
            await migrate(database)
            return
        # A process that answers webhooks leaves the reviews to the workers.
        executes = "all" if asked.verb == "work" else "none"
        async with codeflow.AsyncEngine(storage=database, executes=executes) as engine:
            if asked.verb == "work":
                await work(engine)
            elif asked.verb == "receive":
                print((await receive(asked.arrival, database, engine)).id)
            else:
                run = await newest(asked.number, database, engine)
                print("nothing came" if run is None else await tell(run, wait=asked.wait))
    finally:
        await database.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gatekeeper")
    parser.add_argument("--database", default=DEFAULT, help="a URL of SQLAlchemy")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("migrate", help="bring the tables up to date")
    verbs.add_parser("work", help="execute reviews until told to end")
    receiving = verbs.add_parser("receive", help="take a webhook delivery, from a file")
    receiving.add_argument("arrival", type=_read, metavar="FILE")
    showing = verbs.add_parser("show", help="tell what came of a pull request")
    showing.add_argument("number", type=int)
    showing.add_argument("--wait", action="store_true", help="until it has ended")
    return parser


def _read(path: str) -> Arrival:
    return Arrival(**json.loads(Path(path).read_text("utf-8")))


if __name__ == "__main__":
    asyncio.run(main())
