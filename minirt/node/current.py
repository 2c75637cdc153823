"""Which runtime is running here?

A context variable knows, so that each thread, each task and each cell of a notebook finds its own.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeAlias, Union, runtime_checkable

if TYPE_CHECKING:
    from minirt.node.runtime import Runtime


class TaskOf:
    """A task of this runtime's pool runs here. It may not call the runtime's methods."""

    __slots__ = ("runtime",)

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime


@runtime_checkable
class Maker(Protocol):
    """No runtime runs here, and whoever asks for one gets one made, as in a cell of a notebook."""

    def make(self) -> "Runtime": ...


Here: TypeAlias = Union["Runtime", TaskOf, Maker, None]

current: ContextVar[Here] = ContextVar("minirt_current", default=None)
