"""Know findings again over consecutive commits of a real history; git says what is right.

    python benchmarks/bench_identity.py [--check] [--repository PATH]... [--pairs N]

Both commits of a pair are taken for two versions of one change, in two views: `whole`, where
the change adds the touched files, and `branch`, where it begins ten commits earlier, so that
findings stand in hunks only. Findings are those of ruff with all rules but quotes and commas
(of patterns, for other files than Python's), anchored and identified by this package.

An earlier finding survives where git keeps its first line (`git diff -w`), or moves it
(`git blame -M -C -w`), or where it is rewritten (the two lines of one replacement are each
other's likest and share at least half of their words), and the later version has a finding
of the same rule on that line. Pairs of findings of one rule that git's word leaves open are
left out of both rates and counted. Each view is repeated with titles and messages, and 30 %
of the names of rules, drawn anew, and one finding a line, as of a model.

Targets: at least 95 % of the survivors keep their fingerprint, and at most 1 % of the
matches contradict git. Without `--repository` a history is made from the standard library.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from identity_findings import probe, run_ruff
from identity_history import FileTruth, Pair, Repository
from identity_made import make_history
from identity_truth import Truth, truth_of
from measure import finish

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Finding, RawFinding
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.identify import Identified, Memory, Seen, identify
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy

KEPT_AT_LEAST = 0.95
FALSE_AT_MOST = 0.01
SOURCE = "rules"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REDACTOR = Redactor()
SEED = 20_240_607
NEAR = 3
"""Lines from an edit within which a survivor is counted once more, as a harder case."""

EDITED = ("moved", "respaced line", "rewritten line")
BATCH = 40
"""Pairs whose files are given to ruff at once."""

WORDS = ("value", "call", "check", "input", "result", "missing", "unsafe", "never", "branch")


@dataclass
class Tally:
    """Counts of one view."""

    pairs: int = 0
    survivors: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    false: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)
    findings: int = 0
    near: Counter[bool] = field(default_factory=Counter)
    """Survivors within a few lines of an edit, by whether they kept their fingerprint."""

    def figures(self) -> dict[str, Any]:
        """Give the rates with their denominators."""
        survivors, kept = self.survivors.total(), self.kept.total()
        false = self.false.total()
        return {
            "pairs": self.pairs,
            "findings": self.findings,
            "survivors": survivors,
            "kept": kept,
            "kept_rate": kept / max(survivors, 1),
            "matches": self.judged,
            "false_merges": false,
            "false_rate": false / max(self.judged, 1),
            "near_an_edit": {"survivors": self.near.total(), "kept": self.near[True]},
            "false_by_kind": dict(sorted(self.false.items())),
            "left_out": dict(sorted(self.unclear.items())),
            "classes": {
                name: {"survivors": count, "kept": self.kept[name]}
                for name, count in sorted(self.survivors.items())
            },
        }


@dataclass
class Version:
    """One version of the change with its findings."""

    change: Change
    findings: list[RawFinding]


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    options.add_argument("--repository", action="append", type=Path, default=[])
    options.add_argument("--pairs", type=int, default=100, help="of each repository")
    options.add_argument("--suffix", default=".py")
    options.add_argument("--result", default="identity", help="name of the file of figures")
    options.add_argument("--failures", type=int, default=0, help="how many to print")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places = chosen.repository or [make_history(Path(folder), SEED)]
        tallies, skipped, tool = measure(places, chosen)
    result = {
        "repositories": [
            place.parent.name if place.name == "repo" else place.name for place in chosen.repository
        ]
        or ["made from the standard library"],
        "suffix": chosen.suffix,
        "findings_of": tool,
        "skipped": dict(skipped),
        "views": {name: tally.figures() for name, tally in tallies.items()},
    }
    show(result)
    return finish(chosen.result, result, list(problems(result["views"])), check=chosen.check)


def measure(
    places: Sequence[Path], chosen: argparse.Namespace
) -> tuple[dict[str, Tally], Counter[str], str]:
    """Go over the pairs of all repositories."""
    tallies = {
        f"{view}{worded}": Tally() for worded in ("", ", reworded") for view in ("whole", "branch")
    }
    skipped: Counter[str] = Counter()
    tool = "patterns"
    rng = random.Random(SEED)  # noqa: S311  # words, no secret
    for place in places:
        repository = Repository(place)
        pairs = list(repository.pairs([chosen.suffix], chosen.pairs, skipped))
        for at in range(0, len(pairs), BATCH):
            batch = pairs[at : at + BATCH]
            texts = [
                one
                for pair in batch
                for file in pair.files
                for one in ((file.old_path, file.old_lines), (file.new_path, file.new_lines))
            ]
            # The edits of a made history break the syntax that ruff needs.
            real = chosen.suffix == ".py" and chosen.repository
            found = run_ruff(texts) if real else None
            tool = "patterns" if found is None else "ruff"
            rows = iter(found or [probe(*text) for text in texts])
            for pair in batch:
                told = [(next(rows), next(rows)) for _ in pair.files]
                for worded in (False, True):
                    for view, versions in views(repository, pair, told, skipped):
                        tally = tallies[view + ", reworded" * worded]
                        compare(tally, pair, versions, rng if worded else None, chosen.failures)
    return tallies, skipped, tool


def views(
    repository: Repository,
    pair: Pair,
    told: list[tuple[list[RawFinding], list[RawFinding]]],
    skipped: Counter[str],
) -> Iterator[tuple[str, tuple[Version, Version]]]:
    """Give the two versions in each view."""
    found = [[raw for rows in told for raw in rows[side]] for side in (0, 1)]
    olds = [(file.old_path, file.old_lines) for file in pair.files]
    news = [(file.new_path, file.new_lines) for file in pair.files]
    diffs = [added(files).encode("utf-8", "surrogateescape") for files in (olds, news)]
    yield "whole", versions_of(diffs, found)
    paths = sorted({path for path, _ in (*olds, *news)})
    try:
        branch = [
            repository.git("diff", "-M", pair.base, end, "--", *paths)
            for end in (pair.older, pair.newer)
        ]
    except LookupError:
        skipped["an object is missing in the copy of the repository (branch)"] += 1
        return
    if all(branch):
        yield "branch", versions_of(branch, found)


def added(files: list[tuple[str, list[str]]]) -> str:
    """Make the diff that adds files."""
    return "".join(
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)
        for path, lines in files
    )


def versions_of(diffs: list[bytes], found: list[list[RawFinding]]) -> tuple[Version, Version]:
    """Make two versions of one change."""
    one, other = (
        Version(Change(provider="git", target="t", key="t:topic", diff=Diff.parse(diff)), findings)
        for diff, findings in zip(diffs, found, strict=True)
    )
    return one, other


def compare(
    tally: Tally,
    pair: Pair,
    versions: tuple[Version, Version],
    rng: random.Random | None,
    failures: int,
) -> None:
    """Identify both versions, and hold the matches against what git says."""
    before, after = (
        one_a_line(version.findings) if rng else version.findings for version in versions
    )
    first, old = review(versions[0].change, before, None, Memory())
    memory = Memory(known=first.known)
    second, new = review(versions[1].change, after, rng, memory)
    truth = truth_of(pair.files, old, new)
    if rng:
        leave_other_rules(truth, pair.files, old, new)
    names = {finding.fingerprint: at for at, finding in enumerate(first.findings)}
    matched = {
        names[finding.fingerprint]: at
        for at, finding in enumerate(second.findings[: len(new)])
        if finding.fingerprint in names
    }
    tally.pairs += 1
    tally.findings += len(old)
    tally.unclear.update(truth.why)
    files = {file.old_path: file for file in pair.files}
    owners = {other: one for one, (other, _) in truth.same.items()}
    for one, (other, name) in truth.same.items():
        tally.survivors[name] += 1
        tally.kept[name] += matched.get(one) == other
        if name in EDITED or near_an_edit(files[old[one].path], old[one].line or 0):
            tally.near[matched.get(one) == other] += 1
        if matched.get(one) != other and failures > tally.survivors.total() - tally.kept.total():
            explain("lost " + name, pair, old[one], new[other], None)
    for one, other in matched.items():
        expected = truth.same.get(one, (None, ""))[0]
        if expected is None and (one, other) in truth.unclear and other not in owners:
            continue
        tally.judged += 1
        if expected == other:
            continue
        kind = (
            "another one survived"
            if expected is not None
            else ("the later one came from another" if other in owners else "both are alone")
        )
        tally.false[kind] += 1
        if failures > tally.false.total():
            right = new[expected] if expected is not None else None
            explain("false, " + kind, pair, old[one], new[other], right)


def leave_other_rules(
    truth: Truth, files: Sequence[FileTruth], old: list[Finding], new: list[Finding]
) -> None:
    """Leave open whether another rule on a kept line is the same finding by another name."""
    places = {(finding.path, finding.line): at for at, finding in enumerate(new)}
    kept = {file.old_path: file for file in files}
    for at, finding in enumerate(old):
        file = kept[finding.path]
        other = places.get((file.new_path, file.kept.get(finding.line or 0)))
        if other is not None and new[other].rule != finding.rule:
            truth.unclear.add((at, other))
            truth.why["another rule on the line"] += 1


def near_an_edit(file: FileTruth, line: int) -> bool:
    """Tell whether git changed something within a few lines before or after a line."""
    return any(
        rewrite.old.start - NEAR <= line < rewrite.old.stop + NEAR for rewrite in file.rewrites
    )


def one_a_line(findings: list[RawFinding]) -> list[RawFinding]:
    """Keep one finding of each line, the same one wherever the line has the same ones."""
    first: dict[tuple[str, int | None], RawFinding] = {}
    for raw in sorted(findings, key=lambda raw: (raw.rule, raw.column or 0)):
        first.setdefault((raw.path, raw.line), raw)
    return list(first.values())


def review(
    change: Change, raws: list[RawFinding], rng: random.Random | None, memory: Memory
) -> tuple[Identified, list[Finding]]:
    """Anchor and identify; also give the findings as they were before they were reworded."""
    parts = partition(change, RepositoryPolicy())
    report = SourceReport(source=SOURCE, findings=tuple(raws), examined=frozenset(parts.to_review))
    anchored = anchor(change, parts.to_review, (report,), REDACTOR)
    findings = anchored.findings
    shown = findings if rng is None else tuple(reword(one, rng) for one in findings)
    seen = Seen(
        findings=shown,
        traits=anchored.traits,
        partition=parts,
        reports=(report,),
        loose=frozenset({SOURCE}) if rng else frozenset(),
    )
    done = identify(change, seen, memory, REDACTOR, run_id="run", now=NOW)
    return done, list(findings)


def reword(finding: Finding, rng: random.Random) -> Finding:
    """Say it in other words, and sometimes call the rule by another name."""
    title, message = (" ".join(rng.choices(WORDS, k=count)) for count in (4, 12))
    rule = f"{SOURCE}/{'-'.join(rng.choices(WORDS, k=2))}" if rng.random() < 0.3 else finding.rule
    return replace(finding, title=title, message=message, rule=rule)


def explain(kind: str, pair: Pair, old: Finding, new: Finding, right: Finding | None) -> None:
    """Print one failure."""
    print(f"-- {kind}: {pair.newer[:10]} {old.rule}")
    for mark, one in (("-", old), ("+", new), ("=", right)):
        if one is not None and one.evidence is not None:
            place = (one.line or 0) - one.evidence.start_line
            print(f"   {mark} {one.path}:{one.line}: {one.evidence.lines[place][:110]!r}")


def problems(figures: dict[str, Any]) -> Iterator[str]:
    """Say which targets are missed."""
    for name, view in figures.items():
        if view["kept_rate"] < KEPT_AT_LEAST:
            yield f"{name}: {view['kept_rate']:.2%} of the survivors kept their fingerprint"
        if view["false_rate"] > FALSE_AT_MOST:
            yield f"{name}: {view['false_rate']:.2%} of the matches are false"


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{', '.join(result['repositories'])}; {result['suffix']}; {result['findings_of']}")
    head = (
        f"{'view':<18}{'pairs':>6}{'kept':>16}{'rate':>9}{'false':>14}{'rate':>9}{'left out':>10}"
    )
    print(head)
    for name, view in result["views"].items():
        kept = f"{view['kept']}/{view['survivors']}"
        false = f"{view['false_merges']}/{view['matches']}"
        print(
            f"{name:<18}{view['pairs']:>6}{kept:>16}{view['kept_rate']:>9.2%}{false:>14}"
            f"{view['false_rate']:>9.3%}{sum(view['left_out'].values()):>10}"
        )
        for label, row in view["classes"].items():
            told = f"{row['kept']}/{row['survivors']}"
            print(f"  {label:<22}{told:>18}{row['kept'] / row['survivors']:>9.2%}")
        near = view["near_an_edit"]
        told = f"{near['kept']}/{near['survivors']}"
        rate = near["kept"] / max(near["survivors"], 1)
        print(f"  {'of all: near an edit':<22}{told:>18}{rate:>9.2%}")
        print(f"  false: {view['false_by_kind']}; left out: {view['left_out']}")
    print(f"skipped: {result['skipped']}")


if __name__ == "__main__":
    sys.exit(main())
