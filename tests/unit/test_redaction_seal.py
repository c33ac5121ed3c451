from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.redaction import MARK, Redactor

SECRET = "corner/shop+90 00="  # noqa: S105 - it is none
OTHER = "pässwörd-7000"


@pytest.mark.parametrize(
    "form", [SECRET, quote_plus(SECRET), b64encode(SECRET.encode()).decode().rstrip("="), OTHER]
)
def test_sealed_data_holds_no_secret_and_comes_back(form: str) -> None:
    """Whatever form of it stands there, and however often."""
    redactor = Redactor(secrets=[SECRET, OTHER])
    data = f'{{"a":"{form}"}}\n{form}{form} and {form}'.encode()

    sealed = redactor.seal(data)

    assert sealed.startswith(MARK)
    assert form.encode() not in sealed
    assert redactor.unseal(sealed) == data


def test_data_without_a_secret_stays_as_it_is() -> None:
    """Nothing is copied, and nothing is put in front of it."""
    redactor = Redactor(secrets=[SECRET])
    data = b'{"a":1}\n'

    assert redactor.seal(data) is data
    assert redactor.unseal(data) is data


def test_two_seals_of_a_secret_have_nothing_in_common() -> None:
    """A row does not tell that another one holds the same secret."""
    redactor = Redactor(secrets=[SECRET])

    assert redactor.seal(SECRET.encode()) != redactor.seal(SECRET.encode())


def test_data_stays_sealed_where_its_secret_is_not_known() -> None:
    """The secret of another engine is not put in its place."""
    sealed = Redactor(secrets=[SECRET]).seal(f"x {SECRET}".encode())

    assert Redactor(secrets=[OTHER]).unseal(sealed) == sealed
    assert Redactor().unseal(sealed) == sealed


@pytest.mark.parametrize("damaged", [b"", b"\n", b"{}\nx", b'{"salt":1,"cuts":[]}\n', b"[]\n"])
def test_a_damaged_seal_is_given_as_it_is(damaged: bytes) -> None:
    """Whoever reads the value says that it is damaged."""
    assert Redactor(secrets=[SECRET]).unseal(MARK + damaged) == MARK + damaged


@given(st.lists(st.sampled_from([b"abcdefgh", b"efghijkl", b"abcdefghijkl", b"x", b"ab", b"gh"])))
def test_data_with_secrets_that_overlap_comes_back(pieces: list[bytes]) -> None:
    """A secret may be the beginning, the end or the middle of what else stands there."""
    redactor = Redactor(secrets=["abcdefgh", "efghijkl"])
    data = b"".join(pieces)

    sealed = redactor.seal(data)

    assert redactor.unseal(sealed) == data
    if sealed is not data:
        body = sealed.split(b"\n", 1)[1]
        assert len(body) < len(data)
