"""Reviews a pull request with the `github.Github` that a host has, and writes the result to it.

```console
$ GITHUB_TOKEN=... python github_review.py acme/shop#42
```

The client stays the host's: the engine uses its address and its credentials, over connections of
its own, and neither changes nor closes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os

import github

import codeflow_engine as codeflow

__all__ = ["main", "review_and_publish"]


async def review_and_publish(
    client: github.Github, change: str, *, storage: object = None, dry_run: bool = False
) -> codeflow.Review:
    """Review a pull request, say what is about to be written, and write it.

    Args:
        client: The host's own.
        change: The pull request, such as `acme/shop#42`.
        storage: Where the host keeps its data, such as its SQLAlchemy engine. Called again
            after a crash, with one that lasts, it writes what is missing and nothing twice; a
            host that nobody calls again submits the workflow `publish` instead.
        dry_run: Whether nothing is to be written.

    Raises:
        CodeflowError: The change cannot be read, or the review cannot be written.
    """
    # The engine closes what it has made. This was made here, around the client that stays open.
    vcs = codeflow.GitHub(client=client)
    try:
        async with codeflow.AsyncEngine(vcs=vcs, storage=storage) as engine:
            review = await engine.review(change)
            print(f"{review.outcome.value}: {len(review.findings)} findings")
            plan = await engine.plan(review)
            for effect in plan.effects:
                print(f"plan: {effect.kind.value}")
            if not dry_run:
                for receipt in await engine.apply(plan):
                    print(f"{'found' if receipt.found else 'written'}: {receipt.external_id}")
            return review
    finally:
        await vcs.aclose()


def main(words: list[str] | None = None) -> int:
    """Review what the command line names; a review that is not complete is no success."""
    parser = argparse.ArgumentParser(prog="github_review.py")
    parser.add_argument("change", help="owner/repo#number, or the address of a pull request")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    asked = parser.parse_args(words)
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    client = github.Github(base_url=url, auth=github.Auth.Token(os.environ["GITHUB_TOKEN"]))
    try:
        review = asyncio.run(review_and_publish(client, asked.change, dry_run=asked.dry_run))
    except codeflow.errors.CodeflowError as error:
        print(f"error: {error.message}")
        return 2
    finally:
        client.close()
    return 0 if review.outcome == "reviewed" else 3


if __name__ == "__main__":
    raise SystemExit(main())
