"""What an error left behind runs before an async handler of errors goes on."""

from minirt import Future, Runtime, queue_microtask, set_immediate


def settled(value=None):
    future = Future()
    future.set_result(value)
    return future


async def handler(error):
    print("handler")
    await settled()
    print(f"told {error}")


def bad(_):
    queue_microtask(lambda _: print("micro"))
    raise ValueError("x")


Runtime.current().on_uncaught = handler
set_immediate(bad)
