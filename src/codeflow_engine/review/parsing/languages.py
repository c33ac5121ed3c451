"""The languages that can be parsed, by the name of a file."""

from __future__ import annotations

from typing import Final

__all__ = ["GRAMMARS", "PYTHON", "language_of"]

PYTHON: Final = "python"

GRAMMARS: Final = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "c-sharp": ("tree_sitter_c_sharp", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
"""The package of each language's grammar, and the function in it that gives the grammar."""

_ENDINGS: Final = {
    "bash": "sh bash",
    "c": "c",
    "c-sharp": "cs",
    # A header may be of either language, and the grammar of C++ reads nearly all of C.
    "cpp": "cc cpp cxx h hh hpp hxx",
    "go": "go",
    "java": "java",
    "javascript": "js jsx mjs cjs",
    "kotlin": "kt kts",
    "php": "php",
    PYTHON: "py pyi pyw",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala sc",
    "swift": "swift",
    "tsx": "tsx",
    "typescript": "ts mts cts",
}
_LANGUAGES: Final = {
    ending: language for language, endings in _ENDINGS.items() for ending in endings.split()
}


def language_of(path: str) -> str | None:
    """Give the language of a file, whether its parser is installed or not; None: unknown."""
    name = path.rpartition("/")[2]
    return _LANGUAGES.get(name.rpartition(".")[2].lower()) if "." in name else None
