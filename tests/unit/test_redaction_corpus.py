"""What the shipped rules find, and what they leave alone, on values made here at random."""

# ruff: noqa: S311 - seeded values made for tests alone
from __future__ import annotations

import base64
import json
import re
from random import Random
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

import pytest

from codeflow_engine.redaction import RULES, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALNUM = ascii_letters + digits
HEX = "0123456789abcdef"
TOKEN = ALNUM + "_-"
GUID = "8c1f0f0e-1111-4222-8333-444455556666"
BASE64 = ALNUM + "+/"


def made(form: str) -> Callable[[Random], str]:
    """Make values of a form such as `ghp_{36:a}`: a alphanumeric, h hex, t token, u upper, l lower.

    n stands for digits, b for base64, x for lower-case letters and digits, k for upper-case
    letters and digits.
    """
    alphabets = {
        "a": ALNUM,
        "h": HEX,
        "t": TOKEN,
        "u": ascii_uppercase,
        "n": digits,
        "b": BASE64,
        "l": ascii_letters,
        "x": ascii_lowercase + digits,
        "k": ascii_uppercase + digits,
    }

    def value(rng: Random) -> str:
        return re.sub(
            r"\{(\d+):(\w)\}",
            lambda match: "".join(rng.choices(alphabets[match[2]], k=int(match[1]))),
            form,
        )

    return value


def jwt(rng: Random, *, size: int = 240) -> str:
    """Make a signed token whose second part is about `size` characters."""
    header = {"alg": rng.choice(["HS256", "RS256", "ES256", "none"]), "typ": "JWT"}
    claims = {"sub": made("{12:a}")(rng), "x": made(f"{{{size}:a}}")(rng)}
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    return ".".join(
        (*(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts), made("{43:t}")(rng))
    )


def discord(rng: Random) -> str:
    """Make a bot token: its number in base64, a time, and a signature."""
    number = str(rng.randrange(10**17, 10**19)).encode()
    first = base64.urlsafe_b64encode(number).decode().rstrip("=")
    return f"{first}.{made('{6:t}')(rng)}.{made('{38:t}')(rng)}"


