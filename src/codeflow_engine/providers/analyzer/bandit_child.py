"""The program that bandit runs in: bandit itself, with a garbage collector that rests.

Bandit holds a tree of each file with links both ways, and the collector walks them again and
again: without that it took 8 % less time over 300 files of the standard library.
"""

from __future__ import annotations

import gc
import runpy

__all__ = ["main"]


def main() -> None:
    """Run bandit with the arguments of this program."""
    gc.set_threshold(100_000, 20, 20)
    runpy.run_module("bandit", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
