"""What must a runtime not leave behind?

Sockets, servers, a module's own thread. Each is in one set for as long as it is open, so that a
runtime which ends early, by an error or a stop, gives all of them back.
"""

from typing import Protocol

from minirt.node.runtime import Runtime


class Handle(Protocol):
    """Something open."""

    def drop(self) -> None:
        """Give the descriptor or thread back. No callback is called: the loop is over."""


class Opened(set[Handle]):
    """What a runtime has open. It is called when the runtime closes."""

    def __call__(self) -> None:
        for handle in tuple(self):
            handle.drop()
        self.clear()


def opened(runtime: Runtime) -> Opened:
    """The one set of this runtime, registered with `at_close` at the first question."""
    for close in runtime._at_close:
        if isinstance(close, Opened):
            return close
    handles = Opened()
    runtime.at_close(handles)
    return handles
