"""What a hostile program finds, on each rung."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeflow_engine.errors import ConfigurationError, SandboxError
from codeflow_engine.sandbox import Isolation, Limits, Sandbox

CANARY = "canary-7f3a91"

# Reads whatever could hold a key, and reports every place where it saw the canary.
HOSTILE = """
import glob, json, os, socket, subprocess, sys, urllib.request
port, places = int(sys.argv[1]), sys.argv[2:]
leaks = []

def look(place):
    try:
        with open(place, "rb") as file:
            if b"canary-7f3a91" in file.read(1_000_000):
                leaks.append(place)
    except OSError:
        pass

if "canary-7f3a91" in repr(dict(os.environ)):
    leaks.append("os.environ")
me, parent = os.getpid(), os.getppid()
seen = [name for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
for pid in ["self", str(parent), "1", *seen]:
    look(f"/proc/{pid}/environ")
    look(f"/proc/{pid}/cmdline")
    for place in places:
        look(f"/proc/{pid}/root{place}")
        look(f"/proc/{pid}/cwd/{place}")
for place in places:
    for root in ("", "/..", "/../old", "/old", "/proc/self/root/..", "/proc/self/cwd/../.."):
        look(root + place)
for name in ("~/.netrc", "~/.git-credentials", "~/.config/gh/hosts.yml"):
    look(os.path.expanduser(name))
for url in (f"http://127.0.0.1:{port}/", "http://169.254.169.254/latest/meta-data/"):
    try:
        leaks.append(urllib.request.urlopen(url, timeout=1).read().decode())
    except OSError:
        pass
for family, address in ((socket.AF_UNIX, "/var/run/docker.sock"), (40, (2, 1024))):
    try:
        with socket.socket(family) as made:
            made.settimeout(1)
            made.connect(address)
            leaks.append(f"connected to {address}")
    except OSError:
        pass
print(json.dumps({
    "leaks": leaks,
    "processes": len(seen),
    "root": sorted(os.listdir("/")),
    "etc": sorted(os.listdir("/etc")),
}))
"""

# The engine's process, started with keys in its environment, as a host would be.
HOST = """
import asyncio, sys
from pathlib import Path
from codeflow_engine.sandbox import Sandbox
async def main(rung, hostile, *words):
    async with Sandbox(prefer=rung) as sandbox:
        reached = await sandbox.isolation()
        print(reached, flush=True)
        argv = [sys.executable, "-I", hostile, *words]
        done = await sandbox.run(argv, readable=[Path(hostile)])
        print(done.stdout.decode(), done.stderr.decode(), flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


class Metadata(http.server.BaseHTTPRequestHandler):
    """A loopback server that gives away a secret."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CANARY.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


NAMESPACES = pytest.mark.parametrize("sandbox", [Isolation.BWRAP, Isolation.UNSHARE], indirect=True)


@pytest.mark.parametrize("rung", list(Isolation))
def test_s17_a_hostile_program_finds_no_key(
    rung: Isolation, port: int, hermetic_environment: Path, tmp_path: Path
) -> None:
    """In namespaces no key can be found; on the lowest rung the engine's own process tells."""
    home = hermetic_environment
    secrets = [home / ".netrc", home / ".git-credentials", tmp_path / "secrets.env"]
    for path in secrets:
        path.write_text(CANARY)
    hostile = tmp_path / "hostile.py"
    hostile.write_text(HOSTILE)

    ran = subprocess.run(
        [sys.executable, "-c", HOST, rung, str(hostile), str(port), *map(str, secrets)],
        env={"HOME": str(home), "OPENAI_API_KEY": CANARY},
        capture_output=True,
        text=True,
        check=True,
    )

    reached, _, report = ran.stdout.partition("\n")
    found = json.loads(report)
    if rung is Isolation.NONE:
        # This is why programs that execute a change's code refuse to run here; and it
        # shows that the search finds what there is to find. Of root's engine not even the
        # environment: a process without capabilities may not look into one that has them.
        assert str(home / ".netrc") in found["leaks"]
        if os.geteuid() != 0:
            assert any(place.endswith("/environ") for place in found["leaks"])
        assert CANARY not in found["leaks"], "the network was open"
    elif reached != rung:
        pytest.skip(f"this machine has no rung {rung}")
    else:
        assert found["leaks"] == []
        assert found["processes"] <= 5
        assert not {"home", "opt", "srv", "var", "run", "sys", "mnt"} & set(found["root"])
        assert not {"passwd", "shadow", "hostname", "ssh", "ssl"} & set(found["etc"])


@NAMESPACES
async def test_only_named_paths_can_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """A path is there when it was named, under its own name, and its neighbour is not."""
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "file").write_text("seen")
    (tmp_path / "hidden").write_text("unseen")
    (tmp_path / "link").symlink_to(tmp_path / "shown")

    argv = ["sh", "-c", f"cat {tmp_path}/shown/file {tmp_path}/link/file; ls {tmp_path}"]
    done = await sandbox.run(argv, readable=[tmp_path / "link"])

    assert done.stdout == b"seenseenlink\nshown\n"


@NAMESPACES
async def test_a_path_in_memory_can_be_shown(sandbox: Sandbox) -> None:
    """A checkout may lie under `/dev/shm`, which is the program's own otherwise."""
    shared = Path("/dev/shm")  # noqa: S108 - what is meant
    with tempfile.TemporaryDirectory(dir=shared) as name:
        place = Path(name)
        (place / "file").write_text("seen")
        script = f"cat {place}/file; ls {shared}; echo own > {place}.own && cat {place}.own"
        done = await sandbox.run(["sh", "-c", script], readable=[place])

    assert done.stdout.decode() == f"seen{place.name}\nown\n"
    assert not place.with_name(f"{place.name}.own").exists()


@NAMESPACES
async def test_s18_a_link_out_of_a_named_path_leads_nowhere(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A link in a checkout to a file of the host is dangling inside."""
    outside = tmp_path / "outside"
    outside.write_text("secret")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    environ = f"/proc/{os.getpid()}/environ"
    for name, target in {"a": outside, "b": "/etc/passwd", "c": environ}.items():
        (checkout / name).symlink_to(target)

    done = await sandbox.run(
        ["sh", "-c", f"cat {checkout}/a {checkout}/b {checkout}/c"], readable=[checkout]
    )

    assert done.stdout == b""
    assert done.returncode == 1


@NAMESPACES
async def test_only_named_paths_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """Writing works where it was allowed, below a path to read too, and nowhere else."""
    (tmp_path / "out").mkdir()
    tried = [tmp_path / "out" / "yes", tmp_path / "no", Path(sys.prefix, "lib", "no"), Path("/no")]
    tried += [Path(place, "no") for place in ("/usr", "/dev", "/etc", "/proc/sys/kernel")]
    script = "; ".join(f"echo x > {path} && echo {path}" for path in tried)

    done = await sandbox.run(["sh", "-c", script], readable=[tmp_path], writable=[tmp_path / "out"])

    assert done.stdout.decode().split() == [str(tried[0])]
    assert tried[0].read_text() == "x\n"


@NAMESPACES
async def test_the_private_directory_has_a_size(sandbox: Sandbox) -> None:
    """Many files that are each small enough cannot fill the host's memory."""
    script = "for n in 1 2 3 4; do head -c 700000 /dev/zero > $n; done; cat 1 2 3 4 | wc -c"

    done = await sandbox.run(["sh", "-c", script], limits=Limits(file_bytes=1_500_000))

    assert 700_000 < int(done.stdout) < 1_510_000  # whole pages
    assert b"No space left" in done.stderr


@NAMESPACES
async def test_a_path_that_is_not_there_or_is_everything_cannot_be_shown(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A mistake in the view is an error of the caller's, never a smaller view."""
    with pytest.raises(SandboxError, match="does not exist"):
        await sandbox.run(["true"], readable=[tmp_path / "missing"])
    with pytest.raises(SandboxError, match="whole file system"):
        await sandbox.run(["true"], readable=[Path("/")])


@NAMESPACES
async def test_every_namespace_is_another_one(sandbox: Sandbox) -> None:
    """Also where a second fence stands: no namespace is shared with the engine."""
    kinds = ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup")

    done = await sandbox.run(["readlink", *(f"/proc/self/ns/{kind}" for kind in kinds)])

    inside = done.stdout.decode().split()
    assert len(inside) == len(kinds)
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}  # noqa: PTH115 - no file's path


@NAMESPACES
async def test_no_namespace_or_mount_can_be_made_inside(sandbox: Sandbox) -> None:
    """A program cannot get privileges back by a namespace of its own."""
    script = (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None)\n"
        "for flag in (os.CLONE_NEWUSER, os.CLONE_NEWNS):\n"
        "  try: os.unshare(flag); print('unshared')\n"
        "  except OSError: print('denied')\n"
        "print(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None), libc.umount2(b'/proc', 2))\n"
    )

    done = await sandbox.run([sys.executable, "-I", "-c", script])

    assert done.stdout == b"denied\ndenied\n-1 -1\n"


@NAMESPACES
async def test_processes_are_limited(sandbox: Sandbox) -> None:
    """A user other than root cannot start more processes than allowed."""
    if os.geteuid() == 0:
        pytest.skip("the kernel counts no processes of root")
    script = (
        "import os, time\n"
        "n = 0\n"
        "try:\n"
        "  while n < 50:\n"
        "    if not os.fork(): time.sleep(60)\n"
        "    n += 1\n"
        "except BlockingIOError: pass\n"
        "print(n)\n"
    )

    done = await sandbox.run([sys.executable, "-IS", "-c", script], limits=Limits(processes=10))

    assert int(done.stdout) <= 10


async def test_a_preference_is_an_upper_bound() -> None:
    """A rung above the preferred one is not tried, and the lowest always stands."""
    async with Sandbox(prefer=Isolation.NONE) as sandbox:
        assert await sandbox.isolation() is Isolation.NONE
        assert sandbox.refusals == {}
    async with Sandbox(prefer="unshare") as sandbox:
        assert await sandbox.isolation() is not Isolation.BWRAP
    with pytest.raises(ConfigurationError, match="no rung 'docker'; there are bwrap, unshare"):
        Sandbox(prefer="docker")
