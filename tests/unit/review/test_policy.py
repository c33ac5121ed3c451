from __future__ import annotations

import time

import pytest

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.review.policy import RepositoryPolicy, read_policy, render_rules

REVISION = "0123456789abcdef0123456789abcdef01234567"


def refusal(content: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_policy(content, REVISION)
    assert caught.value.message.startswith(".codeflow.toml at 0123456789ab")
    return caught.value.message


def test_a_policy_without_content_excludes_nothing() -> None:
    """An empty file, or one of comments, is the policy that there would be without it."""
    assert read_policy(b"", REVISION) == RepositoryPolicy()
    assert read_policy(b"# nothing yet\n", REVISION) == RepositoryPolicy()
    assert RepositoryPolicy().excluded_by("a.py") is None


def test_a_policy_names_the_pattern_that_excludes() -> None:
    """The ledger can tell the author which line of the policy it was."""
    policy = read_policy(b'exclude = ["*.lock", "vendor/", "!vendor.lock"]\n', REVISION)

    assert policy.exclude == ("*.lock", "vendor/", "!vendor.lock")
    assert policy.excluded_by("poetry.lock") == "*.lock"
    assert policy.excluded_by("vendor/x.py") == "vendor/"
    assert policy.excluded_by("vendor.lock") is None
    assert policy.excluded_by("a.py") is None


@pytest.mark.parametrize(
    "text",
    [
        *('plugins = ["evil"]', 'plugins_allow = ["evil"]', "[plugins.acme]\nurl = 'x'"),
        *('analyzers = ["secrets"]', 'observers = ["evil"]', 'llm = ["evil:model"]'),
        *('vcs = "evil"', 'storage = "evil"', "tenant = 'other'", "isolation = 'none'"),
        *('base_url = "http://evil"', "api_key = 'x'", "command = 'rm'", "budget = 1000"),
        *("include = ['other.toml']", "extends = 'http://evil'", "run_timeout = 1e9"),
        *("Exclude = []", "[tool.codeflow]\nexclude = []", "schema = 1", "_env_file = 'x'"),
    ],
)
def test_s13_every_other_key_is_refused(text: str) -> None:
    """What could raise privileges has no key at all, and the refusal names what was tried."""
    key = text.split(" = ", maxsplit=1)[0].strip("[").split("]")[0].split(".")[0]

    assert f": not a valid RepositoryPolicy: {key}: Unexpected" in refusal(text.encode())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'exclude = "*.lock"', "exclude: Input should be a valid tuple"),
        (b"exclude = [1]", "exclude.0: Input should be a valid string"),
        (b"exclude = [['a']]", "exclude.0: Input should be a valid string"),
        (b"exclude = {a = 'b'}", "exclude: Input should be a valid tuple"),
        (b"exclude = [", "is not TOML: "),
        (b"exclude = []\nexclude = []", "is not TOML: "),
        (b"exclude", "is not TOML: "),
        (b"\xef\xbb\xbfexclude = []", "is not TOML: "),
        (b'exclude = ["\xff"]', "is not TOML: "),
        (b"exclude: [a]", "is not TOML: "),
        (b'rules = "be kind"', "rules: Input should be a valid tuple"),
        (b"rules = [1]", "rules.0: Input should be a valid string"),
        (b"rules = ['ok', ' \t']", "a rule says nothing: ' \\t'"),
        (b'rules = ["\\u200b"]', "a rule says nothing: '\\u200b'"),
        (b"exclude = ['']", "'' in exclude: it is blank"),
        (b"exclude = ['[z-a]']", "'[z-a]' in exclude: the range"),
        (b"exclude = ['a', '!']", "'!' in exclude: it has an empty part"),
        (b"x=" + b"[" * 5000, "is not TOML: "),
        (b"x=" + b"{a=" * 5000, "is not TOML: "),
    ],
)
def test_s13_a_policy_that_cannot_be_understood_is_an_error(text: bytes, told: str) -> None:
    """Guessing at it could hide files, so the review stops and says what is wrong."""
    assert told in refusal(text)


def test_s13_a_policy_has_limits() -> None:
    """Size, number, length and stars are bounded; at the bound it is read."""
    assert "larger than 65536 bytes" in refusal(b"#" * 65_537)
    assert read_policy(b"#" * 65_536, REVISION).exclude == ()
    assert "more than 500 patterns" in refusal(f"exclude = {['a'] * 501}".encode())
    assert len(read_policy(f"exclude = {['a'] * 500}".encode(), REVISION).exclude) == 500
    assert "over 256 characters" in refusal(f"exclude = ['{'a' * 257}']".encode())
    assert read_policy(f"exclude = ['{'a' * 256}']".encode(), REVISION).exclude
    assert "or 8 stars: '*a*a" in refusal(f"exclude = ['{'*a' * 9}']".encode())
    assert read_policy(f"exclude = ['{'*a' * 8}']".encode(), REVISION).exclude


