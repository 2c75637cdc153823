"""A message from another thread wakes the sleeping poll."""

from minirt import Int, Runtime, TaskKind, set_timeout


def work():
    runtime.call_from_thread(lambda _: print("message hi"))
    return Int(0)


runtime = Runtime.current()
set_timeout(20_000, lambda _: print("never")).unref()
runtime.register_event_threadpool(
    work, TaskKind("Worker"), lambda code: print(f"worker exit {code.into_int()}")
)
print("main")
