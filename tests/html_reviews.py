"""Reviews in their JSON form, as a reader of the HTML report meets them."""

from __future__ import annotations

from typing import Any

from review_forms import make_entry, make_finding, make_review

__all__ = ["clean", "empty", "failed", "hostile", "large", "partial", "rich", "skipped"]

SEVERITIES = ("critical", "high", "medium", "low", "info")

_CART = (
    "async def total(cart: Cart, *, currency: str) -> Money:",
    '    """Add up a cart in one currency."""',
    "    rows = await db.execute(f\"SELECT price FROM items WHERE cart = '{cart.id}'\")",
    "    amount = 0.0",
    "    for row in rows:",
    "        amount += float(row.price)",
    "    return Money(amount, currency)",
)


def _cart(line: int, column: int | None, end: int | None, **fields: Any) -> dict[str, Any]:
    code = {"start_line": 41, "lines": list(_CART), "column": column, "end_column": end}
    return make_finding(line=line, evidence=code, **fields)


def _in_carts() -> list[dict[str, Any]]:
    return [
        _cart(
            43,
            29,
            83,
            fingerprint="9b1f6d2a40c7e835",
            severity="critical",
            category="security",
            rule="panel/sql-injection",
            title="The id of the cart goes into the SQL as text",
            message=(
                "`cart.id` comes from the request, and is put between quotes without being "
                "escaped: a cart named `' OR 1=1 --` reads the prices of every shop.\n\n"
                "Pass it as a parameter. The driver then sends it apart from the statement."
            ),
            suggestion={
                "replacement": (
                    '    query = "SELECT price FROM items WHERE cart = :cart"\n'
                    '    rows = await db.execute(query, {"cart": cart.id})'
                ),
                "start_line": 43,
                "end_line": 43,
            },
            confidence=0.96,
            sources=["anthropic:claude-sonnet-4-5", "bandit", "openai:gpt-5.1"],
        ),
        _cart(
            46,
            19,
            35,
            fingerprint="1c77ab03e95d2f64",
            severity="high",
            rule="panel/float-money",
            title="Money is added as a float",
            message="Ten items of 0.10 come to 0.9999999999999999. Add them as `Decimal`.",
            suggestion={
                "replacement": "        amount += Decimal(row.price)",
                "start_line": 46,
                "end_line": 46,
            },
            state="open",
            confidence=0.88,
            sources=["openai:gpt-5.1"],
        ),
    ]


def _in_settings() -> list[dict[str, Any]]:
    return [
        make_finding(
            fingerprint="aa20c4d9e1b35f78",
            path="shop/settings.py",
            severity="high",
            category="security",
            rule="secrets/github-token",
            title="GitHub token in the code",
            message="Revoke it: whoever can read the history has it. Then read it from a file.",
            line=12,
            evidence={
                "start_line": 11,
                "lines": [
                    "",
                    'TOKEN = "ghp_************************************"',
                    "DEBUG = False",
                ],
                "column": 10,
                "end_column": 50,
            },
            sources=["secrets"],
        ),
        make_finding(
            fingerprint="5e0d9cc2716b48fa",
            path="shop/settings.py",
            severity="medium",
            category="reliability",
            rule="ruff/S113",
            title="A request without a timeout waits for ever",
            message="Give `requests.get` a `timeout`.",
            line=30,
            end_line=33,
            evidence={
                "start_line": 28,
                "lines": [
                    "def rates() -> dict[str, str]:",
                    "\turl = settings.rates",
                    "\tanswer = requests.get(",
                    "\t\turl,",
                    '\t\theaders={"accept": "application/json", "user-agent": "shop/2.4"},',
                    "\t)",
                    "\treturn answer.json()",
                ],
                "column": 11,
                "end_column": 24,
            },
            sources=["ruff"],
        ),
    ]


def _elsewhere() -> list[dict[str, Any]]:
    return [
        make_finding(
            fingerprint="d3b5f07e6c1a9284",
            path="web/src/components/checkout/PaymentMethodSelector/PaymentMethodSelector.tsx",
            severity="low",
            category="maintainability",
            rule="panel/dead-branch",
            title="The branch for `legacy` cannot be reached any more",
            message="The caller has passed `modern` alone since this change.",
            line=88,
            evidence={
                "start_line": 87,
                "lines": [
                    "switch (mode) {",
                    "  case 'legacy': return <Legacy {...props} />;",
                    "  default:",
                ],
                "column": None,
                "end_column": None,
            },
            suggestion={"replacement": "", "start_line": 88, "end_line": 88},
            confidence=0.61,
            sources=["anthropic:claude-sonnet-4-5"],
        ),
        make_finding(
            fingerprint="7f4be8102d96ac35",
            path="docs/carts.md",
            severity="info",
            category="documentation",
            rule="hygiene/final-newline",
            title="The file does not end with a newline",
            message="Add one.",
            sources=["hygiene"],
        ),
    ]


def _settled() -> list[dict[str, Any]]:
    return [
        make_finding(
            fingerprint="2290fe5d7c4b1a86",
            state="dismissed",
            path="shop/cart.py",
            severity="medium",
            category="performance",
            rule="panel/n-plus-one",
            title="One query an item",
            message="The cart has at most five items; dismissed by the team.",
            line=45,
            confidence=0.7,
            sources=["openai:gpt-5.1"],
        ),
        make_finding(
            fingerprint="c81d0b3f9e5a7264",
            state="resolved",
            path="shop/legacy.py",
            side="old",
            severity="low",
            category="style",
            rule="ruff/E722",
            title="A bare `except` hides every error",
            message="It went away with the file.",
            line=7,
        ),
    ]