FORMS: dict[str, tuple[Callable[[Random], str], ...]] = {
    "github-token": tuple(made(f"gh{kind}_{{36:a}}") for kind in "pour"),
    "github-app-token": (
        made("ghs_{36:a}"),
        lambda rng: f"ghs_{rng.randrange(10**6, 10**7)}_{jwt(rng, size=300)}",
    ),
    "github-fine-grained-token": (made("github_pat_{22:a}_{59:a}"),),
    "gitlab-token": (
        *(
            made(f"{kind}-{{20:t}}")
            for kind in ("glpat", "gldt", "glrt", "glptt", "glft", "glsoat")
        ),
        made("glpat-{27:t}.01.{9:x}"),
        made("glcbt-1f_{20:t}"),
        made("GR1348941{20:t}"),
    ),
    "atlassian-token": (made("ATATT3xFfGF0{171:t}={8:k}"), made("ATBB{32:a}")),
    "anthropic-key": (made("sk-ant-api03-{93:t}AA"), made("sk-ant-admin01-{93:t}AA")),
    "openai-key": (
        made("sk-{20:a}T3BlbkFJ{20:a}"),
        made("sk-proj-{74:t}T3BlbkFJ{74:t}"),
        made("sk-svcacct-{58:t}T3BlbkFJ{58:t}"),
        made("sk-or-v1-{64:h}"),
        made("sk-{32:h}"),
    ),
    "groq-key": (made("gsk_{52:a}"),),
    "hugging-face-token": (made("hf_{34:l}"), made("api_org_{34:l}")),
    "xai-key": (made("xai-{80:a}"),),
    "replicate-token": (made("r8_{37:a}"),),
    "perplexity-key": (made("pplx-{48:a}"),),
    "langsmith-key": (made("lsv2_pt_{32:h}_{10:h}"),),
    "aws-access-key-id": (made("AKIA{16:k}"), made("ASIA{16:k}"), made("ABIA{15:k}7")),
    "google-api-key": (made("AIza{35:t}"),),
    "google-oauth": (made("GOCSPX-{28:t}"), made("ya29.a0{120:t}"), made("1//0g{60:t}")),
    "digitalocean-token": tuple(made(f"do{kind}_v1_{{64:h}}") for kind in "opr"),
    "azure-client-secret": (made("{3:a}8Q~{34:a}"),),
    "databricks-token": (made("dapi{32:h}"),),
    "heroku-key": (made("HRKU-AA{58:t}"),),
    "tailscale-key": (made("tskey-auth-{11:a}CNTRL-{32:a}"),),
    "vault-token": (made("hvs.CAESI{90:t}"), made("hvb.AAAAAQ{130:t}")),
    "pulumi-token": (made("pul-{40:h}"),),
    "supabase-key": (made("sbp_{40:h}"), made("sb_secret_{31:t}")),
    "slack-token": (
        made("xoxb-{12:n}-{12:n}-{24:a}"),
        made("xoxp-{12:n}-{12:n}-{12:n}-{32:h}"),
        made("xoxe.xoxp-1-{160:a}"),
        made("xapp-1-A{10:k}-{13:n}-{64:h}"),
    ),
    "discord-token": (discord,),
    "stripe-key": (
        *(made(f"{kind}_{mode}_{{24:a}}") for kind in ("sk", "rk") for mode in ("live", "test")),
        made("sk_live_51{97:a}"),
    ),
    "stripe-webhook-secret": (made("whsec_{32:b}"),),
    "square-token": (made("sq0atp-{22:t}"), made("sq0csp-{43:t}"), made("EAAAl{58:t}2")),
    "shopify-token": tuple(made(f"shp{kind}_{{32:h}}") for kind in ("at", "ca", "pa", "ss")),
    "twilio-key": (made("SK{31:h}1"),),
    "sendgrid-key": (made("SG.{22:t}.{43:t}"),),
    "mailgun-key": (made("key-{32:h}"),),
    "brevo-key": (made("xkeysib-{64:h}-{16:a}"),),
    "new-relic-key": (made("NRAK-{27:k}"), made("NRII-{32:x}")),
    "sentry-token": (made("sntrys_eyJ{120:a}_{43:a}"), made("sntryu_{64:h}")),
    "grafana-token": (made("glsa_{32:a}_{8:h}"), made("glc_eyJv{80:a}"), made("eyJrIjoi{70:a}")),
    "linear-key": (made("lin_api_{40:a}"),),
    "notion-token": (made("ntn_{46:a}"),),
    "figma-token": (made("figd_{40:t}"),),
    "postman-key": (made("PMAK-{24:h}-{34:h}"),),
    "npm-token": (made("npm_{36:a}"),),
    "pypi-token": (made("pypi-AgEIcHlwaS5vcmc{150:t}"),),
    "docker-token": (made("dckr_pat_{27:t}"), made("dckr_oat_{32:t}")),
    "rubygems-key": (made("rubygems_{48:h}"),),
    "crates-token": (made("cio{31:a}4"),),
    "jwt": (
        jwt,
        made("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.{342:t}.{16:t}.{63:t}.{22:t}"),
        made("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..{16:t}.{63:t}.{22:t}"),
        made("eyJ1c2VyX2lkIjo0Mn0.aV3x9Q.{27:t}"),
        lambda rng: base64.b64encode(jwt(rng).encode()).decode().rstrip("="),
    ),
    "age-secret-key": (made("AGE-SECRET-KEY-1{58:k}"),),
    "adobe-secret": (made("p8e-{32:x}"),),
    "1password-key": (made("A3-{6:k}-{11:k}-{5:k}-{5:k}-{5:k}"), made("ops_eyJ{250:a}")),
    "airtable-token": (made("pat{14:a}.{64:h}"),),
    "alibaba-key-id": (made("LTAI{19:a}5"),),
    "artifactory-key": (made("AKCp{69:a}"), made("cmVmdGtu{56:a}")),
    "bedrock-key": (made("ABSKQmVkcm9ja0FQSUtleS{100:b}"), made("bedrock-api-key-{90:b}")),
    "clojars-token": (made("CLOJARS_{60:x}"),),
    "cloudflare-origin-key": (made("v1.0-{24:h}-{146:h}"),),
    "doppler-token": (made("dp.pt.{43:a}"), made("dp.st.{40:a}")),
    "duffel-token": (made("duffel_live_{43:t}"),),
    "dynatrace-token": (made("dt0c01.{24:k}.{64:k}"),),
    "easypost-key": (made("EZAK{53:a}6"), made("EZTK{53:a}6")),
    "facebook-token": (made("EAAC{99:a}7"),),
    "plaid-token": (made("access-production-{8:h}-{4:h}-{4:h}-{4:h}-{12:h}"),),
    "twitter-token": (made("AAAAAAAAAAAAAAAAAAAAAA{60:a}%3D{40:a}4"),),
    "yandex-key": (made("AQVN{36:t}4"),),
    "flutterwave-key": (made("FLWSECK_TEST-{32:h}-X"),),
    "fly-token": (made("fo1_{43:t}"), made("fm2_lJPECAAAAAAAC{90:b}")),
    "frameio-token": (made("fio-u-{64:t}"),),
    "gitlab-session": (made("_gitlab_session={32:h}"),),
    "harness-key": (made("pat.{22:t}.{24:h}.{20:a}"),),
    "terraform-token": (made("{14:a}.atlasv1.{67:t}"),),
    "infracost-key": (made("ico-{32:a}"),),
    "intra42-secret": (made("s-s4t2ud-{64:h}"),),
    "maxmind-key": (made("{6:a}_{29:a}_mmk"),),
    "nuget-key": (made("oy2{42:x}9"),),
    "octopus-key": (made("API-{25:k}3"),),
    "openshift-token": (made("sha256~{43:t}"),),
    "planetscale-key": (made("pscale_tkn_{43:t}"), made("pscale_pw_{43:t}")),
    "prefect-key": (made("pnu_{36:a}"),),
    "readme-key": (made("rdme_{70:x}"),),
    "scalingo-token": (made("tk-us-{48:t}"),),
    "settlemint-token": (made("sm_pat_{16:a}"),),
    "shippo-token": (made("shippo_live_{40:h}"),),
    "sonar-token": (made("sqp_{40:h}"),),
    "sourcegraph-token": (made("sgp_{16:h}_{40:h}"), made("sgp_{40:h}")),
    "typeform-token": (made("tfp_{40:a}_{14:a}"),),
    "nebula-key": (made("dnkey-{26:k}-{52:k}"),),
    "mapbox-token": (made("sk.eyJ1Ijoi{60:a}.{22:t}"),),
}

