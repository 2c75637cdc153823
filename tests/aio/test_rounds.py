"""A turn collects what is ready, and a round calls it: the order that asyncio has."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from minirt.aio import MinirtEventLoop
from tests.patience import patience

Loop = asyncio.AbstractEventLoop


def run_rounds(loop: Loop, count: int) -> None:
    """So many turns."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


def test_soon_comes_before_descriptors_and_they_come_before_timers(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    order: list[str] = []
    other.send(b"x")
    loop.call_later(0, order.append, "timer")
    loop.add_reader(one, order.append, "reader")
    loop.add_writer(one, order.append, "writer")
    loop.call_soon(order.append, "soon")
    run_rounds(loop, 1)
    loop.remove_reader(one)
    loop.remove_writer(one)
    assert order == ["soon", "reader", "writer", "timer"]


def test_what_is_made_in_a_round_waits_for_the_next(loop: Loop) -> None:
    order: list[str] = []

    def first() -> None:
        order.append("first")
        loop.call_soon(order.append, "made in the round")

    loop.call_soon(first)
    loop.call_soon(order.append, "second")
    run_rounds(loop, 1)
    assert order == ["first", "second"]
    run_rounds(loop, 1)
    assert order == ["first", "second", "made in the round"]


def test_a_callback_that_breeds_lets_timers_and_descriptors_have_their_turn(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    seen: set[str] = set()

    def breed() -> None:
        if seen < {"reader", "timer"}:
            loop.call_soon(breed)
        else:
            loop.stop()

    other.send(b"x")
    loop.add_reader(one, seen.add, "reader")
    loop.call_later(0.001, seen.add, "timer")
    loop.call_soon(breed)
    with patience():
        loop.run_forever()
    loop.remove_reader(one)
    assert seen == {"reader", "timer"}


def test_a_handle_cancelled_in_its_own_round_does_not_run(loop: Loop) -> None:
    called: list[str] = []
    handles: list[asyncio.Handle] = []
    loop.call_soon(lambda: [handle.cancel() for handle in handles])
    handles += [loop.call_soon(called.append, "x"), loop.call_later(0, called.append, "y")]
    run_rounds(loop, 2)
    assert not called


def test_a_reader_removed_in_the_round_in_which_it_is_due_does_not_run(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    called: list[str] = []
    other.send(b"x")
    loop.add_reader(one, called.append, "reader")
    loop.call_soon(loop.remove_reader, one)
    run_rounds(loop, 2)
    assert not called


def test_a_reader_replaced_by_itself_never_runs_again(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    called: list[str] = []
    other.send(b"x")

    def old() -> None:
        called.append("old")
        loop.add_reader(one, called.append, "new")

    loop.add_reader(one, old)
    run_rounds(loop, 3)
    assert loop.remove_reader(one)
    assert not loop.remove_reader(one)
    assert called == ["old", "new", "new"]


@pytest.mark.skipif(
    os.environ.get("MINIRT_POLL") == "selectors",
    reason="poll() tells that it is closed, and so asyncio's loop on a PollSelector calls, too",
)
def test_a_descriptor_closed_while_it_is_watched_stays_silent(loop: Loop) -> None:
    one, other = socket.socketpair()
    called: list[str] = []
    loop.add_reader(one.fileno(), called.append, "x")
    one.close()
    other.close()
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    assert not called


# stop


def test_a_stop_before_the_run_lets_one_round_run(loop: Loop) -> None:
    called: list[str] = []
    loop.stop()
    loop.call_soon(called.append, "a")
    loop.call_soon(lambda: loop.call_soon(called.append, "b"))
    with patience():
        loop.run_forever()
    assert called == ["a"]


def test_a_stop_with_nothing_to_do_does_not_sleep(loop: Loop) -> None:
    loop.stop()
    with patience():
        loop.run_forever()


def test_a_stop_in_a_callback_lets_the_round_end(loop: Loop) -> None:
    called: list[str] = []
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.call_soon(called.append, "in the same round")
    with patience():
        loop.run_forever()
    assert called == ["in the same round"]


def test_after_a_stop_the_loop_sleeps_again(ours: MinirtEventLoop) -> None:
    ours.call_soon(ours.stop)
    ours.run_forever()
    turns, used = ours._core.turns, time.process_time()
    ours.call_later(0.1, ours.stop)
    ours.run_forever()
    assert ours._core.turns - turns < 6
    assert time.process_time() - used < 0.05


# What leaves the loop


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_leaves_the_loop_leaves_the_rest_of_the_round_for_later(
    loop: Loop, error: type[BaseException]
) -> None:
    called: list[str] = []

    def raises() -> None:
        raise error

    loop.call_soon(raises)
    loop.call_soon(called.append, "the rest")
    with pytest.raises(error):
        loop.run_forever()
    assert not called
    run_rounds(loop, 1)
    assert called == ["the rest"]


def test_an_error_goes_to_the_handler_and_the_round_goes_on(loop: Loop) -> None:
    told: list[dict[str, Any]] = []
    called: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    handle = loop.call_soon(int, "x")
    loop.call_soon(called.append, "the rest")
    run_rounds(loop, 1)
    assert called == ["the rest"]
    assert isinstance(told[0]["exception"], ValueError)
    assert told[0]["handle"] is handle
    assert told[0]["message"].startswith("Exception in callback int(")  # 3.13 hides what it gets


def test_an_error_of_the_handler_itself_does_not_leave_the_loop(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(_: Loop, context: dict[str, Any]) -> None:
        raise OSError("the handler's own")

    loop.set_exception_handler(handler)
    loop.call_soon(int, "x")
    run_rounds(loop, 1)
    assert "Unhandled error in exception handler" in caplog.text


# Waking


def test_a_thread_wakes_a_loop_that_sleeps(loop: Loop) -> None:
    waker = threading.Timer(0.05, loop.call_soon_threadsafe, [loop.stop])
    waker.start()
    with patience():
        loop.run_forever()
    waker.join()


def test_what_threads_hand_over_keeps_the_order_of_each(loop: Loop) -> None:
    called: list[tuple[int, int]] = []
    count, threads = 500, 8

    def hand_over(number: int) -> None:
        for step in range(count):
            loop.call_soon_threadsafe(called.append, (number, step))
        loop.call_soon_threadsafe(ended.append, number)
        if len(ended) == threads:
            loop.call_soon_threadsafe(loop.stop)

    ended: list[int] = []
    workers = [threading.Thread(target=hand_over, args=(number,)) for number in range(threads)]

    def look() -> None:
        if len(ended) == threads:
            loop.stop()
        else:
            loop.call_later(0.001, look)

    for worker in workers:
        worker.start()
    loop.call_soon(look)
    with patience():
        loop.run_forever()
    for worker in workers:
        worker.join()
    run_rounds(loop, 2)
    for number in range(threads):
        assert [step for who, step in called if who == number] == list(range(count))


def test_a_signal_handler_wakes_a_loop_that_sleeps(ours: MinirtEventLoop) -> None:
    """On the standard loop `call_soon` from a handler waits until something else comes."""
    before = signal.signal(signal.SIGUSR1, lambda *_: ours.call_soon(ours.stop))
    sender = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
    sender.start()
    with patience():
        ours.run_forever()
    sender.join()
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("schedules", ["call_later", "cancel", "set_result", "add_reader"])
def test_whatever_a_signal_handler_schedules_wakes_a_loop_that_sleeps(
    ours: MinirtEventLoop, pair: tuple[socket.socket, socket.socket], schedules: str
) -> None:
    one, other = pair
    other.send(b"x")
    future = ours.create_future()
    future.add_done_callback(lambda _: ours.stop())

    def handle(*_: object) -> None:
        if schedules == "call_later":
            ours.call_later(0.001, ours.stop)
        elif schedules == "cancel":
            future.cancel()
        elif schedules == "set_result":
            future.set_result(None)
        else:
            ours.add_reader(one, ours.stop)

    before = signal.signal(signal.SIGUSR1, handle)
    sender = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
    sender.start()
    with patience():
        ours.run_forever()
    sender.join()
    signal.signal(signal.SIGUSR1, before)
    ours.remove_reader(one)


def test_a_stop_from_a_signal_handler_ends_the_sleep(ours: MinirtEventLoop) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: ours.stop())
    sender = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
    sender.start()
    with patience():
        ours.run_forever()
    sender.join()
    signal.signal(signal.SIGUSR1, before)


def test_a_loop_made_in_one_thread_runs_in_another(
    new_loop: Callable[[], Loop], no_leaks: None
) -> None:
    made, result = new_loop(), []

    def elsewhere() -> None:
        result.append(made.run_until_complete(asyncio.sleep(0.001, "done")))
        made.run_until_complete(made.shutdown_default_executor())

    worker = threading.Thread(target=elsewhere)
    worker.start()
    worker.join()
    made.close()
    assert result == ["done"]


@pytest.mark.slow
def test_an_idle_loop_uses_no_processor(
    ours: MinirtEventLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours.add_reader(pair[0], print)
    ours.call_later(1.5, ours.stop)
    turns, used = ours._core.turns, time.process_time()
    ours.run_forever()
    ours.remove_reader(pair[0])
    assert time.process_time() - used < 0.1
    assert ours._core.turns - turns < 6


# Runs in runs, contexts


def test_a_run_inside_a_run_is_refused(loop: Loop) -> None:
    async def main() -> None:
        inner = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_until_complete(inner)
        inner.close()

    loop.run_until_complete(main())


def test_each_handle_has_a_context_of_its_own(loop: Loop) -> None:
    from contextvars import ContextVar, copy_context

    name = ContextVar("name", default="none")
    seen: list[str] = []
    given = copy_context()
    given.run(name.set, "given")

    def sets() -> None:
        name.set("set by a callback")

    loop.call_soon(sets)
    loop.call_soon(lambda: seen.append(name.get()))
    loop.call_soon(lambda: seen.append(name.get()), context=given)
    loop.call_later(0, lambda: seen.append(name.get()), context=given)
    run_rounds(loop, 2)
    assert seen == ["none", "given", "given"]
