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


class Handles(set[Handle]):
    """What a runtime has open."""

    def drop_all(self) -> None:
        """The runtime closes. May be called again, if an interrupt came in between."""
        errors: list[Exception] = []
        for handle in tuple(self):
            try:
                handle.drop()
            except Exception as error:  # the others are dropped nevertheless
                errors.append(error)
            self.discard(handle)
        if errors:
            raise errors[0]


def handles_of(runtime: Runtime) -> Handles:
    """The one set of this runtime, which it drops when it closes."""
    handles = runtime.of_modules.get(Handles)
    if not isinstance(handles, Handles):
        handles = Handles()
        runtime.at_close(handles.drop_all)
        runtime.of_modules[Handles] = handles
    return handles
