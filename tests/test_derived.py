"""Is a key that Python derives in a loop the one that OpenSSL derives?"""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.modules.derived import pbkdf2_hmac, pbkdf2_in_python


@given(st.binary(max_size=200), st.binary(max_size=100), st.integers(1, 20))
def test_it_is_the_same_key(password: bytes, salt: bytes, iterations: int) -> None:
    for name in ("sha256", "sha512"):
        known = hashlib.pbkdf2_hmac(name, password, salt, iterations)
        assert pbkdf2_in_python(name, password, salt, iterations) == known


def test_it_is_that_of_rfc_7914() -> None:
    key = pbkdf2_in_python("sha256", b"passwd", b"salt", 1)
    assert key.hex() == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"


@pytest.mark.skipif(not hasattr(hashlib, "pbkdf2_hmac"), reason="this Python has no OpenSSL")
def test_where_there_is_openssl_it_is_taken() -> None:
    assert pbkdf2_hmac is hashlib.pbkdf2_hmac
