"""How does `%gui minirt` reach the kernel's idle time?"""

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from minirt.magics.idle import Idle


class KernelLoop:
    """What `%gui minirt` gives to ipykernel: called with the kernel whenever it is idle."""

    def __init__(self, idle: Idle, kernel: Any) -> None:
        self._idle = idle
        self._kernel = kernel
        kernel.observe(self._switch, "eventloop")

    def __call__(self, kernel: Any) -> None:
        import zmq

        stream = shell_stream(kernel)
        self._idle.go_on(lambda: stream.flush(limit=1), stream.getsockopt(zmq.FD))

    def _switch(self, change: Any) -> None:
        if change["new"] is self:
            self._idle.switch_on()
        elif change["old"] is self:
            self._idle.switch_off()

    def remove(self) -> None:
        """Leave the kernel as it was."""
        from ipykernel import eventloops

        if self._kernel.eventloop is self:
            self._kernel.eventloop = None
        self._kernel.unobserve(self._switch, "eventloop")
        untyped: Any = eventloops
        untyped.loop_map.pop("minirt", None)
        self._idle.close()


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
    loop = KernelLoop(Idle(shell), kernel)
    untyped.register_integration("minirt")(loop)
    return loop
