from __future__ import annotations

from dataclasses import replace

from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.domain.review import ChangeSummary
from codeflow_engine.publish.places import has_place
from codeflow_engine.publish.planning import plan
from review_builds import finding, review


def test_what_only_bots_have_said_is_not_said_again_beside_the_code() -> None:
    """It stands there; the report tells it, and so does a comment where anybody else found it."""
    theirs = finding(fingerprint="theirs", title="Their words", sources=("bot:a", "bot:b"))
    both = finding(fingerprint="both", sources=("bot:a", "model"))
    made = review(
        change=ChangeSummary(title="Change", head="1" * 40, files=1), findings=(theirs, both)
    )

    planned = {one.kind: one for one in plan(made, provider="p", target="t").effects}

    comments = planned[EffectKind.REVIEW].payload["comments"]
    assert [one["fingerprint"] for one in comments] == ["both"]
    assert "Their words" in planned[EffectKind.SUMMARY].payload["body"]
    assert not has_place(theirs)
    assert has_place(replace(theirs, sources=()))
