"""How does a program compute for long without holding the loop up?

By computing on the pool. Two sorts of work are here to compare. `encrypt` is pure Python: the
interpreter's lock (GIL) lets one thread at a time run it, so several take turns. `pbkdf2` and
`sha256` leave the interpreter for C code that releases the lock: several run side by side. Without
a callback each returns a `Future` of the plain value.
"""

import hashlib
from typing import Any, overload

from minirt.awaiting.futures import Future
from minirt.awaiting.waiting import on_pool
from minirt.core.policies import TaskKind
from minirt.errors import short_repr
from minirt.modules.derived import pbkdf2_hmac
from minirt.node.runtime import Runtime
from minirt.values import Callback, Int, Js, String

PBKDF2 = TaskKind("Pbkdf2")
SHA256 = TaskKind("Sha256")

# What a simulation charges, about what a machine takes (s)
SECONDS_OF_39 = 0.3
GROWTH = 1.618
SECONDS_OF_AN_ITERATION = 1e-6

FIRST_NUMBERS = (0, 1, 1, 2, 3, 5, 8, 13, 21, 34)
LARGEST = 50  # encrypt(50) takes about a minute, and each number more takes 1.6 times as long


@overload
def encrypt(n: int, cb: Callback) -> int: ...
@overload
def encrypt(n: int, cb: None = None) -> Future[int]: ...
def encrypt(n: int, cb: Callback | None = None) -> Any:
    """Compute for a while: `cb` receives the `Int` of the n-th Fibonacci number (39 -> 63245986).

    It stands for an encryption, as in the source chapter, which computes the number by plain double
    recursion: 205 million calls for n = 39, some 15 s in CPython. The work here is the same
    recursion with the same growth, 1.6 times more for each n. It only stops earlier, at the first
    ten numbers instead of the first two: 4.4 million calls, 0.2 to 0.4 s. No loop pads the time.

    n: 0 ... 50. TypeError and ValueError are raised at the call.
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"got {short_repr(n)}, expected a whole number: crypto.encrypt(39, cb)")
    if not 0 <= n <= LARGEST:
        raise ValueError(
            f"got {short_repr(n)}, expected 0 to {LARGEST}; 39 takes 0.3 s, and each number more "
            "1.6 times as long"
        )
    runtime = Runtime.current()

    def task() -> Js:
        runtime.clock.spend(SECONDS_OF_39 * GROWTH ** (n - 39))
        return Int(fibonacci(n))

    return on_pool(task, TaskKind.ENCRYPT, cb)


def fibonacci(n: int) -> int:
    """The n-th Fibonacci number, the slow way."""
    if n < 10:
        return FIRST_NUMBERS[n]
    return fibonacci(n - 1) + fibonacci(n - 2)


@overload
def pbkdf2(password: str | bytes, salt: str | bytes, iterations: int, cb: Callback) -> int: ...
@overload
def pbkdf2(
    password: str | bytes, salt: str | bytes, iterations: int, cb: None = None
) -> Future[str]: ...
def pbkdf2(
    password: str | bytes, salt: str | bytes, iterations: int, cb: Callback | None = None
) -> Any:
    """Derive a key from a password: `cb` receives the `String` of its 32 bytes in hexadecimal.

    PBKDF2 with HMAC-SHA256; a str counts as its UTF-8. Time grows with `iterations` (1 or more).
    `bytes.fromhex` gives the key itself.
    """
    secret, grains = as_bytes(password, "password"), as_bytes(salt, "salt")
    if isinstance(iterations, bool) or not isinstance(iterations, int):
        raise TypeError(f"got iterations={short_repr(iterations)}, expected a whole number")
    if not 1 <= iterations < 2**31:
        raise ValueError(
            f"got iterations={short_repr(iterations)}, expected 1 to {2**31 - 1}; "
            "100_000 takes about 0.1 s"
        )

    runtime = Runtime.current()

    def task() -> Js:
        runtime.clock.spend(SECONDS_OF_AN_ITERATION * iterations)
        return String(pbkdf2_hmac("sha256", secret, grains, iterations).hex())

    return on_pool(task, PBKDF2, cb)


@overload
def sha256(content: str | bytes, cb: Callback) -> int: ...
@overload
def sha256(content: str | bytes, cb: None = None) -> Future[str]: ...
def sha256(content: str | bytes, cb: Callback | None = None) -> Any:
    """The SHA-256 digest: `cb` receives the `String` of its 32 bytes in hexadecimal.

    A str counts as its UTF-8.
    """
    hashed = as_bytes(content, "content")
    return on_pool(lambda: String(hashlib.sha256(hashed).hexdigest()), SHA256, cb)


def as_bytes(content: object, name: str) -> bytes:
    """The bytes of a str, or of something bytes-like: a copy, if that could change meanwhile."""
    if isinstance(content, str):
        return content.encode("utf-8")
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    raise TypeError(f"got {name}={short_repr(content)}, expected a str or bytes")
