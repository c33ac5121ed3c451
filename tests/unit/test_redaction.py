"""Redactor: finding, replacing, registered values, and what it never shows."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import threading
import traceback
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction import RULES, Redactor, Rule, Span

GITHUB = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
GROQ = "gsk_" + "aB3dE6gH9j" * 5 + "Zz"
PHRASE = "correct/horse+battery staple?42"
VALUE = "s3cr3tTok3nValue0fTheEngine"


def rule(**changes: object) -> Rule:
    """Make a rule of a host's own, with changes."""
    values = {
        "id": "acme-key",
        "title": "Acme key",
        "pattern": r"acme_[0-9]{12}",
        "keywords": ("acme_",),
        **changes,
    }
    return Rule(**values)  # type: ignore[arg-type]  # the changes are the test's


def test_a_secret_is_found_with_its_place_and_rule() -> None:
    """A span gives start and end of the secret itself, and the rule's id."""
    assert Redactor().find(f"t = '{GITHUB}'") == (Span(5, 45, "github-token"),)


def test_a_secret_is_replaced_by_its_rule_name() -> None:
    """The text around the secret stays, the secret gives way to the rule's name."""
    assert Redactor().redact(f"t = '{GITHUB}';") == "t = '[redacted:github-token]';"


def test_text_without_secrets_is_returned_as_it_is() -> None:
    """Nothing found means the very same text, also for none at all."""
    text = "nothing to see"

    assert Redactor().redact(text) is text
    assert Redactor().redact("") == ""


def test_secrets_come_in_the_order_of_the_text() -> None:
    """Spans are sorted and do not overlap, whatever the order of the rules."""
    text = f"{GROQ} and {GITHUB}, {GROQ}"

    found = Redactor().find(text)

    assert [span.rule for span in found] == ["groq-key", "github-token", "groq-key"]
    assert all(a.end < b.start for a, b in pairwise(found))


def test_a_secret_that_several_rules_find_is_one_span_of_the_specific_rule() -> None:
    """`api_key = "gsk_..."` is a Groq key, not just some assigned value."""
    assert [s.rule for s in Redactor().find(f'api_key = "{GROQ}"')] == ["groq-key"]


def test_overlapping_secrets_become_one_span_named_by_the_first() -> None:
    """What begins first names the union of what overlaps."""
    text = f"https://app:{GITHUB}!{GROQ}@example.test/"

    assert Redactor().redact(text) == "https://app:[redacted:github-token]@example.test/"


def test_a_token_longer_than_its_known_form_goes_as_a_whole() -> None:
    """A token extends to the end of its run of characters, however long that is."""
    text = f"a {GITHUB}{'x9' * 100_000} b"

    assert Redactor().redact(text) == "a [redacted:github-token] b"


def test_a_secret_at_the_border_of_a_window_is_found() -> None:
    """Windows of 64 Ki characters overlap: no position in a long text is blind."""
    redactor = Redactor(secrets=[VALUE])
    for shift in range(0, 60, 3):
        text = " " * (65_536 - shift) + f'password="k3J9x0Q2m4" {GITHUB} {VALUE} '

        rules = [span.rule for span in redactor.find(text)]

        assert rules == ["assigned-secret", "github-token", "configured"]


@pytest.mark.parametrize(
    ("shown", "form"),
    [
        ("plain", PHRASE),
        ("url", quote(PHRASE, safe="")),
        ("form data", quote_plus(PHRASE)),
        (
            "lower-case url",
            quote(PHRASE, safe="")
            .replace("%2F", "%2f")
            .replace("%2B", "%2b")
            .replace("%3F", "%3f"),
        ),
        ("json", json.dumps(PHRASE)[1:-1]),
        ("json with escaped slash", PHRASE.replace("/", "\\/")),
        ("html", html.escape(PHRASE)),
        ("hex", PHRASE.encode().hex()),
        ("upper-case hex", PHRASE.encode().hex().upper()),
        *(
            (f"base64 after {n}", base64.b64encode(b"x" * n + PHRASE.encode() + b"yy").decode())
            for n in range(6)
        ),
        ("url-safe base64", base64.urlsafe_b64encode(b"u:" + PHRASE.encode()).decode()),
    ],
)
def test_s6_a_registered_value_is_found_in_every_form(shown: str, form: str) -> None:
    """A configured secret is redacted also when a model or a library encodes it."""
    redactor = Redactor(secrets=[PHRASE])

    visible = redactor.redact(f"say <{form}> now")

    assert "[redacted:configured]" in visible, shown
    rest = visible.replace("[redacted:configured]", "")
    # At either border of base64 a character may hold bits of the secret and of others.
    assert not any(form[i : i + 6] in rest for i in range(3, len(form) - 9))
    assert redactor.exposes(form)
    assert not redactor.exposes(visible)


