from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from telemetry_sight import Sight

from codeflow_engine import Engine
from codeflow_engine.redaction import Redactor
from codeflow_engine.telemetry.eyes import Eyes

LINES = "".join(f"+value_{number} = {number}\n" for number in range(40))
PATCH = f"--- a/a.py\n+++ b/a.py\n@@ -1 +1,41 @@\n a = 1\n{LINES}"


def test_o1_without_an_sdk_telling_costs_less_than_two_percent() -> None:
    """All spans and measurements of a review together take less than 2 % of its time."""
    sight = Sight()
    with Engine(analyzers=["hygiene"], **sight.options) as engine:
        engine.review(PATCH)
    spans, eyes = len(sight.spans), Eyes(redactor=Redactor(), monotonic=time.monotonic)

    def told() -> float:
        began = time.perf_counter()
        for _ in range(1000):
            with eyes.step("work", "work") as seen:
                seen.attempt(1, None)
        return (time.perf_counter() - began) / 1000

    with Engine(analyzers=["hygiene"]) as engine:
        engine.review(PATCH)
        began = time.perf_counter()
        for _ in range(5):
            engine.review(PATCH)
        review = (time.perf_counter() - began) / 5
    cost = min(told() for _ in range(5))

    assert 10 < spans < 100
    assert spans * cost < 0.02 * review


def test_o1_without_an_sdk_there_is_no_thread_of_it() -> None:
    """An engine without providers starts no thread to tell anything."""
    before = {thread.name for thread in threading.enumerate()}

    with Engine(analyzers=["hygiene"]) as engine:
        engine.review(PATCH)
        during = {thread.name for thread in threading.enumerate()} - before

    assert not [name for name in during if not name.lower().startswith(("codeflow", "asyncio"))]


def test_o1_the_import_of_an_engine_loads_nothing_of_it() -> None:
    """OpenTelemetry is loaded by the first engine, and its SDK never."""
    act = (
        "import sys; from codeflow_engine import Engine; "
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]; "
        "Engine(analyzers=['hygiene']).close(); "
        "assert 'opentelemetry.trace' in sys.modules; "
        "assert 'opentelemetry.sdk' not in sys.modules"
    )
    path = str(Path(sys.modules["codeflow_engine"].__file__ or "").parents[1])

    ran = subprocess.run(
        [sys.executable, "-c", act], env={"PYTHONPATH": path}, capture_output=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, b"")
