"""The JSON report is the same for the same review, and safe to print."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from hypothesis import given, settings
from report_samples import finding, review, reviews

from codeflow_engine.reports.json import render


def test_the_document_is_indented_and_ends_with_a_line_feed() -> None:
    """Two spaces of indent, and text beyond ASCII as it is."""
    text = render(review(finding(title="Schlüssel 漢字")))

    assert text.startswith('{\n  "schema": 1,\n  "run_id": "run-1",\n  "outcome": "reviewed",\n')
    assert '"title": "Schlüssel 漢字"' in text
    assert text.endswith("  }\n}\n")


def test_keys_stand_in_one_order_whatever_the_order_given() -> None:
    """Two documents with the same content are the same text."""
    made = review(finding(), dropped={"b": 1, "a": 2})
    turned = json.loads(json.dumps(made), object_pairs_hook=lambda pairs: dict(reversed(pairs)))

    assert render(made) == render(turned)
    assert render(made).index('"a": 2') < render(made).index('"b": 1')


@given(reviews())
@settings(deadline=None, max_examples=60)
def test_s8_no_hidden_character_is_written_and_none_is_lost(made: dict[str, Any]) -> None:
    """Control, bidi and invisible characters are escapes, and read back as what they were."""
    text = render(made)

    assert json.loads(text) == made
    assert not {unicodedata.category(c) for c in text.replace("\n", "")} & {
        *("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }
    text.encode("utf-8")


def test_s4_invisible_letters_are_escaped() -> None:
    """Fillers and variation selectors are not format characters, but no eye sees them."""
    text = render(review(finding(title="a\u3164b\ufe0fc\U000e0100d\u007fe")))

    assert r'"title": "a\u3164b\ufe0fc\udb40\udd00d\u007fe"' in text


@given(reviews())
@settings(deadline=None, max_examples=30)
def test_a_narrow_encoding_gets_the_same_document(made: dict[str, Any]) -> None:
    """For ASCII or Latin-1 more is escaped, and nothing else changes."""
    for encoding in ("ascii", "latin-1"):
        text = render(made, encoding=encoding)
        assert json.loads(text.encode(encoding).decode(encoding)) == made
