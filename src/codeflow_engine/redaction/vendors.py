"""Rules for tokens of chats, payment, monitoring and other services, and of registries."""

from __future__ import annotations

from codeflow_engine.redaction.prefix import NOT_LETTERS, RANDOM, token
from codeflow_engine.redaction.rule import BASE64, DOTTED, LEFT, LEFT_RUN, Rule

CHAT = (
    token(
        "slack-token",
        "Slack token",
        "xoxa xoxb xoxc xoxd xoxe xoxo xoxp xoxr xoxs xapp-",
        r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-(?=[A-Za-z-]{0,12}[0-9])[A-Za-z0-9-]{13}",
        tail=r"[A-Za-z0-9_%+/=-]",
        left=True,
    ),
    Rule(
        id="slack-webhook",
        title="Slack webhook",
        keywords=("hooks.slack.com/",),
        pattern=r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{20})",
        group=1,
        tail=r"[A-Za-z0-9+/_-]",
        entropy=RANDOM,
    ),
    Rule(
        id="teams-webhook",
        title="Teams webhook",
        keywords=(".webhook.office.com/webhookb2/",),
        pattern=(
            r"\.webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}"
            r"/IncomingWebhook/([0-9a-f]{32})"
        ),
        group=1,
        tail=r"[0-9a-f/-]",
        entropy=RANDOM,
    ),
    Rule(
        id="discord-webhook",
        title="Discord webhook",
        keywords=("/api/webhooks/",),
        pattern=r"/api/webhooks/[0-9]{15,21}/([A-Za-z0-9_-]{40})",
        group=1,
        entropy=RANDOM,
    ),
    # A Discord token begins with the account's number in base64, so with a digit's code.
    Rule(
        id="discord-token",
        title="Discord bot token",
        keywords=tuple(a + b for a in "MNO" for b in "DTjz"),
        pattern=LEFT_RUN
        + NOT_LETTERS
        + r"[MNO][DTjz][A-Za-z0-9_-]{21,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
        run=True,
    ),
    # The number before the colon is the bot's public id.
    Rule(
        id="telegram-token",
        title="Telegram bot token",
        keywords=(":AA",),
        pattern=rf"(?<=[0-9]{{8}}):{NOT_LETTERS}(AA[A-Za-z0-9_-]{{32}})",
        group=1,
        run=True,
        entropy=RANDOM,
    ),
)

SERVICES = (
    token(
        "stripe-key",
        "Stripe key",
        "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_",
        r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10}",
    ),
    Rule(
        id="stripe-webhook-secret",
        title="Stripe or Standard Webhooks signing secret",
        keywords=("whsec_",),
        pattern=r"whsec_[A-Za-z0-9+/]{24}",
        tail=BASE64,
        entropy=RANDOM,
    ),
    token(
        "square-token",
        "Square token",
        "sq0atp- sq0csp- EAAA",
        rf"(?:sq0(?:at|cs)p-[A-Za-z0-9_-]{{22}}|EAAA{NOT_LETTERS}[A-Za-z0-9_-]{{40}})",
        left=True,
    ),
    token(
        "shopify-token",
        "Shopify token",
        "shpat_ shpca_ shppa_ shpss_",
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    ),
    token("twilio-key", "Twilio API key", "SK", rf"SK{NOT_LETTERS}[0-9a-fA-F]{{32}}", left=True),
    Rule(
        id="sendgrid-key",
        title="SendGrid key",
        keywords=("SG.",),
        pattern=LEFT + r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{30}",
        entropy=RANDOM,
    ),
    token("mailgun-key", "Mailgun key", "key-", r"key-[0-9a-f]{32}", left=True),
    token("brevo-key", "Brevo key", "xkeysib-", r"xkeysib-[0-9a-f]{64}"),
    token(
        "new-relic-key",
        "New Relic key",
        "NRAK- NRII- NRJS- NRIQ-",
        r"NR(?:AK|II|JS|IQ)-[A-Za-z0-9-]{19}",
    ),
    token(
        "sentry-token",
        "Sentry auth token",
        "sntrys_ sntryu_",
        r"sntry[su]_[A-Za-z0-9+/=_]{40}",
        tail=BASE64,
    ),
    token(
        "grafana-token",
        "Grafana token",
        "glsa_ glc_ eyJrIjoi",
        r"(?:glsa_[A-Za-z0-9]{32}|glc_[A-Za-z0-9]{14}[A-Za-z0-9+/]{18}"
        r"|eyJrIjoi[A-Za-z0-9]{10}[A-Za-z0-9+/]{40})",
        tail=BASE64,
        left=True,
    ),
    token("linear-key", "Linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{32}"),
    token("notion-token", "Notion token", "ntn_", r"ntn_[A-Za-z0-9]{40}", left=True),
    token("figma-token", "Figma token", "figd_", r"figd_[A-Za-z0-9_-]{36}"),
    token("postman-key", "Postman key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
)

