"""Rules for secrets that only their surroundings betray."""

from __future__ import annotations

from codeflow_engine.redaction import plausible
from codeflow_engine.redaction.rule import BASE64, Rule

_REST = r"(?P<rest>[A-Za-z0-9_.-]{0,40}+)"
_CLOSE = r"""(?:\\{0,2}["'`])?[\])]{0,2}[ \t]{0,8}"""
_ANNOTATION = r"(?::[ \t]?[A-Za-z_][A-Za-z0-9_.\[\]| ?]{0,30}+(?==))?"
_ASSIGN = r"(?:=>|:=|={1,3}|!=|:)[ \t]{0,8}"
# A comma only behind a quoted name: `("token", "...")`, not `f(Token.NAME, "...")`.
_JOIN = (
    rf"(?:{_CLOSE}{_ANNOTATION}(?:{_ASSIGN}|[(>][ \t]{{0,8}}"
    r"""|(?<=["'`]),[ \t]{0,8}|(?<=["'`][\])]),[ \t]{0,8})[\[(]?"""
    r"""|["'],?[ \t]{1,4}["']?value["']?[ ]?[=:][ ]?)"""
)
# Nothing of a value goes on behind the match; `[` opens a placeholder (see `Rule`).
_END = r"(?![A-Za-z0-9/+=_\[-])"

_NAME = (
    r"(?P<name>pass(?:w(?:or)?d|phrase|code)|(?<!by)(?<!com)(?<!sur)(?<!tres)pass(?![a-z])|pwd|secret|token|credential"
    r"|(?:(?<=api)|(?<=api[_-])|(?<=access)|(?<=access[_-])|(?<=auth[_-])|(?<=private[_-])"
    r"|(?<=signing[_-])|(?<=encryption[_-])|(?<=master[_-])|(?<=account[_-])"
    r"|(?<=client[_-]))key)"
)


_UUID_VENDORS = (
    *("heroku", "hubspot", "kucoin", "messagebird", "plaid", "sendbird", "snyk", "squarespace"),
)


def _keyed(name: str, title: str, keyword: str, names: str, value: str) -> Rule:
    """Make the rule of a value of known form behind a vendor's name."""
    return Rule(
        id=name,
        title=title,
        keywords=(keyword,),
        ignore_case=True,
        pattern=rf"""(?:{names})[A-Za-z0-9_.-]{{0,40}}+{_JOIN}(?:\\{{0,2}}["'`])?(?P<value>{value}){_END}""",
        group=1,
        accept=plausible.mixed_token,
        blanks=6,
    )


URLS = (
    Rule(
        id="sentry-dsn",
        title="Sentry DSN",
        keywords=("://",),
        pattern=r"://([0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.-]{1,120}(?::[0-9]{1,5})?/",
        group=1,
    ),
    Rule(
        id="url-password",
        title="Password in a URL",
        keywords=("://", r":\/\/"),
        pattern=r"""(?::\\?/\\?/)[^\s/?#:@"'`<>\\\[\]{}|^]{0,128}:"""
        r"""(?P<value>[^\s/"'`<>\\\[\]{}|^]{1,256})@(?=[A-Za-z0-9$%{<\[])""",
        group=1,
        reach=420,
        accept=plausible.url_password,
    ),
    Rule(
        id="url-token",
        title="Token in a URL",
        keywords=("://",),
        pattern=r"://(?P<value>[A-Za-z0-9_-]{20,128})@",
        group=1,
        accept=plausible.random_value,
    ),
    Rule(
        id="aws-signature",
        title="Signature of a presigned AWS URL",
        keywords=("X-Amz-Signature",),
        pattern=r"X-Amz-Signature(?:=|%3D)([0-9a-f]{64})",
        group=1,
    ),
)

