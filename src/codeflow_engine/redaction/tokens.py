"""Rules for tokens of forges, models and clouds, and for keys and tokens of any origin."""

from __future__ import annotations

from codeflow_engine.redaction.prefix import NOT_LETTERS, RANDOM, token
from codeflow_engine.redaction.rule import BASE64, DOTTED, LEFT, LEFT_RUN, Rule

FORGES = (
    token("github-token", "GitHub token", "ghp_ gho_ ghu_ ghr_", r"gh[pour]_[A-Za-z0-9]{36}"),
    # Installation tokens are either 36 characters or `ghs_<app id>_<JWT>` of about 520.
    token(
        "github-app-token",
        "GitHub App installation token",
        "ghs_",
        r"ghs_[A-Za-z0-9_-]{16}[A-Za-z0-9_.-]{20}",
        tail=DOTTED,
    ),
    token(
        "github-fine-grained-token",
        "GitHub fine-grained personal access token",
        "github_pat_",
        r"github_pat_[A-Za-z0-9_]{36}",
    ),
    token(
        "gitlab-token",
        "GitLab token",
        "glpat- gldt- glrt- glptt- glft- glimt- glagent- glcbt- gloas- glsoat- glffct- GR1348941",
        r"(?:gl(?:pat|dt|rt|ptt|ft|imt|agent|cbt|oas|soat|ffct)-|GR1348941)[A-Za-z0-9_-]{20}",
        tail=DOTTED,
    ),
    token(
        "atlassian-token",
        "Atlassian or Bitbucket token",
        "ATATT3 ATCTT3 ATBB",
        rf"(?:AT[AC]TT3[A-Za-z0-9_=-]{{40}}|ATBB{NOT_LETTERS}[A-Za-z0-9]{{32}})",
        tail=BASE64,
        left=True,
    ),
)

MODELS = (
    token("anthropic-key", "Anthropic API key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24}"),
    token(
        "openai-key",
        "OpenAI or compatible API key",
        "sk-",
        r"sk-(?:(?:proj|svcacct|service|admin|None)-[A-Za-z0-9_-]{20}|or-v1-[0-9a-f]{32}"
        r"|[A-Za-z0-9]{32})",
        left=True,
    ),
    token("groq-key", "Groq API key", "gsk_", r"gsk_[A-Za-z0-9]{40}"),
    token(
        "hugging-face-token",
        "Hugging Face token",
        "hf_ api_org_",
        r"(?:hf|api_org)_[A-Za-z0-9]{34}",
        left=True,
    ),
    token("xai-key", "xAI API key", "xai-", r"xai-[A-Za-z0-9]{70}", left=True),
    token("replicate-token", "Replicate token", "r8_", r"r8_[A-Za-z0-9]{37}", left=True),
    token("perplexity-key", "Perplexity API key", "pplx-", r"pplx-[A-Za-z0-9]{40}", left=True),
    token("langsmith-key", "LangSmith API key", "lsv2_", r"lsv2_(?:pt|sk)_[0-9a-f]{32}"),
)

