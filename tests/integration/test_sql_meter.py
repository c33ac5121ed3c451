"""Several processes share a budget and a bucket, in a file and on a server."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.domain.budget import Balance, Rate, Reservation, Spend
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage, migrate
from sql_databases import Server, connected

SPENDER = """
import asyncio, sys
from decimal import Decimal
from codeflow_engine.domain.budget import Budget, Reservation, Spend
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

url, name = sys.argv[1], sys.argv[2]
SCOPES = ["run:" + name, "change:7", "tenant:a", "month:2026-11"]
LIMITS = [None, None, Budget(usd="3"), Budget(tokens=10**6)]

async def spend(storage, lane):
    number = 0
    while True:
        turned = slice(None, None, -1 if number % 2 else 1)
        asked = Reservation(
            reservation_id=f"{name} {lane} {number}", spend=Spend(usd=Decimal("0.05"), tokens=50),
            scopes=tuple(SCOPES[turned]), limits=tuple(LIMITS[turned]))
        if await storage.reserve("a", asked) is not None:
            return
        await asyncio.sleep(0.002)
        await storage.settle("a", asked.reservation_id, Spend(usd=Decimal("0.03"), tokens=20))
        print("settled", flush=True)
        number += 1

async def main():
    storage = SQLStorage(url, SQLSettings(migrate=True))
    await storage.read_balances("a", SCOPES)
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(spend(storage, lane) for lane in range(3)))
    await storage.aclose()

asyncio.run(main())
"""

ASKER = """
import asyncio, json, sys, time
from codeflow_engine.domain.budget import Rate
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

async def chunk(storage):
    asked = time.monotonic()
    while wait := await storage.take(
        [Rate(bucket="key tokens", amount=2300, per_minute=90_000),
         Rate(bucket="key requests", amount=1, per_minute=500)]):
        await asyncio.sleep(wait)
    print(json.dumps([asked, time.monotonic()]), flush=True)

async def main():
    storage = SQLStorage(sys.argv[1], SQLSettings(migrate=True))
    await asyncio.gather(*(chunk(storage) for _ in range(20)))
    await storage.aclose()

asyncio.run(main())
"""

OTHERS = [
    pytest.param("sqlite+aiosqlite", marks=pytest.mark.fault),
    pytest.param("postgresql+asyncpg", marks=pytest.mark.fault),
    pytest.param("postgresql+psycopg2", marks=pytest.mark.fault),
]


@pytest.fixture(params=["sqlite", "postgresql+psycopg", *OTHERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database, by each driver."""
    driver: str = request.param
    if driver.startswith("sqlite"):
        return f"{driver}:///{tmp_path / 'x.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("postgres_database"), driver.split("+")[1])


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that runs a text of Python."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    """Read the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def balances(url: str, *scopes: str) -> dict[str, Balance]:
    """Read how scopes stand."""

    async def read() -> tuple[Balance, ...]:
        storage = SQLStorage(url)
        found = await storage.read_balances("a", scopes)
        await storage.aclose()
        return found

    return {one.scope: one for one in asyncio.run(read())}


@pytest.mark.parametrize(
    "url",
    [pytest.param("sqlite", marks=pytest.mark.fault), "postgresql+psycopg", *OTHERS],
    indirect=True,
)
def test_processes_share_a_budget_and_one_is_killed(url: str) -> None:
    """Its bookings stay; what all have spent never passes the limit, and fills it."""
    spenders = [start(SPENDER, url, f"p{number}") for number in range(3)]
    victim = spenders[0]
    assert [line_of(one) for one in spenders] == ["ready\n"] * 3
    for one in spenders:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert line_of(victim) == "settled\n"
    victim.send_signal(signal.SIGKILL)
    told = [one.communicate(timeout=120) for one in spenders]

    runs = [f"run:p{number}" for number in range(3)]
    found = balances(url, "tenant:a", "change:7", "month:2026-11", *runs)
    total = found["tenant:a"].booked
    assert [one.returncode for one in spenders] == [-signal.SIGKILL, 0, 0]
    assert [errors for _, errors in told] == ["", "", ""]
    assert Decimal("2.95") < total.usd <= 3
    assert found["change:7"].booked == found["month:2026-11"].booked == total
    assert sum(found[run].booked.usd for run in runs) == total.usd
    for run, (output, _) in [*zip(runs, told, strict=True)][1:]:
        assert found[run].booked.usd == output.count("settled") * Decimal("0.03")


