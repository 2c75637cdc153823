"""How does `%gui minirt` reach the kernel's idle time, and keep it?

A kernel has one loop for its idle time, and IPython sets it whenever somebody asks for another, or
for none. `%matplotlib inline` asks for none, since its pictures need none; that is no wish to stop
the runtimes, and ours stays. Who wants a loop of their own is told to switch ours off first.
"""

from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from minirt.magics.idle import Idle
from minirt.magics.options import say

OFF = (
    "%gui minirt is off: a cell gets no runtime any more, and those that wait stand still. "
    "`%gui minirt` lets them go on."
)
IN_PLACE_OF = ("enable_gui", "enable_matplotlib")  # the shell's methods


class KernelLoop:
    """What `%gui minirt` gives to ipykernel: called with the kernel whenever it is idle."""

    def __init__(self, idle: Idle, kernel: Any, shell: Any) -> None:
        self._idle = idle
        self._kernel = kernel
        self._shell = shell
        self._is_for_pictures = False
        self._of_the_shell = {name: getattr(shell, name) for name in IN_PLACE_OF}
        for name in IN_PLACE_OF:
            setattr(shell, name, getattr(self, name))
        kernel.observe(self._switch, "eventloop")

    def __call__(self, kernel: Any) -> None:
        import zmq

        stream = shell_stream(kernel)
        if not stream.closed():  # or the kernel is ended meanwhile
            has_message = lambda: stream.closed() or stream.flush(limit=1)  # noqa: E731
            self._idle.go_on(has_message, stream.getsockopt(zmq.FD))

    # In place of two methods of the shell

    def enable_gui(self, gui: str | None = None) -> Any:
        """`%gui`, and the end of `%matplotlib`: the kernel gets another loop, or none."""
        if self._is_for_pictures and self._is_on and not loops().get(gui):
            return None
        self._check_free(gui)
        return self._of_the_shell["enable_gui"](gui)

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """`%matplotlib` and `%pylab`."""
        self._check_free(gui)
        self._is_for_pictures = True
        try:
            return self._of_the_shell["enable_matplotlib"](gui)
        finally:
            self._is_for_pictures = False

    @property
    def _is_on(self) -> bool:
        return self._kernel.eventloop is self

    def _check_free(self, gui: str | None) -> None:
        """UsageError when there is another loop, ours or not, where `gui` wants its own."""
        wanted, there = loops().get(gui), self._kernel.eventloop
        if wanted is None or there is None or wanted is there or self not in (wanted, there):
            return
        on = next((name for name, loop in loops().items() if loop is there), "another loop")
        raise UsageError(
            f"%gui {on} is on, and a kernel has one loop: say `%gui` to switch it off, then this"
        )

    def _switch(self, change: Any) -> None:
        if change["new"] is self:
            self._idle.switch_on()
        elif change["old"] is self:
            self._idle.switch_off()
            say(OFF)

    def remove(self) -> None:
        """Leave the kernel as it was."""
        self._kernel.unobserve(self._switch, "eventloop")
        if self._is_on:
            self._kernel.eventloop = None
        loops().pop("minirt", None)
        for name in IN_PLACE_OF:
            if vars(self._shell).get(name) == getattr(self, name):
                delattr(self._shell, name)
        self._idle.close()


def loops() -> dict[str | None, Any]:
    """What ipykernel knows by the names of `%gui`. None: no loop is needed."""
    from ipykernel import eventloops

    untyped: Any = eventloops
    known: dict[str | None, Any] = untyped.loop_map
    return known


def shell_stream(kernel: Any) -> Any:
    """Where the kernel's messages arrive."""
    from ipykernel import eventloops

    find: Any = getattr(eventloops, "get_shell_stream", None)  # since ipykernel 7
    return kernel.shell_stream if find is None else find(kernel)


def register(shell: InteractiveShell) -> KernelLoop | None:
    """Make `%gui minirt` known. None where no kernel runs."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    from ipykernel import eventloops

    untyped: Any = eventloops
    loop = KernelLoop(Idle(shell), kernel, shell)
    untyped.register_integration("minirt")(loop)
    return loop