@pytest.mark.parametrize(
    "value", ['quo"te\\back', "tab\tand\x01control", "sø ordentlig ḧemmelig 😀"]
)
def test_values_with_special_characters_are_found_escaped(value: str) -> None:
    """Quotes, backslashes, control characters and wide ones are found as JSON writes them."""
    redactor = Redactor(secrets=[value])

    for form in (json.dumps(value), json.dumps(value, ensure_ascii=False), f"<{value}>"):
        assert "[redacted:configured]" in redactor.redact(form)
        assert "ordentlig" not in redactor.redact(form)


def test_a_registered_value_of_several_lines_is_found_line_by_line() -> None:
    """Each token-like line counts, so that indentation, a diff or CRLF hide none."""
    rows = ["MHcCAQEEIIrYpmfFAFBtLyW3yZ6rzN0F", "q8w2e4r6t8y0u1i3o5p7a9s1d3f5g7=="]
    key = "\n".join(["-----BEGIN EC PRIVATE KEY-----", *rows, "-----END EC PRIVATE KEY-----", ""])
    redactor = Redactor(secrets=[key], rules=())

    shown = redactor.redact(
        "+  MHcCAQEEIIrYpmfFAFBtLyW3yZ6rzN0F\r\n+  q8w2e4r6t8y0u1i3o5p7a9s1d3f5g7==\r\n"
    )

    assert shown == "+  [redacted:configured]\r\n+  [redacted:configured]\r\n"
    assert "MHcCAQ" not in redactor.redact(json.dumps(key))
    assert redactor.find("-----BEGIN EC PRIVATE KEY-----") == ()


def test_a_registered_value_hides_the_rest_of_its_word() -> None:
    """`tokens3cret!ly` must not tell by its rest what was hidden."""
    shown = Redactor(secrets=[VALUE]).redact(f"x{VALUE}ly.")

    assert shown == "x[redacted:configured]."


@pytest.mark.parametrize("value", ["short", "postgres", "PASSWORD", "aaaaaaaabb", "changeme"])
def test_values_that_ordinary_text_is_full_of_are_not_looked_for(value: str) -> None:
    """A weak value is refused with False: its places would tell what the password is."""
    redactor = Redactor(rules=())

    assert redactor.add_secret(value) is False
    assert redactor.redact(f"the {value} here") == f"the {value} here"


def test_a_weak_password_is_redacted_where_a_rule_knows_it() -> None:
    """A short password still does not leave in a connection URL."""
    text = "cannot connect to postgresql://shop:postgres@db/shop"

    assert (
        Redactor().redact(text)
        == "cannot connect to postgresql://shop:[redacted:url-password]@db/shop"
    )


@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_an_empty_secret_is_a_configuration_error(value: str) -> None:
    """An empty value would match everywhere; saying so beats ignoring it."""
    with pytest.raises(ConfigurationError, match="empty"):
        Redactor(secrets=[value])


def test_a_secret_added_later_is_found_from_then_on() -> None:
    """A rotated key is registered at run time; the old one stays hidden."""
    redactor = Redactor(secrets=[VALUE])
    newer = "n3wer" + VALUE[::-1]

    assert redactor.add_secret(newer) is True

    assert redactor.redact(f"{VALUE} {newer}") == "[redacted:configured] [redacted:configured]"


def test_secrets_added_by_many_threads_are_all_known() -> None:
    """Registering is safe while others register: none is lost."""
    redactor = Redactor(rules=())
    values = [f"value-{n:03}-of-a-thread" for n in range(80)]
    threads = [threading.Thread(target=redactor.add_secret, args=(value,)) for value in values]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(redactor.exposes(value) for value in values)


def test_two_redactors_do_not_share_secrets() -> None:
    """Each engine has a registry of its own."""
    Redactor(secrets=[VALUE])

    assert Redactor().redact(VALUE) == VALUE


