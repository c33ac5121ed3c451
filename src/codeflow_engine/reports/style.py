"""How a text report looks: colours, width, and the characters that it may use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Color", "Style"]

_NARROWEST = 20
_NARROWEST_CODE = 8
_WIDEST_CODE = 160


class Color(StrEnum):
    """A look of text, as an SGR parameter list (ECMA-48, 8.3.117)."""

    ALARM = "1;37;41"
    BOLD = "1"
    BOLD_RED = "1;31"
    FAINT = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    BLUE = "34"
    CYAN = "36"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a text report looks. Nothing in it is told by colour alone."""

    color: bool = False
    """Whether to use ANSI colours."""

    width: int | None = 100
    """Cells a line, at least 20; None leaves prose unwrapped.

    Headlines, paths and the coverage line are never wrapped, so that they can be searched
    for. Code is cut at 160 cells in any case.
    """

    encoding: str = "utf-8"
    """Characters that this encoding does not have are escaped."""

    def paint(self, text: str, color: Color | None) -> str:
        """Colour a piece of a line."""
        if not self.color or color is None or not text:
            return text
        return f"\x1b[{color.value}m{text}\x1b[0m"

    def room(self, indent: int) -> int | None:
        """Count the cells for prose behind an indent."""
        return None if self.width is None else max(self.width, _NARROWEST) - indent

    def code_room(self, indent: int) -> int:
        """Count the cells for code behind an indent."""
        wide = _WIDEST_CODE if self.width is None else min(self.width, _WIDEST_CODE)
        return max(wide - indent, _NARROWEST_CODE)
