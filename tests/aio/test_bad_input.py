"""What is wrong is said in one sentence, at the line that did it, as asyncio does or better."""

import asyncio
import threading
import warnings
from errno import EPERM
from typing import Any

import pytest

from minirt import Simulation
from minirt.aio import MinirtEventLoop, run

Loop = asyncio.AbstractEventLoop


def in_debug(loop: Loop, check: Any) -> None:
    """Call `check` on the loop in debug mode."""
    loop.set_debug(True)

    async def main() -> None:
        check()

    loop.run_until_complete(main())


def test_a_foreign_thread_is_refused_in_debug_mode(loop: Loop) -> None:
    told: list[BaseException] = []

    def elsewhere() -> None:
        for call in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print)):
            try:
                call()
            except RuntimeError as error:
                told.append(error)

    def check() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    in_debug(loop, check)
    assert [str(error).startswith("Non-thread-safe operation") for error in told] == [True, True]


@pytest.mark.parametrize("callback", [None, 5, "x"])
def test_what_cannot_be_called_is_refused_in_debug_mode(loop: Loop, callback: Any) -> None:
    def check() -> None:
        for call in (loop.call_soon, loop.call_soon_threadsafe, lambda cb: loop.call_at(0, cb)):
            with pytest.raises(TypeError, match="a callable object was expected"):
                call(callback)

    in_debug(loop, check)


def test_a_coroutine_is_no_callback_in_debug_mode(loop: Loop) -> None:
    async def coroutine() -> None:
        """Not to be called by a loop."""

    def check() -> None:
        for call in (
            loop.call_soon,
            loop.call_soon_threadsafe,
            lambda cb: loop.call_later(1, cb),
            lambda cb: loop.run_in_executor(None, cb),
        ):
            with pytest.raises(TypeError, match="coroutines cannot be used with"):
                call(coroutine)

    in_debug(loop, check)


def test_a_slow_callback_is_told_of_in_debug_mode(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    import time

    loop.set_debug(True)
    loop.slow_callback_duration = 0.01
    loop.call_soon(time.sleep, 0.02)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert "Executing <Handle sleep(0.02)" in caplog.text
    assert "seconds" in caplog.text


def test_in_debug_mode_a_handle_knows_where_it_was_made(loop: Loop) -> None:
    loop.set_debug(True)
    for handle in (
        loop.call_soon(print),
        loop.call_later(1, print),
        loop.call_at(1, print),
        loop.call_soon_threadsafe(print),
    ):
        stack: Any = handle
        filename, _, function, _ = stack._source_traceback[-1]
        assert filename == __file__
        assert function == "test_in_debug_mode_a_handle_knows_where_it_was_made"
        handle.cancel()


def test_awaiting_what_is_not_awaitable(loop: Loop) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="can't be used in 'await' expression"):
            await 5  # type: ignore[misc]

    loop.run_until_complete(main())


def test_awaiting_a_coroutine_twice(loop: Loop) -> None:
    async def main() -> None:
        once = asyncio.sleep(0)
        await once
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await once

    loop.run_until_complete(main())


def test_a_coroutine_never_awaited_is_warned_of(loop: Loop) -> None:
    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="was never awaited"):
            asyncio.sleep(0)

    loop.run_until_complete(main())


def test_a_future_of_another_loop(loop: Loop) -> None:
    other = MinirtEventLoop()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await other.create_future()

    loop.run_until_complete(main())
    other.close()


def test_a_result_set_twice(loop: Loop) -> None:
    future = loop.create_future()
    future.set_result(1)
    with pytest.raises(asyncio.InvalidStateError):
        future.set_result(2)
    assert not future.cancel()


@pytest.mark.parametrize("call", ["call_soon", "call_soon_threadsafe", "call_later", "call_at"])
def test_a_closed_loop_refuses(loop: Loop, call: str) -> None:
    loop.close()
    arguments = (print,) if "soon" in call else (0, print)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        getattr(loop, call)(*arguments)


def test_everything_else_of_a_closed_loop_refuses(loop: Loop) -> None:
    loop.close()
    loop.close()
    for refuses in (loop.run_forever, lambda: loop.run_in_executor(None, print)):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            refuses()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.add_reader(0, print)
    assert not loop.remove_reader(0)


def test_a_running_loop_is_not_closed(loop: Loop) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
            loop.close()

    loop.run_until_complete(main())


@pytest.mark.parametrize("system", [5, "real", object()])
def test_what_is_no_system_is_refused(system: Any) -> None:
    with pytest.raises(TypeError, match="expected a system"):
        MinirtEventLoop(system)


@pytest.mark.parametrize("main", [None, 5, print])
def test_run_wants_a_coroutine(main: Any, no_leaks: None) -> None:
    with pytest.raises(ValueError, match="a coroutine was expected"):
        run(main)


def test_run_inside_a_running_loop_is_refused(loop: Loop) -> None:
    async def main() -> None:
        inner = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match=r"minirt.aio.run\(\) cannot be called"):
            run(inner)
        inner.close()

    loop.run_until_complete(main())


def test_a_regular_file_cannot_be_watched(loop: Loop) -> None:
    with open(__file__) as file, pytest.raises(PermissionError) as refused:
        loop.add_reader(file, print)
    assert refused.value.errno == EPERM  # Twisted's reactor looks at it


@pytest.mark.parametrize("fileobj", [-1, "x", None, object()])
def test_what_is_no_descriptor_is_refused(loop: Loop, fileobj: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        loop.add_reader(fileobj, print)


def test_a_simulation_refuses_what_is_real(no_leaks: None) -> None:
    loop = MinirtEventLoop(Simulation())
    with pytest.raises(ValueError, match="is real"):
        loop.add_reader(0, print)
    with warnings.catch_warnings():
        loop.close()


def test_a_simulation_with_nothing_to_come_says_so(no_leaks: None) -> None:
    from minirt.errors import SimulationStuck

    loop = MinirtEventLoop(Simulation())
    forever = loop.create_future()
    loop.call_later(float("inf"), print)
    with pytest.raises(SimulationStuck):
        loop.run_until_complete(forever)
    loop.close()
