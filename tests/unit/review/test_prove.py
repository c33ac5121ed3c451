"""A suggestion is verified where its file parses with it, and brings in no package."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Finding
from codeflow_engine.review.packages import Known, brought_in
from codeflow_engine.review.prove import edited, prove
from codeflow_engine.review.verify import Verified
from codeflow_engine.sandbox import Sandbox

APP = b"import json\nimport yaml\n\n\ndef load(text):\n    return yaml.load(text)\n"
DIFF = Diff.parse(
    "--- a/shop/app.py\n+++ b/shop/app.py\n@@ -5,2 +5,2 @@\n def load(text):\n"
    "-    return json.loads(text)\n+    return yaml.load(text)\n"
    "--- a/shop/net.py\n+++ b/shop/net.py\n@@ -1,2 +1,2 @@\n import httpx\n-x\n+y\n"
    "--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1 +1 @@\n-PyYAML==5\n+Ruamel-Yaml==6\n"
)
CHANGE = Change.from_diff(DIFF)
FILES = {"shop/app.py": APP}
KNOWN = Known(DIFF, FILES)


async def test_suggestions_are_proved_or_dropped(
    found: Callable[..., Finding], sandbox: Sandbox
) -> None:
    """One that parses is marked, one that does not is dropped, one that nobody can try stays."""
    good = found("    return yaml.safe_load(text)", 6, 6, "shop/app.py")
    broken = found("    return yaml.safe_load(text", 6, 6, "shop/app.py")
    unread = found("    return y", 2, 2, "shop/net.py")
    before = {"a suggestion that changes nothing": 1}

    proved = await prove(
        CHANGE, Verified(findings=(good, broken, unread), dropped=before), FILES, sandbox
    )

    told = [one.suggestion and one.suggestion.verified for one in proved.findings]
    assert told == [True, None, False]
    assert proved.dropped == {**before, "a suggestion after which the file does not parse": 1}


async def test_a_suggestion_with_a_placeholder_is_not_verified(
    found: Callable[..., Finding], sandbox: Sandbox
) -> None:
    """It parses, and would put the placeholder into the place of the secret."""
    one = found('    return yaml.load("[redacted:github-token]")', 6, 6, "shop/app.py")

    proved = await prove(CHANGE, Verified(findings=(one,), dropped={}), FILES, sandbox)

    assert proved.findings == (one,)


async def test_s39_a_suggestion_that_brings_in_a_package_is_dropped(
    found: Callable[..., Finding], sandbox: Sandbox
) -> None:
    """Its finding stays, and nobody is told to install what may be made up."""
    one = found("    import yaml_safe_loader\n    return 1", 6, 6, "shop/app.py")

    proved = await prove(CHANGE, Verified(findings=(one,), dropped={}), FILES, sandbox)

    assert [finding.suggestion for finding in proved.findings] == [None]
    assert proved.dropped == {"a suggestion that brings in a package": 1}


def test_the_files_to_read_are_those_that_are_edited(found: Callable[..., Finding]) -> None:
    """Each is named once, in the order of the findings."""
    findings = (found("a", 1, 1, "b.py"), found("a", 1, 1, "a.py"), found("b", 2, 2, "b.py"))

    assert edited(findings) == ("b.py", "a.py")


@pytest.mark.parametrize(
    ("path", "replacement", "package"),
    [
        ("a.py", "import evil", "evil"),
        ("a.py", "x = 1; import evil.sub as e", "evil"),
        ("a.py", "import os, evil", "evil"),
        ("a.py", "    from evil.sub import x", "evil"),
        ("a.py", "m = importlib.import_module('evil')", "evil"),
        ("a.ts", "import { x } from 'evil/sub';", "evil"),
        ("a.tsx", 'import "@evil/kit/x";', "@evil/kit"),
        ("a.js", "const x = require('evil')", "evil"),
        ("a.js", "const x = await import('evil')", "evil"),
        ("a.go", '\tx "github.com/evil/kit/sub"', "github.com/evil/kit"),
        ("a.rs", "pub use evil::Kit;", "evil"),
        ("a.java", "import com.evil.Kit;", "com.evil"),
        ("a.kt", "import com.evil.kit.Kit", "com.evil"),
        ("requirements.txt", "PyYAML==6\nevil", "evil"),
        ("package.json", '"dependencies": {"evil": "1"}', "dependencies"),
        ("Dockerfile", "RUN pip install --no-cache evil==1", "evil"),
        ("run.sh", "npm i -g @evil/kit@1", "@evil/kit"),
        ("ci.md", "Run `npx evil` first", "evil"),
        ("Makefile", "\tuv pip install ruamel-yaml evil", "evil"),
    ],
)
def test_s39_a_new_package_is_seen(path: str, replacement: str, package: str) -> None:
    """Whatever brings in a package names it: an import, a manifest, a command."""
    assert brought_in(path, replacement, KNOWN) == package


@pytest.mark.parametrize(
    ("path", "replacement"),
    [
        ("a.py", "import os, json as j"),
        ("a.py", "from . import evil"),
        ("a.py", "from .evil import x"),
        ("a.py", "import yaml"),
        ("a.py", "import httpx"),
        ("a.py", "import ruamel_yaml"),
        ("a.py", "from shop.db import x"),
        ("a.py", "import net"),
        ("a.py", "x = important"),
        ("a.ts", "import x from './evil';"),
        ("a.ts", "import x from 'node:fs'; import y from 'path';"),
        ("a.ts", "import x from '@/evil';"),
        ("a.ts", "import x from 'shop/evil';"),
        ("a.ts", "const x = Array.from('abc');"),
        ("a.go", '\t"net/http"'),
        ("a.rs", "use std::io;\nuse crate::evil;"),
        ("a.java", "import static java.util.List.of;"),
        ("requirements.txt", "ruamel-yaml==6.1"),
        ("Dockerfile", "RUN pip install -r requirements.txt ."),
        ("README.md", "Go and get it, then add the rest."),
        ("a.c", "#include <evil.h>"),
    ],
)
def test_what_the_project_has_is_no_new_package(path: str, replacement: str) -> None:
    """The language's own, the project's own, and what the change imports elsewhere is known."""
    assert brought_in(path, replacement, KNOWN) is None
