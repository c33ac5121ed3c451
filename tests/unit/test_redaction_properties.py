"""What holds for every text: redaction is idempotent, keeps lines, and bears any chunks."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_redaction_corpus import ASSIGNED, CONTEXTS, FORMS, shows

from codeflow_engine.redaction import RULES, Redactor
from codeflow_engine.redaction.forms import forms_of

SECRETS = (
    "hunter2-very-secret",
    'Zx9!kk"q/ä',
    "corr3ct horse",
    "ABCDEF123456ABCDEF123456",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n-----END PRIVATE KEY-----",
)
REDACTOR = Redactor(secrets=SECRETS)

keywords = st.sampled_from(sorted({keyword for rule in RULES for keyword in rule.keywords}))
random = st.integers(0, 2**32).map(Random)
tokens = st.builds(
    lambda rng, forms: rng.choice(forms)(rng), random, st.sampled_from(list(FORMS.values()))
)
assignments = st.builds(
    lambda rng, pair: pair[0].format(pair[1](rng)),
    random,
    st.sampled_from([pair for pairs in ASSIGNED.values() for pair in pairs]),
)
forms = st.sampled_from([form for secret in SECRETS for form in forms_of(secret)])
cut_forms = st.builds(lambda form, n: form[: n % len(form) + 1], forms, st.integers(0, 10**6))
marks = st.sampled_from(
    [
        "[redacted:jwt]",
        "[redacted:configured]",
        "[redacted:private-key]",
        "[redacted:nope]",
        "[redacted:",
        "jwt]",
        "[",
        "]",
    ]
)
joints = st.sampled_from(
    [
        '"',
        "'",
        "`",
        '\\"',
        "=",
        " = ",
        ": ",
        ":",
        "=>",
        ", ",
        "(",
        "?",
        "&",
        "@",
        "//",
        "\\n",
        "%3D",
        " value=",
    ]
)
breaks = st.sampled_from(
    ["\n", "\n+", "\n-", "\n    ", "\r\n", "\r", "\u2028", "\x0b", "\x85", "\t", " ", "  "]
)
words = st.sampled_from(
    [
        "password",
        "api_key",
        "TOKEN",
        "Authorization:\tBearer",
        "Basic",
        "://",
        "user:",
        "@host/",
        "the",
        "return",
        "é",
        "İ",
        "東京",
        "😀",
        "x1",
    ]
)
rows = st.builds(
    lambda rng, width: "\n" + "".join(rng.choices("abcdefXYZ0189+/", k=width)) + "\n",
    random,
    st.sampled_from([3, 24, 40, 64, 300]),
)
pem = st.sampled_from(
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "Private-Lines: 3",
        "Proc-Type: 4,ENCRYPTED",
        "PRIVATE KEY",
        "-----BEG",
    ]
)
pieces = st.one_of(
    *(keywords, keywords.map(str.upper), tokens, assignments, forms, cut_forms, marks, joints),
    *(joints, breaks, breaks, words, rows, pem, st.text(max_size=12)),
    st.text("ab0_-", min_size=17, max_size=90),
)
texts = st.lists(pieces, max_size=14).map("".join)


@settings(max_examples=120)
@given(texts)
@example("[redacted:jwt]sk-" + "a1" * 20)
def test_redaction_is_idempotent(text: str) -> None:
    """What was redacted once stays as it is the second time."""
    once = REDACTOR.redact(text)

    assert REDACTOR.redact(once) == once


@settings(max_examples=150)
@given(texts)
def test_redaction_keeps_every_line_in_its_place(text: str) -> None:
    """No line break comes or goes, of whatever kind, so that line numbers stay valid."""
    shown, offsets = REDACTOR.redact_mapped(text)

    breaks_of = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
    assert breaks_of.findall(shown) == breaks_of.findall(text)
    for match in breaks_of.finditer(shown):
        start, end = offsets.source_range(*match.span())
        assert text[start:end] == match[0]


@settings(max_examples=150)
@given(texts)
def test_the_map_leads_from_the_shown_text_to_the_source_and_back(text: str) -> None:
    """Text between placeholders is found at its place; a placeholder is its whole secret."""
    shown, offsets = REDACTOR.redact_mapped(text)
    spans = REDACTOR.find(text)

    at = source = 0
    for span in spans:
        size = span.start - source
        assert shown[at : at + size] == text[source : span.start]
        assert offsets.source_range(at, at + size) == (source, span.start)
        at += size
        mark = f"[redacted:{span.rule}]"
        assert shown.startswith(mark, at)
        assert offsets.source_range(at, at + len(mark)) == (span.start, span.end)
        assert offsets.source_range(at + 2, at + 5) == (span.start, span.end)
        assert offsets.source_range(at + 2, at + 2) == (span.start, span.end)
        assert offsets.shown_range(span.start, span.end) == (at, at + len(mark))
        assert offsets.shown_range(span.start + 1, span.end - 1) == (at, at + len(mark))
        at, source = at + len(mark), span.end
    assert shown[at:] == text[source:]
    assert offsets.source_range(at, len(shown)) == (source, len(text))
    assert offsets.shown_range(source, len(text)) == (at, len(shown))


@settings(max_examples=150)
@given(texts, st.data())
def test_a_text_in_chunks_is_redacted_as_a_whole_one(text: str, data: st.DataObject) -> None:
    """However a text is cut, the stream shows what redacting the whole would show."""
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30).map(sorted))
    stream = REDACTOR.stream()

    shown = [stream.feed(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    shown.append(stream.flush())

    assert "".join(shown) == REDACTOR.redact(text)


@settings(max_examples=25)
@given(texts)
def test_a_text_in_single_characters_is_redacted_as_a_whole_one(text: str) -> None:
    """The smallest chunks are no different, and the stream can be used again."""
    stream = REDACTOR.stream()

    for _ in range(2):
        shown = "".join([*map(stream.feed, text), stream.flush()])
        assert shown == REDACTOR.redact(text)


@settings(max_examples=120)
@given(texts, st.sampled_from(SECRETS[:4]), texts)
def test_s6_a_registered_value_is_never_shown(before: str, secret: str, after: str) -> None:
    """Whatever stands around a configured secret, the redacted text holds it in no form."""
    shown = REDACTOR.redact(before + " " + secret + " " + after)

    assert not REDACTOR.exposes(shown)


@settings(max_examples=120)
@given(random, st.sampled_from(sorted(FORMS)), st.sampled_from(sorted(CONTEXTS)), texts)
def test_spans_are_sorted_and_apart_and_show_nothing(
    rng: Random, rule: str, context: str, noise: str
) -> None:
    """Spans lie within the text, in order, without touching; their text is not shown."""
    template = CONTEXTS[context]
    secret = FORMS[rule][0](rng)
    text = f"{noise}\n{template.format(*[secret] * template.count('{}'))}\n{noise}"

    spans = REDACTOR.find(text)

    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end < b.start for a, b in pairwise(spans))
    if any(text[s.start : s.end] == secret for s in spans):
        assert not shows(REDACTOR.redact(template.format(*[secret] * template.count("{}"))), secret)
