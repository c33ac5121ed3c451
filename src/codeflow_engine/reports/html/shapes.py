"""Small drawings that stand beside a word, so that nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping

from codeflow_engine.reports.html.markup import Content, Markup, element

__all__ = ["coverage_state", "outcome_sign", "severity", "severity_counts", "shape"]

_SHAPES = {
    "critical": "M3.4 0h5.2L12 3.4v5.2L8.6 12H3.4L0 8.6V3.4z",
    "high": "M6 .6 12 11.4H0z",
    "medium": "M6 0l6 6-6 6-6-6z",
    "low": "M6 1a5 5 0 1 0 .001 0z",
    "info": "M6 1a5 5 0 1 0 .001 0zM6 2.8a3.2 3.2 0 1 1-.001 0z",
    "reviewed": "M0 1h12v10H0z",
    "excluded": "M0 4.5h12v3H0z",
    "skipped": "M0 1h12v10H0zM1.8 2.8v6.4h8.4V2.8z",
    "failed": "M0 1h12v3.8H0zM0 7.2h12V11H0z",
}

_SIGNS = {
    "clean": "M12 2a10 10 0 1 0 .001 0zM16.9 7.6l1.5 1.4-7.6 8.1-4.7-4.6 1.4-1.4 3.2 3.2z",
    "found": "M5 2h2v1h12l-3 5 3 5H7v9H5z",
    "empty": "M12 2a10 10 0 1 0 .001 0zM12 4.2a7.8 7.8 0 1 1-.001 0zM7 10.9h10v2.2H7z",
    "partial": "M12 2a10 10 0 1 0 .001 0zM12 4.4v15.2a7.6 7.6 0 0 1 0-15.2z",
    "skipped": (
        "M12 2a10 10 0 1 0 .001 0zM12 4.4a7.6 7.6 0 1 1-.001 0zM8 7.5l5 4.5-5 4.5zM14 7.5h2v9h-2z"
    ),
    "failed": "M12 1 23.5 22H.5zM11 8.5v6.5h2V8.5zM11 17v2.2h2V17z",
}


def shape(name: str) -> Markup:
    """Draw the shape of a severity or of a state of coverage, as high as its text."""
    path = element("path", d=_SHAPES[name], fill_rule="evenodd")
    return element("svg", path, class_="cf-shape", viewBox="0 0 12 12", aria_hidden="true")


def severity(name: str) -> Markup:
    """Name a severity, behind its shape."""
    return element("span", shape(name), " ", name, class_=f"cf-severity cf-is-{name}")


def severity_counts(counts: Mapping[str, int]) -> list[Content]:
    """Write how many findings there are of each severity, by shape for the eye."""
    return [
        element(
            "span",
            shape(name),
            f"{number:,}",
            element("span", f" {name} ", class_="cf-unseen"),
            class_=f"cf-severity cf-is-{name}",
            title=f"{number:,} {name}",
        )
        for name, number in counts.items()
        if number
    ]


def coverage_state(name: str, told: str) -> Markup:
    """Tell of a state of coverage, behind its shape."""
    return element("span", shape(name), " ", told, class_=f"cf-state cf-is-{name}")


def outcome_sign(kind: str) -> Markup:
    """Draw the sign of a verdict, one shape for each kind that `verdict` knows."""
    path = element("path", d=_SIGNS[kind], fill_rule="evenodd")
    return element("svg", path, class_="cf-sign", viewBox="0 0 24 24", aria_hidden="true")
