"""What an immediate settles goes on before the next immediate."""

from minirt import Future, Task, next_tick, set_immediate

p = Future()


async def waits():
    print(f"got {await p}")
    next_tick(lambda _: print("tick"))
    set_immediate(lambda _: print("next turn"))


def settle(_):
    p.set_result(1)
    print("settled")


Task(waits())
set_immediate(settle)
set_immediate(lambda _: print("second"))