HEADERS = (
    Rule(
        id="bearer-token",
        title="Bearer token",
        keywords=("bearer",),
        ignore_case=True,
        pattern=r"bearer(?:[ \t+:]|%20){1,3}(?P<value>[A-Za-z0-9_.~+/=-]{16,1024}+)(?!\[)",
        group=1,
        reach=1100,
        tail=r"[A-Za-z0-9_.~+/=-]",
        accept=plausible.random_value,
        blanks=1,
    ),
    Rule(
        id="basic-credentials",
        title="Name and password in base64",
        keywords=("basic",),
        ignore_case=True,
        pattern=r"basic(?:[ \t+]|%20){1,3}(?P<value>[A-Za-z0-9+/]{8,512}+={0,2})(?!\[)",
        group=1,
        reach=600,
        tail=BASE64,
        accept=plausible.credentials,
        blanks=1,
    ),
    Rule(
        id="basic-credentials",
        title="Name and password in base64",
        keywords=('"auth"', "_auth="),
        pattern=r'(?:"auth"[ \t]{0,4}:[ \t]{0,4}"|_auth="?)'
        r"(?P<value>[A-Za-z0-9+/]{8,512}+={0,2})(?!\[)",
        group=1,
        reach=600,
        tail=BASE64,
        accept=plausible.credentials,
        blanks=2,
    ),
    Rule(
        id="authorization",
        title="Authorization header",
        keywords=("authorization",),
        ignore_case=True,
        pattern=r"""authorization\\{0,2}["']?[ \t]{0,4}[:=,][ \t]{0,4}\\{0,2}["']?"""
        r"(?:[A-Za-z]{3,12}[ \t]{1,2})?(?P<value>[A-Za-z0-9_.~+/=:-]{12,1024}+)(?!\[)",
        group=1,
        reach=1160,
        tail=r"[A-Za-z0-9_.~+/=:-]",
        accept=plausible.random_value,
        blanks=3,
    ),
)

NAMED = (
    _keyed(
        "aws-secret-key",
        "AWS secret access key",
        "secret",
        r"secret[_-]?(?:access[_-]?)?key",
        r"[A-Za-z0-9/+]{40}",
    ),
    _keyed(
        "mistral-key",
        "Mistral API key",
        "key",
        r"(?:(?<=mistral_api_)|(?<=mistral-api-)|(?<=mistralapi)|(?<=mistral_))key",
        r"[A-Za-z0-9]{32}",
    ),
    _keyed(
        "twilio-token",
        "Twilio auth token",
        "token",
        r"(?:(?<=twilio_auth_)|(?<=twilio-auth-)|(?<=twilioauth)|(?<=twilio_))token",
        r"[0-9a-f]{32}",
    ),
    # Of these vendors a key is a UUID; behind other names that is mostly an id.
    Rule(
        id="vendor-uuid",
        title="UUID that is a vendor's key",
        keywords=_UUID_VENDORS,
        ignore_case=True,
        uuid=True,
        pattern=rf"(?:{'|'.join(_UUID_VENDORS)})[A-Za-z0-9_.-]{{0,40}}+"
        rf"(?:(?<=key)|(?<=token)|(?<=secret)|(?<=password)){_JOIN}"
        r"""(?:\\{0,2}["'`])?(?P<value>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"""
        rf"{_END}",
        group=1,
        accept=plausible.mixed_token,
        blanks=6,
    ),
    Rule(
        id="azure-account-key",
        title="Azure storage or service bus key",
        keywords=("key",),
        ignore_case=True,
        pattern=r"(?:(?<=account)|(?<=sharedaccess))key ?= ?([A-Za-z0-9+/]{40})",
        group=1,
        tail=BASE64,
        entropy=2.8,
        blanks=2,
    ),
    Rule(
        id="assigned-secret",
        title="Value behind the name of a secret",
        keywords=("pass", "pwd", "secret", "token", "credential", "key"),
        ignore_case=True,
        pattern=rf"{_NAME}{_REST}(?P<join>{_JOIN})[bruf]{{0,2}}"
        r"""(?P<quote>\\{0,2}["'`])?(?P<value>(?(quote)[^\s"'`\\]{8,512}+"""
        r"""|[^\s"'`,;&<>(){}\[\]|\\]{8,512}+))"""
        r"""(?(quote)(?P=quote)|(?=[\s,;&"'`<>)}\]|\\]|\Z))""",
        group=5,
        reach=700,
        accept=plausible.assigned,
        blanks=6,
    ),
)

CONTEXTUAL = (*URLS, *HEADERS, *NAMED)
"""Every rule of this module."""
