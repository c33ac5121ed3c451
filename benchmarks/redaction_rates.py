"""How many secrets of other people's rules are redacted, and how often nothing is one.

    python benchmarks/redaction_rates.py RULES.toml [TREE ...]

The rules are a file in the form of gitleaks' configuration; nothing of it is part of this
project. From each rule's pattern secrets are drawn at random and set into lines as they stand
in source trees. In the trees that are named, what is redacted is counted for each megabyte.
"""

# ruff: noqa: S311 - seeded values made for a measurement alone
from __future__ import annotations

import re
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from random import Random
from re import _constants as kinds
from re import _parser as sre
from string import ascii_letters, digits
from typing import Any

from codeflow_engine.redaction import Redactor

DRAWS = 4
PUBLIC = "an id that goes with a secret, and is shown to everybody"
SKIPPED = {
    "asana-client-id": PUBLIC,
    "discord-client-id": PUBLIC,
    "linkedin-client-id": PUBLIC,
    "bitbucket-client-id": PUBLIC,
    "messagebird-client-id": PUBLIC,
    "sendbird-access-id": PUBLIC,
    "looker-client-id": PUBLIC,
    "sumologic-access-id": PUBLIC,
    "private-key": "draws no key: its pattern is a header, and then anything",
    "jwt-base64": "draws no token: its pattern takes nearly anything behind the beginning",
    "curl-auth-header": "a command of curl over several lines",
    "nuget-config-password": "any word behind an attribute of XML",
    "microsoft-teams-webhook": "its only group is a part of a host's name",
    "curl-auth-user": "a command of curl: any word may stand for the name and the password",
    "generic-api-key": "its pattern is any value behind a common word; most of it is no secret",
    "kubernetes-secret-yaml": "a document of Kubernetes, whose values are in base64",
    "sidekiq-sensitive-url": "its secret stands in the name of the host",
    "hashicorp-tf-password": "any word of 8 letters behind a name",
    "pkcs12-file": "the name of a file",
    "aws-amazon-bedrock-api-key-short-lived": "a constant beginning, the same for all",
}
LINES = (
    'const {name} = "{value}";',
    "{name} = '{value}'",
    '    "{name}": "{value}",',
    "export {NAME}={value}",
    "{name}: {value}",
    '+    {name}="{value}",',
    "-{NAME}={value}",
    'curl -H "Authorization: Bearer {value}" https://api.example.org/',
    "https://api.example.org/v1/items?{name}={value}&page=2",
)
NAMES = ("api_key", "token", "access_token", "client_secret", "secret_key", "ApiKey", "password")
_ANY = ascii_letters + digits + "_-"


def draw(pattern: Any, random: Random, found: dict[int, str]) -> str:
    """Draw a text that a parsed pattern matches, and note what its groups hold."""
    return "".join(_one(kind, told, random, found) for kind, told in pattern)


def _one(kind: Any, told: Any, random: Random, found: dict[int, str]) -> str:
    if kind is kinds.LITERAL:
        return chr(told)
    if kind is kinds.ANY:
        return "."  # mostly a dot that nobody escaped
    if kind in {kinds.IN, kinds.NOT_LITERAL, kinds.CATEGORY}:
        return random.choice(_members(kind, told))
    if kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}:
        least, most, inner = told
        count = random.randint(least, min(int(most), least + 12))
        return "".join(draw(inner, random, found) for _ in range(count))
    if kind is kinds.BRANCH:
        return draw(random.choice(told[1]), random, found)
    if kind is kinds.SUBPATTERN:
        text = draw(told[3], random, found)
        if told[0] is not None:
            found[told[0]] = text
        return text
    return ""


def _members(kind: Any, told: Any) -> str:
    if kind is kinds.CATEGORY:
        told, kind = [(kind, told)], kinds.IN
    if kind is kinds.NOT_LITERAL:
        told = [(kinds.NEGATE, None), (kinds.LITERAL, told)]
    taken: set[str] = set()
    for what, value in told:
        if what is kinds.LITERAL:
            taken.add(chr(value))
        elif what is kinds.RANGE:
            taken |= {chr(code) for code in range(value[0], min(value[1], 0x7E) + 1)}
        elif what is kinds.CATEGORY:
            taken |= {c for c in map(chr, range(0x20, 0x7F)) if re.match(_CATEGORIES[value], c)}
    if told[0][0] is kinds.NEGATE:
        taken = set(_ANY) - taken
    return "".join(sorted(taken)) or " "