CONTEXTS = {
    "python": 'client = Client("{}", retries=3)  # the second one',
    "javascript": "const client = new Client('{}');",
    "go": '\tclient := New("{}")',
    "java": '    private final Client client = new Client("{}");',
    "ruby": "client = Client.new '{}'",
    "rust": 'let client = Client::new("{}")?;',
    "dotenv": "SETTING={}",
    "yaml": "  setting: {}",
    "json": '{{"a": [1, {{"setting": "{}"}}]}}',
    "json in json": '{{"body": "{{\\"setting\\": \\"{}\\"}}"}}',
    "query": "https://api.example.test/v1/things?k={}&page=2",
    "query end": "https://api.example.test/v1/things?k={}",
    "log": "2026-01-02T03:04:05Z INFO worker[12]: using {} for the call",
    "added line": '+    client = Client("{}")',
    "removed line": "-{}",
    "header": "X-Setting: {}\r",
    "escaped newline": '"first\\n{}\\nlast"',
    "escaped quote": '"say \\u0022{}\\u0022"',
    "percent": "next=https%3A%2F%2Fexample.test%2F%3Fk%3D{}%26page%3D2",
    "colour": "\x1b[31m{}\x1b[0m and \x1b[1;32mmore\x1b[0m",
    "markdown": "Use `{}` here.",
    "brackets": "f({}) [x] <{}>",
    "xml": "<setting>{}</setting>",
    "csv": "a,{},b",
    "wide": "Schlüssel für 東京: „{}“ 😀",
}


