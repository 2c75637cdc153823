"""queueMicrotask and .then share one FIFO."""

from minirt import queue_microtask

for name in ("q1", "p1", "q2", "p2"):  # queueMicrotask and .then put into one queue
    queue_microtask(lambda _, name=name: print(name))