@pytest.mark.parametrize(
    "url",
    ["sqlite", pytest.param("postgresql+psycopg", marks=pytest.mark.fault), *OTHERS],
    indirect=True,
)
def test_l26_processes_stay_within_one_bucket(url: str) -> None:
    """Forty chunks of 2,300 tokens, of two processes, against 90,000 tokens a minute."""
    askers = [start(ASKER, url) for _ in range(2)]
    told = [one.communicate(timeout=120) for one in askers]

    assert [errors for _, errors in told] == ["", ""]
    chunks = [json.loads(line) for output, _ in told for line in output.splitlines()]
    began, granted = min(asked for asked, _ in chunks), sorted(at for _, at in chunks)
    assert len(granted) == 40
    for number, at in enumerate(granted, 1):
        assert number * 2300 <= 90_000 + (at - began) * 1500 + 1
    # Nobody waits much longer than the tokens take that are missing.
    assert 1.3 < granted[-1] - began < 30


async def test_a_bucket_of_an_earlier_start_of_the_machine_is_full(tmp_path: Path) -> None:
    """Its times are those of a clock that counts from another start."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    storage = SQLStorage(url)
    await storage.take([Rate(bucket="key", amount=6, per_minute=6)])
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE codeflow_buckets SET boot = 'earlier'")
        connection.commit()

    told = [await storage.take([Rate(bucket="key", amount=6, per_minute=6)]) for _ in range(2)]

    assert told == [0, pytest.approx(60, abs=3)]
    await storage.aclose()


async def test_a_cancelled_call_keeps_nobody_out(tmp_path: Path) -> None:
    """Whenever its caller gives up; aiosqlite keeps cursors whose rows nobody has read."""
    storage = SQLStorage(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", SQLSettings(lock_wait=5))
    given: dict[str, Any] = {"tenant": "a", "scope": "run", "spend": Spend(tokens=1)}
    await storage.top_up(**given, top_up_id="first")
    kept = []
    for turn in range(24):
        call = asyncio.create_task(storage.top_up(**given, top_up_id=f"{turn}"))
        await asyncio.sleep(turn * 0.00025)
        call.cancel()
        await asyncio.wait([call])
        # Held, as by a host that looks at it later.
        kept.append(call)
        balance = await storage.top_up(**given, top_up_id=f"{turn}")
        assert balance.added == Spend(tokens=turn + 2)
    await storage.aclose()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("accounts SET booked_usd = 'x'", "account 'run'"),
        ("bookings SET scopes = '[1'", "booking 'b'"),
        ("bookings SET tokens = x'00'", "booking 'b'"),
        ("bookings SET settled_at = 'x'", "booking 'b'"),
        ("buckets SET level = 'x'", "bucket 'key'"),
    ],
)
async def test_a_damaged_row_is_told(tmp_path: Path, change: str, name: str) -> None:
    """By the call that reads it, with its name and nothing of what it holds."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    storage = SQLStorage(url)
    asked = Reservation(reservation_id="b", spend=Spend(), scopes=("run",), limits=(None,))
    await storage.reserve("a", asked)
    await storage.take([Rate(bucket="key", amount=1, per_minute=6)])
    with connected(url) as connection:
        connection.exec_driver_sql(f"UPDATE codeflow_{change}")
        connection.commit()

    async def use() -> None:
        await storage.reserve("a", asked)
        await storage.take([Rate(bucket="key", amount=1, per_minute=6)])

    with pytest.raises(StorageError, match=f"^{name} is damaged"):
        await use()
    await storage.aclose()


def test_a_way_down_and_up_again_leaves_an_empty_meter(
    postgres: Server, postgres_database: str
) -> None:
    """What was spent is forgotten; runs and all else are not touched."""
    url = postgres.url(postgres_database)

    async def use() -> Balance:
        storage = SQLStorage(url, SQLSettings(migrate=True))
        await storage.renew("w", lease=60)
        balance = await storage.top_up("a", "run", Spend(tokens=5), top_up_id="t")
        await storage.aclose()
        return balance

    first = asyncio.run(use())
    with connected(url) as connection:
        migrate.downgrade(connection, "0002")
        assert migrate.check(connection).found == "0002"
        workers = connection.exec_driver_sql("SELECT worker FROM codeflow_workers").scalars().all()
        connection.rollback()
        migrate.upgrade(connection)

    assert workers == ["w"]
    assert asyncio.run(use()) == first
