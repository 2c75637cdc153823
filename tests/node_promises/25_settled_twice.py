"""The second settling changes nothing for who awaits."""

from minirt import Future, Task

p = Future()
p.set_result(1)
try:
    p.set_result(2)
except RuntimeError:
    pass


async def f():
    print(await p)
    print(await p)


Task(f())
