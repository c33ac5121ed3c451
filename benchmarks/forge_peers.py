"""The peer of `bench_forge.py`: one pull request over PyGithub, called on the host's loop.

    python forge_peers.py TOLD

It does what a tool built on PyGithub does to begin a review: it asks for the repository, the
pull request, its files with their patches, and the contents of each on both sides.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

import github
from model_ours import Held


async def main() -> None:
    """Read a pull request, and tell how long the loop stood still."""
    told = json.loads(sys.argv[1])
    held = Held()
    watching = asyncio.create_task(held.watch())
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    client = github.Github(
        auth=github.Auth.Token(told["token"]), base_url=told["url"], seconds_between_requests=0
    )
    repository = client.get_repo("acme/shop")
    pull = repository.get_pull(1)
    for file in pull.get_files():
        for revision in (pull.base.sha, pull.head.sha):
            repository.get_contents(file.filename, ref=revision)
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.05)
    watching.cancel()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "held": held.longest,
                "held_wall": held.longest_wall,
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak": usage.ru_maxrss * 1024,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
