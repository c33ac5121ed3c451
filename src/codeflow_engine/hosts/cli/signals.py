"""Signals that the program was started to ignore."""

from __future__ import annotations

import signal

__all__ = ["is_ignored"]


def is_ignored(number: signal.Signals) -> bool:
    """Say whether whoever started the program wants a signal to have no effect."""
    return signal.getsignal(number) is signal.SIG_IGN
