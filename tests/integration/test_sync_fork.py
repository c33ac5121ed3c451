"""D42: an engine is of one process."""

from __future__ import annotations

import subprocess
import sys

FORK = """
import os, signal, sys, threading
import codeflow_engine as codeflow

engine = codeflow.Engine()
if sys.argv[1] == "opened":
    engine.runs()
child = os.fork()
if child == 0:
    # What waits for a thread that is not there would wait for ever.
    signal.alarm(20)
    try:
        print("child", len(engine.runs()))
    except codeflow.errors.ConfigurationError as error:
        print("child", error)
        with codeflow.Engine() as own:
            print("own", len(own.runs()))
    engine.close()
    # Leaves as a program does, with what Python does at its end.
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("parent", len(engine.runs()), os.waitstatus_to_exitcode(status))
engine.close()
"""

ASYNC_FORK = """
import asyncio, os, signal, sys
import codeflow_engine as codeflow

PATCH = "--- a/shop.py\\n+++ b/shop.py\\n@@ -1 +1 @@\\n-price = 1\\n+price = 2\\n"
engine = codeflow.AsyncEngine(executes=sys.argv[1])

async def use():
    await engine.submit("review", {"change": PATCH})
    return len(await engine.runs())

def told():
    try:
        return asyncio.run(use())
    except codeflow.errors.ConfigurationError as error:
        return error

if sys.argv[2] == "opened":
    asyncio.run(use())
child = os.fork()
if child == 0:
    signal.alarm(20)
    print("child", told())
    asyncio.run(engine.aclose())
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("parent", os.waitstatus_to_exitcode(status), told())
asyncio.run(engine.aclose())
"""


def forked(*state: str, script: str = FORK) -> list[str]:
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-u", "-c", script, *state]
    done = subprocess.run(words, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


def test_d42_an_engine_that_was_opened_before_a_fork_says_so_in_the_child() -> None:
    """The child can make one of its own, and can close the copy; the parent goes on."""
    told, own, parent = forked("opened")

    assert told.startswith("child this engine was opened before the process was forked")
    assert (own, parent) == ("own 0", "parent 0 0")


def test_d42_an_engine_that_was_only_made_before_a_fork_works_in_both() -> None:
    """Nothing has begun in it yet."""
    assert forked("made") == ["child 0", "parent 0 0"]


def test_d42_an_asynchronous_engine_that_only_submits_says_so_too() -> None:
    """Its connections stay behind as well, though it executes nothing."""
    child, parent = forked("none", "opened", script=ASYNC_FORK)

    assert child.startswith("child this engine was opened before the process was forked")
    assert parent == "parent 0 2"


def test_d42_an_asynchronous_engine_that_only_submits_may_be_made_before_a_fork() -> None:
    """Nothing has begun in it yet."""
    assert forked("none", "made", script=ASYNC_FORK) == ["child 1", "parent 0 1"]
