"""nextTick runs before promise jobs (CommonJS)."""

from minirt import next_tick, queue_microtask

queue_microtask(lambda _: print("resolve"))  # Promise.resolve().then(...)
queue_microtask(lambda _: print("microtask"))
next_tick(lambda _: print("nextTick"))
