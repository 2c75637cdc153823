"""How is a key derived from a password, so slowly that nobody can try them all?

PBKDF2 (RFC 8018): hash again and again, each time what came out before. Python has it from OpenSSL,
in C. A Python without OpenSSL, as in a web page, has only the hash; so the loop is here, too. It
takes ten times as long, and gives the same key.
"""

import hashlib
import hmac


def pbkdf2_in_python(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """The key, as long as a digest. name: of the hash, such as "sha256"."""
    keyed = hmac.new(password, digestmod=name)

    def digest(message: bytes) -> bytes:
        fresh = keyed.copy()  # the password is hashed once
        fresh.update(message)
        return fresh.digest()

    one = digest(salt + (1).to_bytes(4, "big"))
    key = int.from_bytes(one, "big")
    for _ in range(iterations - 1):
        one = digest(one)
        key ^= int.from_bytes(one, "big")
    return key.to_bytes(len(one), "big")


pbkdf2_hmac = getattr(hashlib, "pbkdf2_hmac", pbkdf2_in_python)
