from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.domain.finding import Evidence, Finding, FindingState, Severity
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.domain.review import ChangeSummary, Review
from codeflow_engine.publish.issues import issue, worth_an_issue
from codeflow_engine.publish.planning import plan
from markdown_reader import active
from review_builds import finding, findings, review

POLICY = PublishPolicy(issues_at=Severity.HIGH)


def keys(made: Review) -> list[str]:
    planned = plan(made, provider="github", target="o/r#1", policy=POLICY)
    return [one.key for one in planned.effects if one.kind is EffectKind.ISSUE]


def of(head: str, *some: Finding) -> Review:
    return review(change=ChangeSummary(head=head * 40, files=1), findings=some)


def test_grave_findings_become_issues_each_fingerprint_once() -> None:
    """Those that count, in the order of the review."""
    graves = [finding(fingerprint=name, severity=Severity.HIGH) for name in "abca"]
    mild = finding(fingerprint="d", severity=Severity.MEDIUM)
    gone = finding(fingerprint="e", severity=Severity.HIGH, state=FindingState.DISMISSED)
    made = review(findings=(*graves, mild, gone))

    assert [one.fingerprint for one in worth_an_issue(made, Severity.HIGH)] == ["a", "b", "c"]


def test_a_finding_has_the_same_issue_at_every_head() -> None:
    """A push opens no second one; another finding, or another change, has its own."""
    one = finding(severity=Severity.CRITICAL)
    other = replace(one, fingerprint="beef")

    assert keys(of("1", one)) == keys(of("2", replace(one, line=9, title="Otherwise")))
    assert keys(of("1", one)) != keys(of("1", other))


def test_an_issue_says_what_is_wrong_and_where_it_was_found() -> None:
    """It is read without the change beside it, so it shows the code."""
    evidence = Evidence(start_line=1, lines=("x = 1",))
    made = issue(
        finding(title="x is one", message="Make it two.", evidence=evidence, line=1),
        target="o/r#1",
        head="1" * 40,
    )

    assert made["title"] == "Low: x is one"
    assert (made["fingerprint"], made["labels"]) == ("f00d", [])
    for told in ("`a.py`", f"`o/r#1 at {'1' * 40}`", "Make it two.", "x = 1", "`f00d`"):
        assert told in made["body"]


@given(findings())
def test_s7_an_issue_does_nothing(one: Finding) -> None:
    """Whatever stands in the finding; its title is one line that fits."""
    made = issue(one, target="o/r#1", head="1" * 40)

    # The number of a line may have seven digits, as a commit may.
    assert not [found for found in active(made["body"]) if not found.isdigit()]
    assert active(made["title"]) == []
    assert 0 < len(made["title"]) <= 256
    assert "\n" not in made["title"]


def test_a_long_title_is_cut_to_what_the_host_takes() -> None:
    """Also where making it safe makes it longer."""
    for title in ("word " * 200, "@all " * 200, "\u202e" * 300):
        assert len(issue(finding(title=title), target="t", head="h")["title"]) <= 256