_CATEGORIES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_WORD: r"[A-Za-z0-9_]",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_NOT_SPACE: r"[A-Za-z0-9_]",
    kinds.CATEGORY_NOT_WORD: "-",
    kinds.CATEGORY_NOT_DIGIT: "[a-z]",
}


def parsed(pattern: str) -> Any:
    """Parse a pattern of Go's syntax."""
    pattern = pattern.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[A-Za-z0-9]")
    while (flag := re.search(r"\(\?i\)", pattern[1:])) is not None:
        at = flag.start() + 1
        pattern = (
            f"{pattern[:at]}(?i:{pattern[at + 4 :]})"
            if _outside(pattern, at)
            else (pattern[:at] + pattern[at + 4 :])
        )
    return sre.parse(pattern)


def _outside(pattern: str, at: int) -> bool:
    return pattern[:at].count("(") == pattern[:at].count(")")


def secret(rule: dict[str, Any], random: Random, pattern: Any) -> str | None:
    """Draw a secret of a rule; None where its pattern has no text to draw."""
    found: dict[int, str] = {}
    whole = draw(pattern, random, found)
    value = found.get(rule.get("secretGroup", 0)) or found.get(1) or whole
    enough = rule.get("entropy", 0)
    distinct = Counter(value)
    bits = -sum(n / len(value) * _log2(n / len(value)) for n in distinct.values()) if value else 0
    return value if bits >= enough and len(value) > 1 else None


def _log2(share: float) -> float:
    from math import log2

    return log2(share)


def measure(rules: list[dict[str, Any]]) -> None:
    """Print the rate of each rule that is under 99 %, and that of all."""
    redactor = Redactor()
    caught = total = 0
    rows = []
    for rule in rules:
        if "regex" not in rule or rule["id"] in SKIPPED:
            continue
        random, pattern = Random(rule["id"]), parsed(rule["regex"])
        hits = tries = 0
        missed = ""
        keywords = rule.get("keywords", [rule["id"]])
        for at in range(DRAWS * len(LINES)):
            value = next(filter(None, (secret(rule, random, pattern) for _ in range(20))), None)
            if value is None:
                break
            vendor = re.sub(r"[^a-z0-9]", "", random.choice(keywords).lower()) or "vendor"
            name = f"{vendor}_{random.choice(NAMES)}"
            form = LINES[at % len(LINES)] if "\n" not in value else "{name} = '''{value}'''"
            line = form.format(name=name, NAME=name.upper(), value=value)
            tries += 1
            if value not in redactor.redact(line):
                hits += 1
            else:
                missed = line
        caught, total = caught + hits, total + tries
        rows.append((hits / tries if tries else 0.0, rule["id"], tries, missed[:150]))
    for rate, name, tries, missed in sorted(rows):
        if rate < 0.99:
            print(f"{rate:7.2%} of {tries:4} {name:40} {missed!r}")
    good = sum(rate >= 0.99 for rate, *_ in rows)
    print(f"{caught / total:.2%} of {total:,} secrets; {good} of {len(rows)} rules >= 99 %")


def trees(paths: list[Path]) -> None:
    """Print what is redacted in real trees, for each megabyte."""
    redactor = Redactor()
    for path in paths:
        found: Counter[str] = Counter()
        size = 0
        start = time.perf_counter()
        for file in path.rglob("*"):
            if file.is_file() and ".git" not in file.parts and file.stat().st_size < 2_000_000:
                try:
                    text = file.read_text("utf-8")
                except (UnicodeDecodeError, OSError):
                    continue
                size += len(text)
                found.update(span.rule for span in redactor.find(text))
        taken = time.perf_counter() - start
        told = ", ".join(f"{rule} {count}" for rule, count in found.most_common(8))
        print(
            f"{path}: {size / 1e6:.1f} MB, {sum(found.values()) / max(size, 1) * 1e6:.2f} a MB, "
            f"{size / 1e6 / taken:.1f} MB/s ({told})"
        )


if __name__ == "__main__":
    measure(tomllib.loads(Path(sys.argv[1]).read_text("utf-8"))["rules"])
    trees([Path(name) for name in sys.argv[2:]])
