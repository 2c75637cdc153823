"""What does a web page answer when a cell asks for what a browser has not?

One sentence. Python itself would say "Invalid argument", and try to reach a server through a
WebSocket; so these calls are replaced when the page starts. What is not there at all, such as
`select.epoll`, is an error of Python's own: that gets its sentence when it is shown. A new event
loop of a page would stop the one on which cells await; so it is minirt's, in simulated time.
"""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from types import ModuleType
from typing import Any, NoReturn

from minirt.aio import MinirtEventLoop
from minirt.core.pipes import pair
from minirt.errors import MinirtError

ON_YOUR_MACHINE = "On your machine this runs for real: the README says how to start"
SOCKETS = ("connect", "connect_ex", "listen", "accept", "sendto")  # methods
# what a Python on Linux has, and this one has not
OF_THE_SYSTEM = (
    *("epoll", "eventfd", "eventfd_read", "eventfd_write", "fork", "pidfd_open", "kqueue"),
    *("setitimer", "alarm", "pthread_kill", "thread_time", "thread_time_ns", "SO_REUSEADDR"),
)
# what a page does not bring, beside parts of the standard library
NOT_BROUGHT = (
    *("aiohttp", "anywidget", "ipykernel", "ipywidgets", "matplotlib", "numpy", "zmq"),
    *("httpx", "websockets", "uvloop", "trio", "gevent", "curio"),
)


class NotInABrowser(MinirtError, OSError, RuntimeError):
    """A cell has asked for a thread, a socket, or a process."""

    def __init__(self, what: str) -> None:
        super().__init__(f"a browser has no {what}. {ON_YOUR_MACHINE}")


def refuse_what_is_lacking() -> None:
    """From now on a thread, a connection or a process is refused in a sentence."""
    threads, sockets = _refusing("threads"), _refusing("sockets")
    threading.Thread.start = threads  # type: ignore[method-assign]
    for name in SOCKETS:
        setattr(socket.socket, name, sockets)
    socket.create_server = sockets
    socket.socketpair = pair  # type: ignore[assignment] # it can be made of pipes
    asyncio.run = asyncio.runners.run  # the standard one, which refuses where a loop runs
    loops: Any = asyncio.events
    loops._get_event_loop_policy().new_event_loop = MinirtEventLoop
    process: Any = subprocess.Popen
    process.__init__ = os.system = os.fork = _refusing("processes")
    process.__del__ = object.__repr__  # there is nothing to end


def _refusing(what: str) -> Any:
    def refuse(*args: object, **options: object) -> NoReturn:
        raise NotInABrowser(what)

    return refuse


def sentence_of(error: BaseException) -> str:
    """What to say of this error in place of its traceback; "" where it is an error as any other."""
    if isinstance(error, NotInABrowser):
        return f"NotInABrowser: {error}"
    if isinstance(error, NotImplementedError) and "browser" in str(error):  # Pyodide's own loop
        return f"NotInABrowser: a browser has no sockets. {ON_YOUR_MACHINE}"
    if isinstance(error, AttributeError) and error.name in OF_THE_SYSTEM:
        where = error.obj.__name__ if isinstance(error.obj, ModuleType) else "os"
        return f"NotInABrowser: a browser has no {where}.{error.name}. {ON_YOUR_MACHINE}"
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        name = error.name.partition(".")[0]
        if name in NOT_BROUGHT or name in sys.stdlib_module_names:
            return f"NotInABrowser: this page has no module {name}. {ON_YOUR_MACHINE}"
    return ""
