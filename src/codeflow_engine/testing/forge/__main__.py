"""Runs the forge in a process of its own: `python -m codeflow_engine.testing.forge`.

It writes one line of JSON with its addresses and a token for each `--user`, and serves until its
standard input ends or it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until there is no more input."""
    parser = argparse.ArgumentParser(
        prog="python -m codeflow_engine.testing.forge",
        description="Serve a forge that speaks GitHub's API, until standard input ends.",
    )
    parser.add_argument("--port", type=int, default=0, help="where it listens; 0 is a free port")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where its repositories lie")
    parser.add_argument("--repository", action="append", default=[], metavar="OWNER/NAME")
    parser.add_argument(
        "--user",
        action="append",
        default=[],
        metavar="LOGIN[=ROLE]",
        help="add an account, and print a token of it",
    )
    wanted = parser.parse_args(argv)
    with FakeForge(port=wanted.port, directory=wanted.state) as forge:
        tokens = {}
        for each in wanted.user:
            login, _, role = each.partition("=")
            forge.add_user(login, permission=role or None)
            tokens[login] = forge.token(login)
        for name in wanted.repository:
            forge.repository(name)
        told = {"url": forge.url, "web_url": forge.web_url, "graphql_url": forge.graphql_url}
        sys.stdout.write(json.dumps({**told, "tokens": tokens}) + "\n")
        sys.stdout.flush()
        try:
            sys.stdin.read()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