def shows(visible: str, secret: str) -> bool:
    """Tell whether eight characters in a row of a secret stand in a redacted text."""
    rest = re.sub(r"\[redacted:[a-z0-9-]+\]", "\n", visible)
    return any(secret[i : i + 8] in rest for i in range(max(len(secret) - 7, 1)))


def placed(rng: Random, repeat: int) -> Iterator[tuple[str, str, str]]:
    """Yield rule, text and secret: each form of each rule in each context."""
    for rule, forms in FORMS.items():
        for form in forms:
            for template in CONTEXTS.values():
                for _ in range(repeat):
                    secret = form(rng)
                    yield rule, template.format(*[secret] * template.count("{}")), secret


def test_tokens_of_every_form_are_redacted_in_every_context() -> None:
    """At least 99 of 100 tokens are caught, and no eight characters of those remain."""
    redactor = Redactor()
    cases = list(placed(Random(20260101), repeat=2))

    missed = [case for case in cases if shows(redactor.redact(case[1]), case[2])]

    assert len(cases) > 5000
    assert len(missed) <= 0.01 * len(cases), missed[:20]


@pytest.mark.parametrize("rule", sorted(FORMS))
def test_a_token_is_labelled_by_its_own_rule(rule: str) -> None:
    """Each rule of a token finds its own forms, whole, under its own name."""
    rng = Random(7)
    redactor = Redactor()

    for form in FORMS[rule]:
        found = [redactor.find(f"x = f('{form(rng)}')") for _ in range(12)]

        # One in some hundred random values lacks what tells it from a word.
        assert sum([span.rule for span in spans] == [rule] for spans in found) >= 11


def test_every_rule_has_forms_or_assignments_here() -> None:
    """No rule ships without a value that shows it at work."""
    assert {rule.id for rule in RULES} == {*FORMS, *ASSIGNED, "private-key"}


def password(rng: Random) -> str:
    """Make a password as people and tools choose them, without blanks and quotes."""
    return rng.choice(
        [made("{16:a}7q"), made("{24:t}4x"), made("{40:h}1f"), made("{3:a}!{4:a}#{3:n}")]
    )(rng)


