"""Nothing runs behind minirt's back: the standard loop's own queues stay empty."""

import asyncio
import contextlib
import io
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from minirt.aio import MinirtEventLoop
from minirt.aio.closed import Empty


class Spied(MinirtEventLoop):
    """Looks at the queues of the standard loop at each call of a callback."""

    looks = 0

    def call_soon(self, *args: Any, **options: Any) -> asyncio.Handle:
        assert isinstance(self._ready, Empty)
        assert isinstance(self._scheduled, Empty)
        assert len(self._ready) == len(self._scheduled) == 0
        self.looks += 1
        return super().call_soon(*args, **options)


async def everything(folder: Path) -> None:
    """A little of all that asyncio has."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(asyncio.sleep(0.01), asyncio.to_thread(int), loop.getaddrinfo("::1", 80))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(answer, folder / "socket")
    reader, writer = await asyncio.open_unix_connection(folder / "socket")
    writer.write(b"over a socket\n")
    assert await reader.read() == b"over a socket\n"
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print('from a child')", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out == b"from a child\n"


def test_the_queues_of_the_standard_loop_never_hold_anything(
    tmp_path: Path, no_leaks: None
) -> None:
    with asyncio.Runner(loop_factory=Spied) as runner:
        runner.run(everything(tmp_path))
        loop = runner.get_loop()
        assert isinstance(loop, Spied)
        assert loop.looks > 20


def test_the_standard_loops_own_turn_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the standard loop turned, or its selector was asked")

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "_run_once", never)
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "_call_soon", never)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "_process_events", never)
    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
        runner.run(everything(tmp_path))


@pytest.mark.parametrize("queue", ["_ready", "_scheduled"])
def test_who_adds_to_a_queue_of_the_standard_loop_is_told_where_to_go(
    ours: MinirtEventLoop, queue: str
) -> None:
    with pytest.raises(RuntimeError, match="call_soon"):
        getattr(ours, queue).append(asyncio.Handle(print, (), ours))
    assert not list(getattr(ours, queue))


@pytest.mark.parametrize("method", ["register", "modify", "unregister", "select"])
def test_who_uses_the_selector_is_told_where_to_go(ours: MinirtEventLoop, method: str) -> None:
    with pytest.raises(RuntimeError, match="add_reader"):
        getattr(ours._selector, method)(1)


def test_the_selector_answers_who_listens(
    ours: MinirtEventLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    ours.add_reader(one, print)
    handle = ours._add_writer(one, print)
    key = ours._selector.get_key(one)
    assert (key.fd, key.events) == (one.fileno(), 3)
    assert key.data[1] is handle
    assert list(ours._selector.get_map()) == [one.fileno()]
    with pytest.raises(KeyError):
        ours._selector.get_key(other)
    ours.remove_reader(one)
    ours.remove_writer(one)
    assert not ours._selector.get_map()


def test_a_replaced_method_of_the_class_does_not_reach_the_loop(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """As nest_asyncio does it, with its own `_run_once` on the standard loop's queues."""

    def theirs(self: Any) -> None:
        self._selector.select(0)

    monkeypatch.setattr(MinirtEventLoop, "_run_once", theirs, raising=False)
    with asyncio.Runner(loop_factory=MinirtEventLoop) as runner:
        assert runner.run(asyncio.sleep(0.001, "done")) == "done"


def test_a_loop_has_no_descriptors_but_those_of_the_poll(ours: MinirtEventLoop) -> None:
    """The pair of sockets of the standard loop comes with the first handler of a signal."""
    assert ours._csock is None
    assert not ours._selector.get_map()


def test_a_closed_loop_is_no_cycle() -> None:
    import gc
    import weakref

    gc.collect()
    gc.disable()
    try:
        loop = MinirtEventLoop()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.run_in_executor(None, int))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        alive = weakref.ref(loop)
        del loop
        assert alive() is None
    finally:
        gc.enable()


def test_a_loop_that_nobody_closed_says_so() -> None:
    import gc

    MinirtEventLoop()
    with pytest.warns(ResourceWarning, match="unclosed event loop <MinirtEventLoop"):
        gc.collect()


def test_two_hundred_loops_leave_nothing(no_leaks: None) -> None:
    from minirt.aio import run

    async def main() -> int:
        reader, writer = socket.socketpair()
        with reader, writer:
            asyncio.get_running_loop().add_reader(reader, print)
            await asyncio.sleep(0)
            asyncio.get_running_loop().remove_reader(reader)
        return await asyncio.to_thread(int)

    for _ in range(200):
        assert run(main()) == 0


def test_the_repr_is_the_usual_one(ours: MinirtEventLoop) -> None:
    out = io.StringIO()
    print(ours, file=out)
    assert out.getvalue() == "<MinirtEventLoop running=False closed=False debug=False>\n"