def test_s33_no_form_of_a_redactor_as_text_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, logging nor a traceback of the redactor or its stream shows a value."""
    redactor = Redactor(secrets=[VALUE])
    stream = redactor.stream()
    stream.feed(f"a word and {VALUE[:-1]}")
    parts = [redactor, stream, redactor._scan, redactor._scan.registry, redactor._scan.index]

    logging.getLogger("t").warning("%r %s %r", redactor, stream, parts)
    texts = [caplog.text, *(repr(part) + str(part) for part in parts)]
    try:
        pickle.dumps(redactor)
    except ConfigurationError as error:
        texts.append("".join(traceback.format_exception(error)))

    assert len(texts) == 7
    assert not any(VALUE[i : i + 8] in text for text in texts for i in range(len(VALUE) - 8))
    assert repr(redactor) == f"Redactor(rules={len(RULES)}, secrets=1)"


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("part", ["redactor", "stream", "registry"])
def test_s33_what_holds_secrets_is_neither_pickled_nor_copied(part: str, duplicate: object) -> None:
    """Secrets do not reach a queue, a cache or another process by accident."""
    redactor = Redactor(secrets=[VALUE])
    value = {
        "redactor": redactor,
        "stream": redactor.stream(),
        "registry": redactor._scan.registry,
    }[part]

    with pytest.raises(ConfigurationError, match="neither pickled nor copied"):
        duplicate(value)  # type: ignore[operator]  # one of three functions


def test_text_that_is_redacted_already_is_left_alone() -> None:
    """A placeholder of this redactor is no secret and no part of one."""
    text = 'password = "[redacted:assigned-secret]" token=[redacted:configured] [redacted:jwt]'

    assert Redactor(secrets=["redacted:configured]"]).redact(text) == text


def test_a_made_up_placeholder_hides_nothing() -> None:
    """Only the ids of rules make a placeholder: a model cannot smuggle a value out in one."""
    shown = Redactor(secrets=[VALUE]).redact(f"[redacted:{VALUE}] [redacted:{VALUE.lower()}]")

    assert VALUE not in shown


def test_a_rule_of_the_host_works_like_a_shipped_one() -> None:
    """Rules are data: a host adds its own, in front or behind."""
    redactor = Redactor(rules=(rule(), *RULES))

    assert (
        redactor.redact(f"acme_123456789012, {GITHUB}")
        == "[redacted:acme-key], [redacted:github-token]"
    )


def test_a_rule_may_start_before_its_keyword_ignore_case_and_choose_a_group() -> None:
    """Offset, group, case, tail, entropy and blanks do what their documentation says."""
    own = rule(
        pattern=r"..acme (key|pin) ([a-f0-9]{4})",
        keywords=("acme",),
        offset=2,
        group=2,
        ignore_case=True,
        tail="[a-f0-9]",
        entropy=1.5,
        blanks=2,
    )
    redactor = Redactor(rules=[own])

    assert redactor.redact("..ACME Key a1b2c3xyz") == "..ACME Key [redacted:acme-key]xyz"
    assert redactor.redact("..acme pin aaaa") == "..acme pin aaaa"
    assert Redactor(rules=[rule(pattern="acme_ +x", blanks=0)]).find("acme_  x") == ()


def test_a_span_never_holds_a_line_break() -> None:
    """A match over odd line separators becomes a span on each line."""
    redactor = Redactor(rules=[rule(pattern=r"acme_[^\n]{12}", tail="[0-9]", blanks=2)])

    assert redactor.redact("acme_123\r456\u2028789012") == (
        "[redacted:acme-key]\r[redacted:acme-key]\u2028[redacted:acme-key]"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "Acme Key"}, "rule id 'Acme Key'"),
        ({"id": "configured"}, "or taken"),
        ({"id": "x" * 41}, "1 to 40"),
        ({"keywords": ()}, "no keyword"),
        ({"keywords": ("",)}, "no ASCII literal"),
        ({"keywords": ("schlüssel",)}, "no ASCII literal"),
        ({"keywords": ("Acme",), "ignore_case": True}, "write it in lower case"),
        ({"pattern": "acme_["}, "pattern of rule 'acme-key'"),
        ({"tail": "[a-"}, "pattern of rule 'acme-key'"),
        ({"group": 1}, "no group 1"),
    ],
)
def test_a_rule_that_cannot_work_is_a_configuration_error(
    changes: dict[str, object], message: str
) -> None:
    """A host's mistake is told when the redactor is made, not by silence later."""
    with pytest.raises(ConfigurationError, match=message):
        Redactor(rules=[rule(**changes)])


def test_rules_are_unique_constant_data() -> None:
    """Ids have one title each and fit a placeholder; the table is a tuple."""
    titles: dict[str, set[str]] = {}
    for each in RULES:
        titles.setdefault(each.id, set()).add(each.title)

    assert isinstance(RULES, tuple)
    assert Redactor(rules=list(RULES)).find(GITHUB)
    assert len(titles) > 90


def test_offsets_of_the_redacted_text_lead_to_the_source_and_back() -> None:
    """A quote of the shown text is found in the source; half a placeholder is all of it."""
    text = f"a = '{GITHUB}'; b = 1"
    shown, offsets = Redactor().redact_mapped(text)
    quote_at = shown.index("b = 1")
    mark = shown.index("[redacted"), shown.index("]") + 1

    start, end = offsets.source_range(quote_at, quote_at + 5)

    assert text[start:end] == "b = 1"
    assert offsets.shown_range(start, end) == (quote_at, quote_at + 5)
    assert offsets.source_range(mark[0] + 3, mark[0] + 4) == (5, 45)
    assert offsets.shown_range(20, 30) == mark
    assert offsets.shown_range(0, 3) == offsets.source_range(0, 3) == (0, 3)


def test_a_value_that_is_named_again_is_one_secret() -> None:
    """Keys of a host are named with each call, and cost nothing after the first one."""
    redactor = Redactor(secrets=["correct-horse-1"])
    shown = repr(redactor)

    assert redactor.add_secret("correct-horse-1")

    assert repr(redactor) == shown