def _covered() -> list[dict[str, Any]]:
    paths = ("shop/cart.py", "shop/cart.py", "shop/cart.py", "shop/settings.py", "docs/carts.md")
    seen: dict[str, int] = {}
    entries = []
    for path in (*paths, *(f"tests/test_cart_{index}.py" for index in range(9))):
        seen[path] = seen.get(path, -1) + 1
        entries.append(make_entry(path, hunk=seen[path]))
    long = "web/src/components/checkout/PaymentMethodSelector/PaymentMethodSelector.tsx"
    entries += [make_entry(long, hunk=index) for index in range(2)]
    entries.append(make_entry("shop/logo.png", hunk=None))
    return entries


def _excluded() -> list[dict[str, Any]]:
    reason = "matches `*.lock` in the policy of the base revision"
    return [make_entry("poetry.lock", "excluded", hunk, reason=reason) for hunk in range(4)]


def rich() -> dict[str, Any]:
    """Make a complete review with findings of every severity and state."""
    return make_review(
        [*_in_carts(), *_in_settings(), *_elsewhere(), *_settled()], _covered() + _excluded()
    )


def clean() -> dict[str, Any]:
    """Make a complete review without findings."""
    return make_review([], _covered(), dropped={})


def partial() -> dict[str, Any]:
    """Make a review that examined a part, and found nothing there."""
    broken = "openai:gpt-5.1 gave no answer: timeout after 60 s, 3 attempts"
    entries = [
        *_covered(),
        *_excluded(),
        *(
            make_entry("shop/orders.py", "failed", hunk, reason=broken, by=["secrets"])
            for hunk in range(3)
        ),
        *(
            make_entry(f"shop/api/{name}.py", "skipped", reason="over the budget of 0.20 USD")
            for name in ("v1", "v2")
        ),
    ]
    return make_review([], entries)


def empty() -> dict[str, Any]:
    """Make a review of an empty change."""
    usage = {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost_usd": "0"}
    return make_review([], [], usage=usage, dropped={}, isolation="none")


def skipped() -> dict[str, Any]:
    """Make a review that nobody made."""
    return make_review([], [make_entry("shop/cart.py", "skipped", reason="the author is a bot")])


def failed() -> dict[str, Any]:
    """Make a review that failed before anybody examined anything."""
    return make_review(
        [], [make_entry("shop/cart.py", "failed", reason="no model could be reached")]
    )


_SCRIPT = "<script>window.pwned=1</script>"
_BREAKS = (
    f"</script>{_SCRIPT}",
    f"--><!--{_SCRIPT}",
    f"</title></style>{_SCRIPT}",
    "\"'><img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "<a href='javascript:window.pwned=1'>here</a>",
    "<details open ontoggle=window.pwned=1>",
    "<base href=//evil.invalid/><link rel=stylesheet href=//evil.invalid/a.css>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid/'>",
    "<form action=//evil.invalid><input name=search autofocus onfocus=window.pwned=1>",
    "\x00\x1b[2J\x07\x9b\x7f",
    "\u202e\u2066 moc.elpmaxe \u2069",
    "\u200b\ufeff\U000e0041\u3164\ufe0f",
    "\ud800 lone",
    "&lt;script&gt; &amp;quot; &#x3c;",
    "Z" + "\u0301\u0316\u0489" * 60,
    "\u05d0\u05d1\u05d2 \u0627\u0644\u0639",
    "漢字" * 90,
    "x" * 2000,
)


def hostile() -> dict[str, Any]:
    """Make a review all of whose text was written to be more than text."""
    findings = []
    for index, text in enumerate(_BREAKS):
        line = f"a = 1 {text} b" if index else "y" * 500_000 + text + "z" * 500_000
        at = 500_001 if not index else 7
        findings.append(
            make_finding(
                fingerprint=text if index % 2 else "same",
                severity=SEVERITIES[index % 5],
                state=("new", "open", "resolved", "dismissed")[index % 4],
                path=f"src/{text}",
                rule=text,
                title=text,
                message=f"{text}\r\n\r\n`{text}`",
                line=2,
                evidence={
                    "start_line": 1,
                    "lines": [text, line, "", text],
                    "column": at,
                    "end_column": at + len(text),
                },
                suggestion={
                    "replacement": f"{text}\n{line[-900:]}",
                    "start_line": 2,
                    "end_line": 2,
                },
                confidence=index / len(_BREAKS),
                sources=[text, "secrets"],
            )
        )
    entries = [
        make_entry(f"src/{text}", state, reason=None if state == "reviewed" else text, by=[text])
        for index, text in enumerate(_BREAKS)
        for state in [("reviewed", "excluded", "failed", "skipped")[index % 4]]
    ]
    every = " ".join(_BREAKS)
    return make_review(
        findings,
        entries,
        run_id=every,
        reason=every,
        change={"title": every, "base": every, "head": every, "files": 1},
        dropped=dict.fromkeys(_BREAKS, 1),
        timing={"started_at": _SCRIPT, "seconds": 1.0},
    )


def large(number: int = 5000) -> dict[str, Any]:
    """Make a review of thousands of findings in hundreds of files."""
    findings = [
        _cart(
            43,
            29,
            83,
            fingerprint=f"{index:016x}",
            path=f"shop/part_{index % 311:03d}/module_{index % 7}.py",
            severity=SEVERITIES[(index * index + index // 7) % 5],
            state=("new", "new", "open", "dismissed")[index % 4],
            rule=f"panel/rule-{index % 40}",
            title=f"Finding number {index}, which says what is wrong in one line",
            message="It may be wrong.\n\nAnd what to do about it stands here.",
            confidence=(index % 100) / 100,
            sources=[f"source-{index % 6}"],
        )
        for index in range(number)
    ]
    entries = [make_entry(f"shop/part_{index:03d}/module.py", hunk=0) for index in range(number)]
    return make_review(findings, entries)
