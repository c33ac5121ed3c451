"""The notebooks under `examples/` run, and show what is kept in them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pages import matches

from notebooks import EXAMPLES, execute, outputs

pytestmark = pytest.mark.docs

NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Execute the notebook on reviews once for all tests."""
    return execute(read(EXAMPLES / "review.ipynb"), tmp_path_factory.mktemp("notebook"))


@pytest.fixture(scope="module")
def compare_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Execute the notebook that compares models once for all tests."""
    notebook = read(EXAMPLES / "compare_models.ipynb")
    return execute(notebook, tmp_path_factory.mktemp("compared"))


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return notebook


def code(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def forms(cell: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """List the kinds of outputs of a cell, each with its mime types."""
    return [(output["output_type"], sorted(output.get("data", ()))) for output in cell["outputs"]]


def texts(cell: dict[str, Any]) -> str:
    """Join what a cell has put out as plain text."""
    shown = [
        output.get("data", {}).get("text/plain") or output.get("text") or ""
        for output in cell["outputs"]
    ]
    return "\n".join("".join(text) for text in shown)


def differences(kept: dict[str, Any], executed: dict[str, Any]) -> list[str]:
    """Say where a notebook shows something else than it did when its outputs were kept."""
    found = []
    for one, other in zip(code(kept), code(executed), strict=True):
        varies = "varies" in one["metadata"].get("tags", ())
        if forms(one) != forms(other):
            found.append(f"{one['id']}: {forms(other)}")
        elif not (
            varies or matches(texts(one).replace("...", ""), texts(other).replace("...", ""))
        ):
            found.append(f"{one['id']}: {texts(other)}")
    return found


def test_every_notebook_has_its_test() -> None:
    """One that is added is executed, too."""
    assert [path.stem for path in NOTEBOOKS] == ["compare_models", "review"]


@pytest.mark.parametrize("name", ["review", "compare_models"])
def test_the_notebook_shows_what_is_kept_in_it(request: pytest.FixtureRequest, name: str) -> None:
    """Executed anew, every cell gives outputs of the same kinds and with the same text."""
    executed = request.getfixturevalue(name)

    assert not differences(read(EXAMPLES / f"{name}.ipynb"), executed)
    assert not any(kind == "error" for cell in code(executed) for kind, _ in forms(cell))


def test_the_models_are_compared_by_what_they_say_and_cost(compare_models: dict[str, Any]) -> None:
    """The dear one finds more, nothing is left unread, and the picture is drawn."""
    plain = outputs(compare_models)
    spent, seconds, figure = plain[-3:]
    dear, cheap = (numbers(spent, f"openai:{name}") for name in ("careful", "hasty"))

    assert sum(text.count("reviewed") for text in plain) == 2
    assert dear[3] > 5 * cheap[3] > 0
    assert dear[1] == cheap[1] > 500
    assert numbers(seconds, "openai:careful")[0] >= 0.6
    assert "4 Axes" in figure
    [picture] = outputs(compare_models, "image/png")
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def numbers(text: str, name: str) -> list[float]:
    """Read the numbers of the first row of a table that has this name."""
    row = next(line for line in text.splitlines() if line.startswith(name))
    return [float(word) for word in row.removeprefix(name).split()]


def test_the_first_push_shows_its_findings_in_every_form(review: dict[str, Any]) -> None:
    """The display of the run ends with the verdict; the review is a picture and a text."""
    plain, html = outputs(review), outputs(review, "text/html")

    assert plain[0] == "Review complete: 4 findings (1 critical, 1 high, 1 medium, 1 low)"
    assert plain[1].startswith(plain[0])
    assert 'class="codeflow cf-fragment"' in html[1]
    assert html[1].count('<details class="cf-finding') == 4
    assert "Findings by severity" in html[1]


def test_tables_count_what_the_reviews_hold(review: dict[str, Any]) -> None:
    """Two findings are serious; of the second push none is new and one is dismissed."""
    html = outputs(review, "text/html")
    tables = [table for table in html if 'class="dataframe"' in table]
    serious, states = tables[1], tables[3]

    assert serious.count("<tr>") == 2
    rows = {
        name: [int(number) for number in re.findall(r"<td>(\d+)</td>", row)]
        for name, row in re.findall(r"<th>(\w+)</th>\n((?:\s*<td>\d+</td>\n)+)", states)
    }
    assert rows == {"new": [4, 0], "open": [0, 2], "resolved": [0, 1], "dismissed": [0, 1]}


def test_the_review_that_is_not_complete_says_so_in_every_form(review: dict[str, Any]) -> None:
    """Text, picture and ledger of a partial review without findings name what is missing."""
    plain, html = outputs(review), outputs(review, "text/html")
    third = next(
        index for index, text in enumerate(plain) if text.startswith("REVIEW NOT COMPLETE")
    )

    assert "that nothing was found does not mean that it is clean" in plain[third]
    assert "cf-verdict cf-is-partial" in html[third]
    assert plain[third + 1].startswith("coverage NOT COMPLETE")
    assert "logo.bin" in plain[third + 2]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_kept_notebook_holds_nothing_of_the_machine(path: Path) -> None:
    """Outputs hold no path of the machine, no error and no widget that nobody can draw."""
    notebook = read(path)
    shown = [json.dumps(cell["outputs"]) for cell in code(notebook)]

    assert any(shown)
    for text in shown:
        assert not re.search(r"/(tmp|home|root|Users|work)/|widget-view|\"error\"|Warning", text)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


def test_the_comparison_can_fail(review: dict[str, Any]) -> None:
    """An output with another text, or of another kind, is found."""
    other = json.loads(json.dumps(review))
    first, second = [cell for cell in code(other) if cell["outputs"]][:2]
    first["outputs"][0]["data"]["text/plain"] = "Review complete: no findings"
    del second["outputs"][0]["data"]["text/html"]

    assert [line.partition(":")[0] for line in differences(review, other)] == [
        first["id"],
        second["id"],
    ]