ASSIGNED: dict[str, tuple[tuple[str, Callable[[Random], str]], ...]] = {
    "vendor-uuid": tuple(
        (template, made("{8:h}-{4:h}-4{3:h}-a{3:h}-{12:h}"))
        for template in (
            "HEROKU_API_KEY={}",
            'snyk_token: "{}"',
            "const hubspotApiKey = '{}';",
            "https://api.example.test/v1?squarespace_access_token={}&page=2",
        )
    ),
    "url-password": tuple(
        (template, made("{9:a}%40{4:a}"))
        for template in (
            "DATABASE_URL=postgres://app:{}@db.example.test:5432/shop",
            'engine = create_engine("postgresql+psycopg://app:{}@localhost/shop")',
            "redis://:{}@cache:6379/0",
            "mongodb+srv://app:{}@cluster0.example.test/?retryWrites=true",
            "amqp://guest:{}@mq//",
            "git clone https://oauth2:{}@git.example.test/a/b.git",
            "error: could not connect to mysql://root:{}@10.0.0.7:3306/x (timeout)",
            '{{"url":"https:\\/\\/app:{}@example.test\\/x"}}',
        )
    ),
    "url-token": (("https://{}@git.example.test/a/b.git", made("{38:a}42")),),
    "sentry-dsn": (("dsn: https://{}@o123456.ingest.example.test/42", made("{32:h}")),),
    "aws-signature": (
        ("GET /b?X-Amz-Expires=60&X-Amz-Signature={}&x-id=GetObject", made("{64:h}")),
    ),
    "bearer-token": tuple(
        (template, made("{43:t}9x"))
        for template in (
            "Authorization: Bearer {}",
            '"authorization": "Bearer {}",',
            "curl -H 'Authorization: Bearer {}' https://api.example.test",
            "headers={{'Authorization': f'Bearer {}'}}",
            "next?h=Bearer%20{}",
        )
    ),
    "basic-credentials": tuple(
        (template, lambda rng: base64.b64encode(f"app:{password(rng)}".encode()).decode())
        for template in (
            "Authorization: Basic {}",
            'headers = {{"Proxy-Authorization": "Basic {}"}}',
            '{{"auths": {{"registry.example.test": {{"auth": "{}"}}}}}}',
            "//registry.example.test/:_auth={}",
        )
    ),
    "authorization": (
        ("Authorization: token {}", made("{40:a}1b2")),
        ("-H 'Authorization: {}'", made("{40:a}1b2")),
        ('{{"Authorization": "ApiKey {}"}}', made("{40:a}1b2")),
    ),
    "aws-secret-key": tuple(
        (template, made("{36:b}7aZ9"))
        for template in (
            "aws_secret_access_key = {}",
            "AWS_SECRET_ACCESS_KEY={}",
            'export AWS_SECRET_ACCESS_KEY="{}"',
            '{{"SecretAccessKey": "{}"}}',
            "  secretKey: '{}'",
        )
    ),
    "mistral-key": (
        ("MISTRAL_API_KEY={}", made("{30:a}4k")),
        ('mistral_api_key: "{}"', made("{30:a}4k")),
    ),
    "twilio-token": (("TWILIO_AUTH_TOKEN={}", made("{30:h}4e")),),
    "azure-account-key": (
        (
            "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={};EndpointSuffix=x",
            made("{86:b}=="),
        ),
        ("Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={}", made("{43:b}=")),
    ),
    "slack-webhook": (
        ("https://hooks.slack.com/services/{}", made("T{9:k}/B{9:k}/{24:a}")),
        ("https://hooks.slack.com/workflows/{}", made("T{9:k}/A{9:k}/{18:n}/{24:a}")),
    ),
    "teams-webhook": (
        (
            f"https://a.webhook.office.com/webhookb2/{GUID}@{GUID}/IncomingWebhook/{{}}",
            made("{32:h}"),
        ),
    ),
    "discord-webhook": (("https://discord.com/api/webhooks/123456789012345/{}", made("{68:t}")),),
    "telegram-token": (("https://api.telegram.org/bot123456789:{}/getMe", made("AA{32:t}3")),),
    "assigned-secret": tuple(
        (template, password)
        for template in (
            'password = "{}"',
            "API_KEY={}",
            "export DB_PASSWORD='{}'",
            'config["client_secret"] = "{}"',
            "secret_key: str = '{}'",
            '{{"refresh_token": "{}", "expires_in": 3600}}',
            '  access_token: "{}"',
            'const apiKey = "{}";',
            'private static final String DB_PASSWORD = "{}";',
            'password := "{}"',
            "login(user='app', password='{}')",
            'os.environ.setdefault("SERVICE_TOKEN", "{}")',
            "+  :auth_token => '{}',",
            '<add key="DbPassword" value="{}" />',
            '- {{"name": "DB_PASSWORD", "value": "{}"}}',
            '"{{\\"token\\": \\"{}\\"}}"',
            "set_password('{}')",
            "https://example.test/cb?access_token={}&state=1",
            "PGPASSWORD={} psql -h db",
        )
    ),
}


@pytest.mark.parametrize("rule", sorted(ASSIGNED))
def test_values_that_their_surroundings_betray_are_redacted(rule: str) -> None:
    """At least 99 of 100 values behind a telling name are caught, under the rule's name."""
    rng = Random(11)
    redactor = Redactor()
    cases = []
    for template, value in ASSIGNED[rule]:
        for _ in range(40):
            secret = value(rng)
            cases.append((template.format(secret), secret))

    shown = [redactor.redact(text) for text, _ in cases]

    caught = sum(not shows(s, secret) for s, (_, secret) in zip(shown, cases, strict=True))
    named = sum(f"[redacted:{rule}]" in s for s in shown)
    assert caught >= 0.99 * len(cases), [
        s for s, c in zip(shown, cases, strict=True) if shows(s, c[1])
    ][:5]
    assert named >= 0.8 * len(cases)