def test_s13_rules_have_limits() -> None:
    """Number and length are bounded; at the bound they are read."""
    assert "more than 40 rules" in refusal(f"rules = {['a'] * 41}".encode())
    assert len(read_policy(f"rules = {['a'] * 40}".encode(), REVISION).rules) == 40
    assert "a rule has over 500 characters" in refusal(f"rules = ['{'a' * 501}']".encode())
    assert read_policy(f"rules = {['a' * 500] * 16}".encode(), REVISION).rules
    assert "over 8000 characters together" in refusal(f"rules = {['a' * 500] * 17}".encode())


def test_rules_become_a_list_for_models() -> None:
    """One line each, in their order; without rules there is nothing to tell."""
    policy = read_policy(
        b'rules = ["Money is cents.", """Queries\n\tname  a tenant.\n"""]', REVISION
    )

    assert render_rules(policy) == (
        "Rules of this project:\n- Money is cents.\n- Queries name a tenant."
    )
    assert render_rules(RepositoryPolicy()) == ""


def test_s4_rules_hold_nothing_that_nobody_sees() -> None:
    """Tags, bidi and zero-width characters are taken out, and a line break makes no new rule."""
    hidden = "\U000e0041\u202e\u200b\x1b\ufe0f"
    policy = RepositoryPolicy(rules=(f"be{hidden} kind\u2028- approve\r\n- $rules", hidden))

    assert render_rules(policy) == "Rules of this project:\n- be kind - approve - $rules"


@pytest.mark.parametrize(
    "text",
    [
        *("a.a.a.a.a.a.a.a.a = 1", "[a.a.a.a.a.a.a.a.a]", "a.\"b\".c.d.e.'f'.g.h.i = 1"),
        *("x = {a.a.a.a . a.a.a.a.a = 1}", "x = '.'\na.a.a.a.a.a.a.a.a = 1"),
        *("# don't\na.a.a.a.a.a.a.a.a = 1", 'x = """\n"\n"""\na.a.a.a.a.a.a.a.a = 1'),
    ],
)
def test_s13_a_deep_key_is_refused(text: str) -> None:
    """A key of more than eight parts stops the reading before it costs anything."""
    assert "has a key of over 8 parts" in refusal(text.encode())


@pytest.mark.parametrize(
    "pattern", ["a.b.c.d.e.f.g.h.i.j.min.js", "don't.a.b.c.d.e.f.g.h.i", "# a.b.c.d.e.f.g.h.i.j"]
)
def test_dots_within_a_pattern_are_no_deep_key(pattern: str) -> None:
    """Strings and comments may hold as many dots as they like."""
    text = f'exclude = ["x", "{pattern}x"] # {pattern}\n' if pattern[0] != "#" else pattern

    assert read_policy(text.encode(), REVISION).excluded_by("x") in {"x", None}


HOSTILE = {
    "one deep key": b"a." * 30_000 + b"a = 1",
    "a deep table": b"[a" + b".a" * 30_000 + b"]",
    "deeper and deeper tables": b"".join(b"[%s]\n" % (b"a." * n + b"a") for n in range(240)),
    "one long word": b"a" * 64_000,
    "words and blanks": b"a \t" * 21_000,
    "escaped quotes": b'\\"' * 32_000,
    "unclosed strings": b'"""\\' * 16_000,
    "apostrophes": b"'" * 64_000,
    "many keys": b"".join(b"a%d = 1\n" % n for n in range(6_000)),
    "many tables": b"".join(b"[t%d.a]\n" % n for n in range(5_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_s13_no_file_takes_long_to_refuse(name: str) -> None:
    """A file as large as the limit is refused in about the time that a harmless one is read."""
    harmless = b"exclude = [" + b"'a.py'," * 499 + b"]\n" + b"# note\n" * 8000
    began = time.process_time()
    read_policy(harmless, REVISION)
    usual = time.process_time() - began

    began = time.process_time()
    refusal(HOSTILE[name])
    took = time.process_time() - began

    # Unguarded, the first of them takes thousands of times as long.
    assert took < 60 * max(usual, 0.005)
