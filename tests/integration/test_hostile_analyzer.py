"""A hostile program in the place of an analyzer's, in a real host: nothing in reach, no escape.

The host is a process of its own whose environment holds a key, since the environment of a
process that runs already cannot be changed for those who read it in `/proc`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from hostile_repository import CANARIES, Hostile, leaks, snapshot
from hostile_runs import Listener, environment

from codeflow_engine.sandbox import Isolation

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what is left is looked for in Linux's /proc"
)

# Looks everywhere, tries to get out, leaves a daemon behind that ignores its end, and says
# all that it has found where the engine listens.
PROGRAM = """
import json, os, signal, socket, subprocess, sys, time, urllib.request
words = json.loads(sys.argv[1])
seen, done = [repr(dict(os.environ))], []

def look(place):
    try:
        with open(place, "rb") as file:
            seen.append(file.read(1_000_000).decode("utf-8", "replace"))
    except OSError:
        pass

for pid in ("self", os.getppid(), 1, words["host"], *filter(str.isdigit, os.listdir("/proc"))):
    for name in ("environ", "cmdline", "cwd/.env", "root" + words["home"] + "/.netrc"):
        look(f"/proc/{pid}/{name}")
for name in (".netrc", ".git-credentials", ".gitconfig", ".ssh/id_rsa", ".aws/credentials"):
    look(os.path.expanduser("~/" + name))
    look(words["home"] + "/" + name)
for place in (words["secret"], words["config"], "/etc/shadow", "/root/.netrc"):
    look(place)
seen += ["inside " + name for name, _, _ in os.walk(words["place"])]
for address in (("127.0.0.1", words["port"]), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, timeout=1)
        done.append(f"connected to {address}")
    except OSError:
        pass
for place in (words["secret"], words["config"], words["place"] + "/new",
              "/usr/new", "/etc/new", "/new", "/proc/sys/kernel/core_pattern", "/dev/new"):
    try:
        with open(place, "ab") as file:
            file.write(b"x")
        if os.path.exists(place):
            done.append(f"wrote to {place}")
    except OSError:
        pass
for place in (words["secret"], words["place"]):
    try:
        os.chmod(place, 0o777)
        done.append(f"changed the mode of {place}")
    except OSError:
        pass
try:
    os.kill(words["host"], signal.SIGKILL)
    done.append("ended the host")
except OSError:
    pass
if not os.fork():
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if not os.fork():
        os.closerange(0, 100)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c",
                                  "import time; time.sleep(100)", words["marker"]])
    os._exit(0)