CLOUDS = (
    # Ids that end in EXAMPLE are the ones of Amazon's own documentation.
    Rule(
        id="aws-access-key-id",
        title="AWS access key id",
        keywords=("AKIA", "ASIA"),
        pattern=LEFT + r"A[KS]IA(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}",
        entropy=RANDOM,
    ),
    token(
        "aws-access-key-id",
        "AWS access key id",
        "ABIA ACCA",
        rf"A(?:BI|CC)A{NOT_LETTERS}[A-Z0-9]{{16}}",
        left=True,
    ),
    token(
        "google-api-key",
        "Google API key",
        "AIza",
        rf"AIza{NOT_LETTERS}[A-Za-z0-9_-]{{35}}",
        left=True,
    ),
    token(
        "google-oauth",
        "Google OAuth secret or token",
        "GOCSPX- ya29. 1//0",
        rf"(?:GOCSPX-[A-Za-z0-9_-]{{24}}|ya29\.{NOT_LETTERS}[A-Za-z0-9_-]{{20}}"
        r"|1//0[A-Za-z0-9_-]{40})",
        tail=DOTTED,
    ),
    token(
        "digitalocean-token",
        "DigitalOcean token",
        "dop_v1_ doo_v1_ dor_v1_",
        r"do[opr]_v1_[0-9a-f]{64}",
    ),
    Rule(
        id="azure-client-secret",
        title="Microsoft Entra client secret",
        keywords=("~",),
        offset=5,
        pattern=r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31}",
        tail=r"[A-Za-z0-9_~.-]",
        entropy=RANDOM,
    ),
    token(
        "databricks-token",
        "Databricks token",
        "dapi",
        rf"dapi{NOT_LETTERS}[0-9a-f]{{32}}",
        left=True,
    ),
    token("heroku-key", "Heroku API key", "HRKU-", r"HRKU-[A-Za-z0-9_-]{36}"),
    token("tailscale-key", "Tailscale key", "tskey-", r"tskey-[a-z]{1,16}-[A-Za-z0-9-]{16}"),
    token(
        "vault-token",
        "HashiCorp Vault token",
        "hvs. hvb. hvr.",
        rf"hv[sbr]\.{NOT_LETTERS}[A-Za-z0-9_-]{{24}}",
    ),
    token("pulumi-token", "Pulumi token", "pul-", r"pul-[0-9a-f]{40}", left=True),
    token(
        "supabase-key",
        "Supabase secret key",
        "sbp_ sb_secret_",
        r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{24})",
    ),
)


def _beside(word: str) -> str:
    """Return the pattern of `PRIVATE KEY` in a line that opens or closes a key's block."""
    kinds = (
        *("", "RSA ", "EC ", "DSA ", "DH ", "ED25519 ", "X25519 ", "OPENSSH ", "ENCRYPTED "),
        *("PGP ", "SSH2 ", "SSH2 ENCRYPTED ", "ANY ", "TSS2 ", "DILITHIUM "),
    )
    before = "|".join(f"(?<=-{blank}{word} {kind})" for blank in ("", " ") for kind in kinds)
    return rf"(?:{before})PRIVATE KEY(?: BLOCK)? ?-----?"


_HEADER = _beside("BEGIN")

GENERAL = (
    # Signed (JSON in the second part), encrypted (five parts), or a signed session.
    Rule(
        id="jwt",
        title="JSON Web Token or signed session",
        keywords=("eyJ",),
        pattern=LEFT_RUN + NOT_LETTERS + r"eyJ[A-Za-z0-9_-]{15,1024}+\.(?:eyJ[A-Za-z0-9_-]{8}"
        r"|[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}"
        r"|[A-Za-z0-9_-]{0,512}+\.[A-Za-z0-9_-]{12,32}+\.[A-Za-z0-9_-]{2})",
        run=True,
        reach=1640,
        tail=DOTTED,
    ),
    token("age-secret-key", "age identity", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    Rule(
        id="private-key",
        title="Private key",
        keywords=("PRIVATE KEY",),
        pattern=_HEADER + r"""(?:\\{0,4}[nr]|%0[AaDd]|[ \t"'+,\\]){0,16}"""
        r"(?:[A-Z][A-Za-z-]{2,20}: ?[^\\\s]{1,60}(?: [^\\\s]{1,30})?(?:\\{1,4}[nr]){1,3}){0,4}"
        r"([A-Za-z0-9+/]{24})",
        group=1,
        reach=800,
        tail=r"[A-Za-z0-9+/=\\% ]",
        entropy=RANDOM,
        blanks=40,
    ),
    Rule(
        id="private-key",
        title="Private key",
        keywords=("PRIVATE KEY", "Private-Lines: "),
        pattern=_HEADER + "|Private-Lines: [0-9]{1,3}",
        tail=r"[A-Za-z0-9+/=\\%]",
        blanks=40,
        lines="after",
    ),
    Rule(
        id="private-key",
        title="Private key",
        keywords=("PRIVATE KEY",),
        pattern=_beside("END"),
        reach=32,
        tail=r"[A-Za-z0-9+/=\\%]",
        blanks=40,
        lines="before",
    ),
)

TOKENS = (*FORGES, *MODELS, *CLOUDS, *GENERAL)
"""Every rule of this module."""
