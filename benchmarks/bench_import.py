"""Import the engine in a bare process: against a bare interpreter and `import pydantic`.

    python benchmarks/bench_import.py [--check] [--rounds N]

Each figure is of a whole process, interpreter included. The processes take turns, and the
table shows medians. Memory is the peak that the process itself reports at its end, because
the figure that a parent gets for a child includes the parent's own size at the fork.
Targets: at most 0.1 s and 30 MB. With `--check` a missed target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from measure import finish, medians, take_turns

SECONDS = 0.1
MEGABYTES = 30.0
PEAK = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
IMPORTS = {
    "bare interpreter": "pass",
    "import pydantic": "import pydantic; pydantic.BaseModel",
    "from codeflow_engine import Engine": "from codeflow_engine import Engine",
}


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=15)
    chosen = options.parse_args()
    commands = {name: [sys.executable, "-c", code + PEAK] for name, code in IMPORTS.items()}
    samples = take_turns(commands, rounds=chosen.rounds, cwd="/")
    rows = {}
    print(f"{'process':<36}{'wall s':>9}{'cpu s':>9}{'MB':>8}{'x bare':>8}")
    for name, taken in samples.items():
        middle = medians(taken)
        peak = statistics.median(int(sample.output) for sample in taken) / 1000
        rows[name] = {"wall": middle.wall, "cpu": middle.cpu, "megabytes": peak}
        ratio = middle.wall / rows["bare interpreter"]["wall"]
        print(f"{name:<36}{middle.wall:>9.3f}{middle.cpu:>9.3f}{peak:>8.1f}{ratio:>8.1f}")
    ours = rows["from codeflow_engine import Engine"]
    problems = []
    if ours["wall"] > SECONDS:
        problems.append(f"{ours['wall']:.3f} s, and at most {SECONDS} s is the target")
    if ours["megabytes"] > MEGABYTES:
        problems.append(f"{ours['megabytes']:.1f} MB, and at most {MEGABYTES} MB is the target")
    return finish(
        "import", {"rounds": chosen.rounds, "processes": rows}, problems, check=chosen.check
    )


if __name__ == "__main__":
    sys.exit(main())