REGISTRIES = (
    token("npm-token", "npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    token("pypi-token", "PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50}"),
    token(
        "docker-token", "Docker Hub token", "dckr_pat_ dckr_oat_", r"dckr_[po]at_[A-Za-z0-9_-]{27}"
    ),
    token("rubygems-key", "RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    token(
        "crates-token", "crates.io token", "cio", rf"cio{NOT_LETTERS}[A-Za-z0-9]{{32}}", left=True
    ),
)

MORE = (
    token("adobe-secret", "Adobe client secret", "p8e-", r"p8e-[a-z0-9-]{32}", left=True),
    token(
        "1password-key",
        "1Password secret key or service account token",
        "A3- ops_eyJ",
        r"(?:A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){3}|ops_eyJ[A-Za-z0-9]{40})",
        tail=BASE64,
        left=True,
    ),
    Rule(
        id="airtable-token",
        title="Airtable personal access token",
        keywords=("pat",),
        pattern=LEFT + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        run=True,
        entropy=RANDOM,
    ),
    token(
        "alibaba-key-id",
        "Alibaba Cloud key id",
        "LTAI",
        rf"LTAI{NOT_LETTERS}[A-Za-z0-9]{{20}}",
        left=True,
    ),
    token(
        "artifactory-key",
        "Artifactory key or token",
        "AKCp cmVmdGtu",
        r"(?:AKCp[A-Za-z0-9]{60}|cmVmdGtu[A-Za-z0-9]{48})",
        left=True,
    ),
    token(
        "bedrock-key",
        "Amazon Bedrock API key",
        "ABSK bedrock-api-key-",
        r"(?:ABSK[A-Za-z0-9]{14}[A-Za-z0-9+/]{80}|bedrock-api-key-[A-Za-z0-9+/]{24})",
        tail=BASE64,
        left=True,
    ),
    token("clojars-token", "Clojars token", "CLOJARS_", r"CLOJARS_[A-Za-z0-9]{60}"),
    token(
        "cloudflare-origin-key",
        "Cloudflare origin CA key",
        "v1.0-",
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100}",
        left=True,
    ),
    token(
        "doppler-token",
        "Doppler token",
        "dp.",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{40}",
        tail=DOTTED,
        left=True,
    ),
    token(
        "duffel-token",
        "Duffel token",
        "duffel_",
        r"duffel_(?:test|live)_[A-Za-z0-9_=-]{40}",
        tail=BASE64,
    ),
    token(
        "dynatrace-token",
        "Dynatrace token",
        "dt0",
        r"dt0[a-z][0-9]{2}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{60}",
        left=True,
    ),
    token(
        "easypost-key",
        "EasyPost key",
        "EZAK EZTK",
        rf"EZ[AT]K{NOT_LETTERS}[A-Za-z0-9]{{50}}",
        left=True,
    ),
    token(
        "facebook-token",
        "Facebook access token",
        "EAAC EAAM EAAB EAAD EAAG",
        rf"EAA[A-Z]{NOT_LETTERS}[A-Za-z0-9]{{60}}",
        left=True,
    ),
    # The number before the bar is the app's public id.
    Rule(
        id="facebook-token",
        title="Facebook app access token",
        keywords=("|",),
        pattern=rf"(?<=[0-9]{{15}})\|{NOT_LETTERS}([A-Za-z0-9_-]{{27}})",
        group=1,
        run=True,
        entropy=RANDOM,
    ),
    token(
        "plaid-token",
        "Plaid access token",
        "access-sandbox- access-development- access-production-",
        r"access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
        left=True,
    ),
    token(
        "yandex-key", "Yandex API key", "AQVN", rf"AQVN{NOT_LETTERS}[A-Za-z0-9_-]{{35}}", left=True
    ),
    token(
        "twitter-token",
        "Twitter bearer token",
        "AAAAAAAAAAAAAAAAAAAAAA",
        rf"A{{22}}{NOT_LETTERS}[A-Za-z0-9%]{{80}}",
        tail=r"[A-Za-z0-9%_-]",
        left=True,
    ),
    token("flutterwave-key", "Flutterwave key", "FLWSECK", r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12}"),
    token(
        "fly-token",
        "Fly.io token",
        "fo1_ fm1_ fm2_",
        r"(?:fo1_[A-Za-z0-9_-]{40}|fm[12][ar]?_[A-Za-z0-9]{14}[A-Za-z0-9+/]{60})",
        tail=BASE64,
        left=True,
    ),
    token("frameio-token", "Frame.io token", "fio-u-", r"fio-u-[A-Za-z0-9_=-]{60}", tail=BASE64),
    token(
        "gitlab-session",
        "GitLab session cookie",
        "_gitlab_session=",
        r"_gitlab_session=[A-Za-z0-9]{32}",
    ),
    token(
        "harness-key",
        "Harness key",
        "pat. sat.",
        r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}",
        left=True,
    ),
    Rule(
        id="terraform-token",
        title="Terraform Cloud token",
        keywords=(".atlasv1.",),
        offset=14,
        pattern=r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60}",
        run=True,
        tail=BASE64,
        entropy=RANDOM,
    ),
    token("infracost-key", "Infracost key", "ico-", r"ico-[A-Za-z0-9]{32}", left=True),
    token("intra42-secret", "42 API secret", "s-s4t2", r"s-s4t2(?:ud|af)-[0-9a-f]{64}"),
    Rule(
        id="maxmind-key",
        title="MaxMind license key",
        keywords=("_mmk",),
        offset=36,
        pattern=r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",
        run=True,
        entropy=RANDOM,
    ),
    token("nuget-key", "NuGet API key", "oy2", rf"oy2{NOT_LETTERS}[a-z0-9]{{43}}", left=True),
    token(
        "octopus-key",
        "Octopus Deploy key",
        "API-",
        r"API-(?=[A-Z]{0,25}[0-9])[A-Z0-9]{26}",
        left=True,
    ),
    token(
        "openshift-token",
        "OpenShift token",
        "sha256~",
        rf"sha256~{NOT_LETTERS}[A-Za-z0-9_-]{{43}}",
    ),
    token(
        "planetscale-key",
        "PlanetScale key",
        "pscale_",
        r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_=.-]{32}",
        tail=DOTTED,
    ),
    token("prefect-key", "Prefect key", "pnu_", r"pnu_[A-Za-z0-9]{36}", left=True),
    token("readme-key", "ReadMe key", "rdme_", r"rdme_[a-z0-9]{70}", left=True),
    token("scalingo-token", "Scalingo token", "tk-us-", r"tk-us-[A-Za-z0-9_-]{48}", left=True),
    token(
        "settlemint-token",
        "SettleMint token",
        "sm_aat_ sm_pat_ sm_sat_",
        r"sm_[aps]at_[A-Za-z0-9]{16}",
        left=True,
    ),
    token("shippo-token", "Shippo token", "shippo_", r"shippo_(?:live|test)_[0-9a-fA-F]{40}"),
    token("sonar-token", "SonarQube token", "sqp_ squ_ sqa_", r"sq[pua]_[0-9a-f]{40}", left=True),
    token(
        "sourcegraph-token",
        "Sourcegraph token",
        "sgp_",
        r"sgp_(?:[0-9a-fA-F]{16}_|local_)?[0-9a-fA-F]{40}",
        left=True,
    ),
    token(
        "typeform-token",
        "Typeform token",
        "tfp_",
        r"tfp_[A-Za-z0-9_.=-]{40}",
        tail=DOTTED,
        left=True,
    ),
    token(
        "nebula-key", "Defined Networking key", "dnkey-", r"dnkey-[A-Za-z0-9_=-]{26}", tail=BASE64
    ),
    token(
        "mapbox-token",
        "Mapbox secret token",
        "sk.eyJ",
        r"sk\.eyJ[A-Za-z0-9_-]{40}",
        tail=DOTTED,
        left=True,
    ),
    # A JSON Web Token in base64 once more, as in a Kubernetes secret.
    token(
        "jwt",
        "JSON Web Token in base64",
        "ZXlK",
        rf"ZXlK{NOT_LETTERS}[A-Za-z0-9]{{60}}",
        tail=BASE64,
        left=True,
    ),
)

SERVICE_TOKENS = (*CHAT, *SERVICES, *REGISTRIES, *MORE)
"""Every rule of this module."""
