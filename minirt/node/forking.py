"""What must a child process leave behind, when a callback or a task forks?

A fork copies the memory and one thread. The child has the loop's queues, but none of the pool's
other threads, and its descriptors are shared: taking something out of the parent's epoll instance
in the child takes it out in the parent. So in the child the poll gets an instance of its own, the
pool forgets its threads, and the runtime is over: as soon as the callback returns, ForkedRuntime
leaves `run`. The child of a task ends when the task does.
"""

import os

from minirt.node.current import Maker, TaskOf, current


def after_fork_in_child() -> None:
    """Called in every child, on the one thread that it has."""
    here = current.get()
    if here is None or isinstance(here, Maker):
        return
    runtime = here.runtime if isinstance(here, TaskOf) else here
    loop = runtime.loop
    loop.pool.abandon()
    loop.poll.after_fork()
    loop.on_uncaught = None  # the error is not the program's, and nobody may hold it up
    runtime.has_forked = True
    loop.stop()


def listen() -> None:
    """From now on every child is tidied up."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_fork_in_child)
