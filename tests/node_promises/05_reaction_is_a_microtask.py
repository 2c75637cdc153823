"""A reaction of a settled promise is a microtask, behind those that wait."""

from minirt import Future, queue_microtask


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


p = settled(1)
queue_microtask(lambda _: print("micro"))
p.add_done_callback(lambda _: print("then"))
print("main")
