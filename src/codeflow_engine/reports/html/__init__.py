"""The HTML report: one file that anybody can open, with nothing to fetch and nobody to trust.

`markup` makes elements and escapes by construction; `shapes`, `words` and `code` are the
small parts, `verdict`, `picture`, `finding`, `coverage` and `facts` the large ones, which
also stand alone inside an element of class `codeflow` with the style of `assets`; `page`
puts them into a document.
"""

from codeflow_engine.reports.html.page import render

__all__ = ["render"]
