"""What must a loop offer to take part? One small class a peer, the same names in each.

- soon(callback): run it in the next turn
- later(delay, callback): run it after `delay`, which `delay(milliseconds)` gives in the loop's own
  unit
- watch(sock, callback): run it whenever `sock` is readable; unwatch(sock) ends that
- pooled(task): a function of one callback, which runs `task` on a pool of THREADS threads, then the
  callback
- run(main), stop(): main is the first callback; stop() is called by the last one

Where the library's own function has the right shape the name is bound to that function itself, so
that nobody pays for a wrapper. minirt passes a value to its callbacks and asyncio none: a callback
here takes one argument or none.
"""

from __future__ import annotations

import importlib
import importlib.util
import select
import shutil
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

THREADS = 4

Callback = Callable[..., Any]
Task = Callable[[], Any]


class Minirt:
    def __init__(self, **options: Any) -> None:
        import minirt

        self._minirt = minirt
        self._tokens: dict[int, int] = {}  # descriptor -> token
        self.runtime = runtime = minirt.Runtime(threads=THREADS, **options)
        self.soon = runtime.set_immediate
        self.later = runtime.set_timeout
        self.run = runtime.run
        self.stop = runtime.stop

    def delay(self, milliseconds: int) -> int:
        return milliseconds

    def watch(self, sock: socket.socket, callback: Callback) -> None:
        token = self._tokens[sock.fileno()] = self.runtime.generate_cb_identity()
        self.runtime.epoll_registrator.register(sock, token, self._minirt.Interest.READABLE)
        self.runtime.register_event_epoll(token, callback, persistent=True)

    def unwatch(self, sock: socket.socket) -> None:
        self.runtime.deregister_event_epoll(self._tokens.pop(sock.fileno()))

    def pooled(self, task: Task) -> Callback:
        kind = self._minirt.TaskKind("Benchmark")
        return partial(self.runtime.register_event_threadpool, task, kind)


class Asyncio:
    module = "asyncio"

    def __init__(self) -> None:
        self.loop = loop = importlib.import_module(self.module).new_event_loop()
        self.soon = loop.call_soon
        self.later = loop.call_later
        self.watch = loop.add_reader
        self.unwatch = loop.remove_reader
        self.stop = loop.stop

    def delay(self, milliseconds: int) -> float:
        return milliseconds / 1000

    def pooled(self, task: Task) -> Callback:
        submit, executor = self.loop.run_in_executor, ThreadPoolExecutor(THREADS)
        self.loop.set_default_executor(executor)

        def start(callback: Callback) -> None:  # cheaper for asyncio than a coroutine that awaits
            submit(None, task).add_done_callback(callback)

        return start

    def run(self, main: Callback) -> None:
        try:
            self.loop.call_soon(main)
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()


class Uvloop(Asyncio):
    module = "uvloop"


class Gevent:
    def __init__(self) -> None:
        gevent = importlib.import_module("gevent")
        importlib.import_module("gevent.event")
        self._watchers: dict[int, Any] = {}  # descriptor -> watcher
        self._ended = gevent.event.Event()
        self._loop = loop = gevent.get_hub().loop
        self.soon = loop.run_callback
        self.stop = self._ended.set

    def later(self, delay: float, callback: Callback) -> None:
        self._loop.timer(delay).start(callback)

    def delay(self, milliseconds: int) -> float:
        return milliseconds / 1000

    def watch(self, sock: socket.socket, callback: Callback) -> None:
        watcher = self._watchers[sock.fileno()] = self._loop.io(sock.fileno(), 1)  # 1: readable
        watcher.start(callback)

    def unwatch(self, sock: socket.socket) -> None:
        self._watchers.pop(sock.fileno()).close()

    def run(self, main: Callback) -> None:
        self._loop.run_callback(main)
        self._ended.wait()


class Trio:
    """A loop of tasks, not of callbacks: it offers `pause`, `all_of` and `in_thread` instead."""

    def __init__(self) -> None:
        trio = importlib.import_module("trio")
        self._nursery = trio.open_nursery
        self.run = trio.run
        self.pause = trio.lowlevel.checkpoint
        self.wait_readable = trio.lowlevel.wait_readable
        self._to_thread = partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(THREADS))

    async def all_of(self, chain: Callback, count: int) -> None:
        async with self._nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(chain)

    def in_thread(self, task: Task) -> Callback:
        return partial(self._to_thread, task)


class Curio:
    """A loop of tasks, as Trio."""

    def __init__(self) -> None:
        curio = importlib.import_module("curio")
        workers: Any = importlib.import_module("curio.workers")
        workers.MAX_WORKER_THREADS = THREADS
        self._group = curio.TaskGroup
        self._run_in_thread = curio.run_in_thread
        self.run = curio.run
        self.pause = partial(curio.sleep, 0)

    async def all_of(self, chain: Callback, count: int) -> None:
        async with self._group() as group:
            for _ in range(count):
                await group.spawn(chain)

    def in_thread(self, task: Task) -> Callback:
        return partial(self._run_in_thread, task)


LOOPS: dict[str, Callable[..., Any]] = {
    "minirt": Minirt,
    "asyncio": Asyncio,
    "uvloop": Uvloop,
    "gevent": Gevent,
    "trio": Trio,
    "curio": Curio,
}

ALSO_NEEDED = {"minirt-viewed": ("ipykernel", "jupyter_client")}


def present(peer: str) -> bool:
    """Is the peer on this machine?"""
    if peer == "node":
        return shutil.which("node") is not None
    if peer == "epoll":
        return hasattr(select, "epoll")
    module = peer.partition("-")[0]  # minirt-recorded is minirt
    if module not in LOOPS:
        return True
    return all(map(_installed, (module, *ALSO_NEEDED.get(peer, ()))))


def _installed(module: str) -> bool:
    found = importlib.util.find_spec(module)
    return (
        found is not None and found.origin is not None
    )  # a folder without __init__.py has no origin


def release(peer: str) -> str:
    """The peer's version, "" where it is part of Python."""
    if peer == "node":
        answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        return answer.stdout.strip()
    try:
        return version(peer)
    except PackageNotFoundError:
        return ""
