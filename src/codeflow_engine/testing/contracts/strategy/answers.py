"""What the suite of strategies shows, and what its models answer."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from codeflow_engine.contracts import Chunk
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Category, RawFinding, Severity

__all__ = ["NONSENSE", "chunk", "disfigured", "found_in", "other_forms", "same_json"]

_MEGABYTES = 5_000_000

NONSENSE: Final = {
    "empty": "",
    "blank": " \n\t\u00a0",
    "prose": "I have looked at the whole change, and it is fine. Nothing to report!",
    "apology": "I'm sorry, but I can't help with that.",
    "fence": "```json\n```",
    "broken object": '{"findings": [{"path": "shop/till 1.py", "lin',
    "broken list": '[{"path": ',
    "two values": "{} []",
    "no number": '{"findings": NaN}',
    "markup": "<html><body>502 Bad Gateway</body></html>",
    "control characters": "\x00\x1b[2J\ufffe",
    "half a character": "\ud800",
    "much prose": "no problem " * (_MEGABYTES // 11),
    "much space": " " * _MEGABYTES,
    "deep": "[" * _MEGABYTES,
    "a long number": "9" * _MEGABYTES,
    "a long text": '"' + "x" * _MEGABYTES,
    "many fences": "```json\n" * (_MEGABYTES // 8),
}
"""Answers that say nothing of a chunk, in any form that a strategy may ask for."""

_FORMS: Final = (
    *("null", "true", "0", '""', '"ok"', "[]", "{}", "[[]]", "[null]", "[{}]"),
    '{"error": {"message": "overloaded", "type": "server_error"}}',
    '{"choices": [{"message": {"role": "assistant", "content": ""}}]}',
    '{"type": "object", "properties": {}, "required": []}',
    '{"findings": null}',
    '{"findings": "none"}',
    '{"findings": [null]}',
    '{"result": []}',
)

_PATCH = """\
diff --git "a/shop/till {n}.py" "b/shop/till {n}.py"
--- "a/shop/till {n}.py"
+++ "b/shop/till {n}.py"
@@ -1,2 +1,3 @@
 first = {n}
+total = eval(input("{n}"))
 last = {n}
@@ -20,2 +21,3 @@
 before = {n}
+paid = total or {n}00
 after = {n}
diff --git a/shop/é{n}.sh b/shop/é{n}.sh
--- a/shop/é{n}.sh
+++ b/shop/é{n}.sh
@@ -1 +1,2 @@
 #!/bin/sh
+rm -rf "$HOME/{n}"
"""


def chunk(number: int) -> Chunk:
    """Make a chunk; one with another number has other paths and other code."""
    patch = _PATCH.format(n=number)
    text = f"<change-{number}>\n{patch}</change-{number}>"
    key = hashlib.sha256(text.encode()).hexdigest()
    return Chunk(key=key, units=Diff.parse(patch).units, text=text)


def found_in(shown: Chunk) -> tuple[RawFinding, ...]:
    """Give what a model may find in a chunk that `chunk` made: one problem in each file."""
    patch = "".join(shown.text.splitlines(keepends=True)[1:-1])
    return tuple(
        RawFinding(
            rule="planted",
            severity=Severity.HIGH,
            category=Category.SECURITY,
            title="It runs what it is given",
            message="Do not.",
            path=file.path,
            line=2,
            quote=file.hunks[0].lines[1].text,
        )
        for file in Diff.parse(patch).files
    )


def other_forms() -> tuple[str, ...]:
    """List texts of JSON that no strategy asks for, or at most as the form of finding nothing."""
    return _FORMS


def same_json(text: str, form: str) -> bool:
    """Say whether an answer is the same JSON as one of these forms."""
    try:
        # Written out again, since `true` and 1 are equal in Python.
        return json.dumps(json.loads(text)) == json.dumps(json.loads(form))
    except ValueError:
        return False


def disfigured(text: str) -> str:
    """Put a value of a wrong type in the place of every one in an answer.

    An answer that is no JSON is turned around, which is of no form at all.
    """
    try:
        return json.dumps(_disfigured(json.loads(text)))
    except ValueError:
        return text[::-1]


def _disfigured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _disfigured(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_disfigured(item) for item in value]
    return [[{"": []}]]
