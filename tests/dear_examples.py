"""Fewer examples by default, where each of them takes long."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["one_in"]


def one_in(part: int) -> settings:
    """Give a test this part of the examples that the profile has for each property.

    So `--hypothesis-profile=thorough`, which has a thousand, is still thorough.
    """
    return settings(max_examples=max(1, settings.default.max_examples // part))
