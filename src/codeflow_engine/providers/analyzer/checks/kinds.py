"""What a path says about a file: its language, and what it is for."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

__all__ = ["is_code", "is_foreign", "is_lock", "is_prose", "is_test", "language", "suffix", "words"]


def words(text: str) -> frozenset[str]:
    """Give the words of a text: a table of many short ones is easier to read in this form."""
    return frozenset(text.split())


_SUFFIXES: Final = {
    "c": "c h cc cpp cxx hh hpp hxx m mm cu",
    "csharp": "cs csx",
    "css": "css scss sass less",
    "dart": "dart",
    "elixir": "ex exs",
    "go": "go",
    "java": "java kt kts scala groovy gradle",
    "javascript": "js jsx mjs cjs ts tsx mts cts vue svelte astro",
    "julia": "jl",
    "lua": "lua",
    "perl": "pl pm t",
    "php": "php phtml inc",
    "python": "py pyi pyw pyx pxd",
    "r": "r rmd",
    "ruby": "rb rake gemspec ru",
    "rust": "rs",
    "shell": "sh bash zsh fish ps1 psm1 bat cmd",
    "solidity": "sol",
    "sql": "sql",
    "swift": "swift",
    "zig": "zig",
}
_LANGUAGES: Final = {end: name for name, ends in _SUFFIXES.items() for end in ends.split()}
_NAMES: Final = {
    "dockerfile": "shell",
    "gemfile": "ruby",
    "makefile": "shell",
    "rakefile": "ruby",
}
_CONFIGURATION: Final = words("cfg conf env ini json jsonc json5 toml xml yaml yml")
_PROSE: Final = words(
    "md mdx markdown rst txt adoc asciidoc org tex html htm xhtml svg po pot ftl xliff xlf srt"
    " vtt strings arb resx ts-i18n properties csv tsv ipynb log snap"
)
_PROSE_NAMES: Final = words(
    "authors changelog changes contributors copying copyright credits history install license"
    " licence maintainers news notice readme thanks todo"
)
_TRANSLATION: Final = re.compile(
    r"(?:^|/)(?:i18n|l10n|locales?|lang|langs|translations?)/", re.IGNORECASE
)
_FOREIGN: Final = re.compile(
    r"(?:^|/)(?:node_modules|bower_components|vendor|vendored|_vendor|third[_-]?party|external"
    r"|dist|site-packages)/|[.-]min\.\w+$|\.bundle\.js$|\.map$",
    re.IGNORECASE,
)

_LOCKS: Final = words(
    "bun.lock bun.lockb cargo.lock composer.lock flake.lock gemfile.lock go.sum mix.lock"
    " npm-shrinkwrap.json package-lock.json package.resolved pdm.lock pipfile.lock pnpm-lock.yaml"
    " podfile.lock poetry.lock pubspec.lock uv.lock yarn.lock"
)


def suffix(path: str) -> str:
    """Give what follows the last dot of a path's last part, in lower case."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name[1:] else ""


def language(path: str) -> str | None:
    """Give the programming language of a file; None where its name does not tell."""
    name = path.rpartition("/")[2].lower()
    return _LANGUAGES.get(suffix(path)) or _NAMES.get(name)


def is_code(path: str) -> bool:
    """Tell a program or its configuration; a file without a suffix is taken for one."""
    if is_prose(path):
        return False
    end = suffix(path)
    return not end or end in _CONFIGURATION or language(path) is not None


def is_prose(path: str) -> bool:
    """Tell a text for people: documentation, a translation."""
    name = path.rpartition("/")[2].lower()
    return suffix(path) in _PROSE or name in _PROSE_NAMES or bool(_TRANSLATION.search(path))


def is_test(path: str) -> bool:
    """Tell a file that is there for tests, examples or documentation."""
    return _test().search(path) is not None


@cache
def _test() -> re.Pattern[str]:  # compiled when needed: a millisecond
    return re.compile(
        r"(?:^|/)(?:tests?|testing|testdata|specs?|__tests__|__mocks__|fixtures?|e2e|cypress"
        r"|examples?|samples?|benchmarks?|docs?|playgrounds?|templates?|template-[^/]+)/"
        r"|(?:^|/)(?:test_[^/]*|conftest)\.py$|_test\.\w+$|[._-](?:test|spec|cy|e2e)\.\w+$"
        r"|_spec\.rb$|(?-i:Tests?)\.(?:java|kt|cs|swift|php)$"
        r"|\.(?:md|mdx|markdown|rst|adoc)$",
        re.IGNORECASE,
    )


def is_foreign(path: str) -> bool:
    """Tell a file that was copied or generated, and that nobody here writes."""
    return _FOREIGN.search(path) is not None


def is_lock(path: str) -> bool:
    """Tell a lock file, which is as long as it is."""
    return path.rpartition("/")[2].lower() in _LOCKS
