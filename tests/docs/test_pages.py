"""The code of the README and of every page of the documentation runs as it is shown."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Reader, blocks, matches

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
GIT_SETTINGS = """
[user]
    name = Ada
    email = ada@example.org
[init]
    defaultBranch = main
"""


@pytest.fixture
def reader(
    tmp_path: Path, hermetic_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """Sit down at a terminal in an empty directory, with git set up as people have it."""
    (hermetic_environment / ".gitconfig").write_text(GIT_SETTINGS, "utf-8")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-01-01T00:00:00+00:00")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield Reader(tmp_path)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_runs(reader: Reader, page: Path) -> None:
    """Every block of code runs, and prints what stands below it."""
    text = page.read_text("utf-8")
    code = [
        block
        for block in blocks(text)
        if block.language in {"python", "console"} and not block.skipped and not block.title
    ]

    reader.read(text)

    assert reader.ran == len(code)
    assert text.count("```") == 2 * len(list(blocks(text))), "a fence that nobody reads"


def broken_links(text: str, folder: Path) -> list[str]:
    """List the links of a page that lead to no file of the checkout."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    return [link for link in links if "://" not in link and not (folder / link).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_links_lead_somewhere(name: str) -> None:
    """A relative link outside of `docs/` names a file that exists; mkdocs checks the others."""
    page = ROOT / name

    assert not broken_links(page.read_text("utf-8"), page.parent)
    assert broken_links("[a](nowhere.md#b) [c](https://example.org)", ROOT) == ["nowhere.md"]


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python\nraise ValueError\n```\n",
        "```console\n$ echo 1\n2\n```\n",
        "```console\n$ echo 1\n1\n$ (exit 3)\n$ echo $?\n0\n```\n",
        "```toml\na = \n```\n",
    ],
)
def test_a_page_that_is_wrong_fails(reader: Reader, text: str) -> None:
    """Another output, an error, another exit code and a malformed file are found."""
    with pytest.raises((AssertionError, ValueError)):
        reader.read(text)


def test_a_page_is_read_as_a_person_would(reader: Reader) -> None:
    """Files are written, names and the directory are kept, and skipped blocks don't run."""
    text = (
        '```python title="acme.py"\nNAME = "acme"\n```\n'
        "```console\n$ mkdir -p a && cd a\n$ (exit 3)\n"
        "$ echo $? \\\n    and more\n3 and more\n```\n"
        "- item\n    ```python\n    import acme, os, asyncio\n    await asyncio.sleep(0)\n    ```\n"
        "```python\nprint(acme.NAME, os.path.basename(os.getcwd()), 'in 0.1 s')\n```\n"
        "```text\nacme a in ... s\n```\n"
        "<!-- not run: it would fail -->\n```python\nraise ValueError\n```\n"
    )

    reader.read(text)

    assert reader.ran == 3
    assert matches("a ... c", "a b\nb c\n")
    assert not matches("a c", "a b c")
    assert matches("isolation bwrap; 0.33 s", "isolation none; 12 s  ")
    assert not matches("0.33 seconds", "0.34 seconds")
