"""Runs the command line as `python -m codeflow_engine.hosts.cli`."""

from __future__ import annotations

import sys

from codeflow_engine.hosts.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
