"""KeyboardInterrupt and SystemExit leave the loop, wherever they come from; it can go on later."""

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
from tests.aio.test_rounds import run_rounds
from tests.patience import patience

Loop = asyncio.AbstractEventLoop
Raise = Callable[[], None]


def in_a_callback(loop: Loop, leave: Raise) -> None:
    loop.call_soon(leave)


def in_a_call_from_a_thread(loop: Loop, leave: Raise) -> None:
    loop.call_soon_threadsafe(leave)


def in_a_timer(loop: Loop, leave: Raise) -> None:
    loop.call_later(0, leave)


def in_a_task(loop: Loop, leave: Raise) -> None:
    async def leaves() -> None:
        await asyncio.sleep(0)
        leave()

    task = loop.create_task(leaves())
    task.add_done_callback(lambda task: task.exception())


def in_a_done_callback(loop: Loop, leave: Raise) -> None:
    future = loop.create_future()
    future.add_done_callback(lambda _: leave())
    future.set_result(None)


def in_a_reader(loop: Loop, leave: Raise) -> None:
    one, other = socket.socketpair()
    other.close()

    def read() -> None:
        loop.remove_reader(one)
        one.close()
        leave()

    loop.add_reader(one, read)


def in_the_exception_handler(loop: Loop, leave: Raise) -> None:
    loop.set_exception_handler(lambda *_: leave())
    loop.call_soon(int, "x")


def in_a_handler_of_the_loop_for_a_signal(loop: Loop, leave: Raise) -> None:
    def hear() -> None:
        loop.remove_signal_handler(signal.SIGUSR1)
        leave()

    loop.add_signal_handler(signal.SIGUSR1, hear)
    os.kill(os.getpid(), signal.SIGUSR1)


PLACES = [
    *(in_a_callback, in_a_call_from_a_thread, in_a_timer, in_a_task, in_a_done_callback),
    *(in_a_reader, in_the_exception_handler, in_a_handler_of_the_loop_for_a_signal),
]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", PLACES)
def test_it_leaves_the_loop_and_nothing_is_lost(
    loop: Loop, place: Callable[[Loop, Raise], None], error: type[BaseException]
) -> None:
    called: list[int] = []

    def leave() -> None:
        # the rest of this round, then what is for the next
        loop.call_soon(called.append, 2)
        raise error("left")

    place(loop, leave)
    loop.call_later(0, called.append, 1)
    with patience(), pytest.raises(error, match="left"):
        loop.run_forever()
    assert not loop.is_running()
    run_rounds(loop, 3)
    assert called == [1, 2]


def test_an_interrupt_ends_the_sleep(loop: Loop) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    called: list[int] = []
    loop.call_later(0.1, called.append, 1)
    sender = threading.Timer(0.03, os.kill, [os.getpid(), signal.SIGUSR1])
    sender.start()
    with patience(), pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    sender.join()
    signal.signal(signal.SIGUSR1, before)
    loop.call_later(0.1, loop.stop)
    loop.run_forever()
    assert called == [1]


def test_what_ends_a_task_is_its_error_too(loop: Loop) -> None:
    async def leaves() -> None:
        raise SystemExit(3)

    task = loop.create_task(leaves())
    with pytest.raises(SystemExit):
        loop.run_until_complete(task)
    assert isinstance(task.exception(), SystemExit)
    assert loop.run_until_complete(asyncio.sleep(0, "goes on")) == "goes on"


# The end of a loop


def test_a_stop_and_then_a_close_end_it(loop: Loop) -> None:
    called: list[int] = []
    loop.call_soon(called.append, 1)
    loop.stop()
    loop.close()
    loop.stop()
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_forever()
    assert not called


def test_threads_that_call_while_it_closes_are_refused_each(loop: Loop) -> None:
    refused: list[str] = []

    def call() -> None:
        try:
            while True:
                loop.call_soon_threadsafe(int)
                time.sleep(0)  # s: lets the others have their turn
        except RuntimeError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    loop.close()
    for thread in threads:
        thread.join()
    assert refused == ["Event loop is closed"] * 8


def test_a_run_that_is_stopped_before_its_end_says_so(loop: Loop) -> None:
    async def stops() -> str:
        loop.stop()
        await asyncio.sleep(0.001)
        return "done"

    task = loop.create_task(stops())
    with pytest.raises(RuntimeError, match="stopped before Future completed"):
        loop.run_until_complete(task)
    assert loop.run_until_complete(task) == "done"


def test_an_interrupted_run_leaves_no_loop_running_here(ours: MinirtEventLoop) -> None:
    def leave() -> None:
        raise KeyboardInterrupt

    ours.call_soon(leave)
    with pytest.raises(KeyboardInterrupt):
        ours.run_forever()
    assert asyncio._get_running_loop() is None
