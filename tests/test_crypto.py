"""Computing on the pool: right numbers, an honest amount of work, arguments judged at the call."""

import hashlib
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from minirt import Int, Recorder, Runtime, Simulation, String, set_immediate
from minirt.modules import crypto

pytestmark = pytest.mark.usefixtures("no_leaks")


def answer(call: Callable[[Callable[[Any], object]], object]) -> Any:
    received: list[Any] = []
    Runtime().run(lambda: call(received.append))
    (value,) = received
    return value


def test_the_number_that_every_run_of_the_main_example_prints() -> None:
    assert answer(lambda cb: crypto.encrypt(39, cb)) == Int(63245986)


def test_the_numbers_are_fibonacci_s() -> None:
    numbers = [crypto.fibonacci(n) for n in range(26)]
    assert numbers[:2] == [0, 1]
    assert all(numbers[n] == numbers[n - 1] + numbers[n - 2] for n in range(2, 26))


def calls_for(n: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many calls fibonacci(n) makes."""
    original, count = crypto.fibonacci, 0

    def counted(n: int) -> int:
        nonlocal count
        count += 1
        return original(n)

    with monkeypatch.context() as patch:
        patch.setattr(crypto, "fibonacci", counted)
        counted(n)
    return count


def test_the_work_is_real_and_grows_as_the_source_s_recursion_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = [calls_for(n, monkeypatch) for n in (20, 21, 22, 23)]
    assert calls[0] > 400
    for fewer, more in pairwise(calls):
        assert 1.6 < more / fewer < 1.64


def test_encrypting_is_a_task_on_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr(
        crypto, "fibonacci", lambda n: threads.append(threading.current_thread()) or n
    )
    recorder, received = Recorder(), []
    Runtime(trace=recorder).run(lambda: crypto.encrypt(12, received.append))
    assert received == [Int(12)]
    assert threads[0] is not threading.current_thread()
    assert [e.detail["kind"] for e in recorder if e.kind == "started"] == ["Encrypt"]


def test_the_loop_turns_while_the_pool_computes() -> None:
    turns = 0
    done: list[Any] = []

    def again(_: Any) -> None:
        nonlocal turns
        turns += 1
        if not done:
            set_immediate(again)

    def main() -> None:
        crypto.encrypt(30, done.append)
        set_immediate(again)

    Runtime().run(main)
    assert done == [Int(832040)] and turns > 1


def test_a_simulation_computes_the_same_number() -> None:
    received: list[Any] = []
    Runtime(system=Simulation()).run(lambda: crypto.encrypt(20, received.append))
    assert received == [Int(6765)]


@pytest.mark.parametrize("n", ["39", 39.0, None, True])
def test_a_number_that_is_not_whole_is_a_type_error_at_the_call(n: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        Runtime().run(lambda: crypto.encrypt(n, print))


@pytest.mark.parametrize("n", [-1, 51, 10**100])
def test_a_number_that_would_not_end_is_a_value_error_at_the_call(n: int) -> None:
    with pytest.raises(ValueError, match="0 to 50"):
        Runtime().run(lambda: crypto.encrypt(n, print))


def test_sha256_of_a_text_and_of_its_bytes_are_the_same_hexadecimal_string() -> None:
    expected = String(hashlib.sha256("köln".encode()).hexdigest())
    for content in ("köln", "köln".encode(), bytearray("köln".encode())):
        assert answer(lambda cb: crypto.sha256(content, cb)) == expected


def test_what_changes_after_the_call_does_not_change_the_digest() -> None:
    content = bytearray(b"before")
    received: list[Any] = []

    def main() -> None:
        crypto.sha256(content, received.append)
        content[:] = b"after!"

    Runtime(system=Simulation()).run(main)
    assert received == [String(hashlib.sha256(b"before").hexdigest())]


def test_pbkdf2_gives_the_key_of_the_published_test_vector() -> None:
    value = answer(
        lambda cb: crypto.pbkdf2("password", b"salt", 2, cb)
    )  # as RFC 6070, with SHA-256
    expected = hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2).hex()
    assert value == String(expected)
    assert expected.startswith("ae4d0c95af6b46d3")


@pytest.mark.parametrize("iterations", [0, -1, 2**31])
def test_impossible_iterations_are_a_value_error_at_the_call(iterations: int) -> None:
    with pytest.raises(ValueError, match="iterations"):
        Runtime().run(lambda: crypto.pbkdf2("p", "s", iterations, print))


@pytest.mark.parametrize(
    "call",
    [
        lambda: crypto.pbkdf2("p", "s", 1.5, print),
        lambda: crypto.pbkdf2("p", "s", True, print),
        lambda: crypto.pbkdf2(None, "s", 1, print),
        lambda: crypto.pbkdf2("p", 7, 1, print),
        lambda: crypto.sha256(["a"], print),
    ],
)
def test_arguments_of_another_type_are_a_type_error_at_the_call(call: Any) -> None:
    with pytest.raises(TypeError):
        Runtime().run(call)