print(json.dumps({"seen": seen, "done": done}), flush=True)
if words["stay"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(100)
"""

# An analyzer that was talked into running a program of the change, and its host.
HOST = """
import json, os, sys
from pathlib import Path
from codeflow_engine import Engine
from codeflow_engine.contracts import Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.sandbox import Limits

class Spy(Analyzer):
    capabilities = frozenset({AnalyzerCapability.EXECUTES_CHANGE})
    found = None

    async def analyze(self, analysis, sandbox):
        argv = [sys.executable, "-I", words["program"], json.dumps(words)]
        readable = [Path(words["program"])]
        done = await sandbox.run(argv, readable=readable, limits=Limits(timeout=words["timeout"]))
        Spy.found = [done.stdout.decode(), done.stderr.decode()]
        return AnalyzerReport(examined=analysis.units)

words = {**json.loads(sys.argv[1]), "host": os.getpid()}
with Engine(analyzers=[Spy()], isolation=words["rung"]) as engine:
    review = engine.review(words["repository"], head="HEAD")
print(json.dumps({"found": Spy.found, "review": review.to_json()}))
"""


def host(
    hostile: Hostile, room: Path, *, rung: Isolation, port: int, marker: str, **words: Any
) -> dict[str, Any]:
    """Run a host whose analyzer is hostile; give what it printed."""
    program = room / "program.py"
    program.write_text(PROGRAM)
    given = {
        "repository": str(hostile.repository),
        "config": str(hostile.repository / ".git/config"),
        "secret": str(hostile.host / "secret.py"),
        "home": str(hostile.home),
        "place": str(hostile.place),
        "program": str(program),
        "rung": rung.value,
        "port": port,
        "marker": marker,
        "timeout": 60,
        "stay": False,
        **words,
    }
    ran = subprocess.run(
        [sys.executable, "-c", HOST, json.dumps(given)],
        env=environment(hostile, room),
        capture_output=True,
        check=True,
        cwd=room,
        timeout=120,
    )
    assert ran.stderr == b""
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def survivors(marker: str, within: float = 10) -> list[int]:
    """List the processes whose command line holds a marker, once they had time to end."""
    end = time.monotonic() + within
    while True:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.02)


@pytest.fixture
def marker() -> str:
    """Give a word that no other process has on its command line."""
    return f"marker-{uuid.uuid4()}"


RUNGS = pytest.mark.parametrize(
    "rung", [Isolation.BWRAP, pytest.param(Isolation.UNSHARE, marks=pytest.mark.fault)]
)


@RUNGS
def test_s17_a_hostile_program_finds_nothing_reaches_nothing_and_leaves_nothing(
    hostile: Hostile, listener: Listener, tmp_path: Path, marker: str, rung: Isolation
) -> None:
    """No key, no network, no file, no process of the host; and nothing survives the run."""
    before, visits = snapshot(hostile.place), listener.visits

    told = host(hostile, tmp_path, rung=rung, port=listener.port, marker=marker)

    if told["review"]["isolation"] != rung:
        pytest.skip(f"this machine has no rung {rung}")
    out, err = told["found"]
    found = json.loads(out)
    assert err == ""
    assert leaks(*found["seen"], json.dumps(told)) == []
    assert found["done"] == []
    assert not [name for name in found["seen"] if name.startswith("inside ")]
    assert listener.visits == visits
    assert survivors(marker) == []
    assert told["review"]["outcome"] == "reviewed"
    after = snapshot(hostile.place)
    assert [path for path in before.keys() | after if before.get(path) != after.get(path)] == []


@RUNGS
def test_s17_a_program_that_ignores_its_end_is_ended(
    hostile: Hostile, listener: Listener, tmp_path: Path, marker: str, rung: Isolation
) -> None:
    """Past its deadline nothing of it is left, and its units have failed with the reason."""
    began = time.monotonic()

    told = host(
        hostile, tmp_path, rung=rung, port=listener.port, marker=marker, stay=True, timeout=2
    )

    if told["review"]["isolation"] != rung:
        pytest.skip(f"this machine has no rung {rung}")
    assert survivors(marker) == []
    assert told["found"] is None
    assert told["review"]["outcome"] == "failed"
    reasons = {entry["reason"] for entry in told["review"]["coverage"]["entries"]}
    assert len(reasons) == 1
    assert "2" in reasons.pop()
    assert time.monotonic() - began < 60


def test_s16_s17_without_isolation_a_program_of_the_change_does_not_run(
    hostile: Hostile, listener: Listener, tmp_path: Path, marker: str
) -> None:
    """An analyzer that can execute the change refuses, and its units say so."""
    told = host(hostile, tmp_path, rung=Isolation.NONE, port=listener.port, marker=marker)

    assert told["found"] is None
    assert told["review"]["isolation"] == "none"
    assert told["review"]["outcome"] == "failed"
    reasons = {entry["reason"] for entry in told["review"]["coverage"]["entries"]}
    assert reasons == {"spy: it can execute code of the change, and nothing isolates it here"}


def test_s17_the_search_finds_what_there_is(hostile: Hostile, tmp_path: Path, marker: str) -> None:
    """The control: the same program outside of the sandbox finds, reaches and leaves all."""
    secret = tmp_path / "host.py"
    secret.write_text(f"SECRET = '{CANARIES['a file of the host']}'\n")
    # Without the acts that would harm the machine that runs the test.
    harmless = re.sub(r'"/usr/new".*\):', "):", PROGRAM)
    harmless = harmless.replace('os.kill(words["host"], signal.SIGKILL)', "raise OSError")
    assert "core_pattern" not in harmless
    assert "SIGKILL" not in harmless
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = {
            "config": str(tmp_path / "config"),
            "secret": str(secret),
            "home": str(hostile.home),
            "place": str(tmp_path),
            "host": os.getpid(),
            "port": server.getsockname()[1],
            "marker": marker,
            "stay": False,
        }
        ran = subprocess.run(
            [sys.executable, "-I", "-c", harmless, json.dumps(words)],
            env=environment(hostile, tmp_path),
            capture_output=True,
            check=True,
            timeout=60,
        )
    found = json.loads(ran.stdout)
    left = survivors(marker, within=0.5)
    for pid in left:
        os.kill(pid, signal.SIGKILL)

    assert set(leaks(*found["seen"])) >= {
        *("a variable of the environment", "~/.netrc", "~/.git-credentials", "a file of the host"),
    }
    assert {one.split(" ")[0] for one in found["done"]} == {"connected", "wrote", "changed"}
    assert f"inside {tmp_path}" in found["seen"]
    assert left
    assert survivors(marker) == []
