"""Reactions run in the order in which they were added."""

from minirt import Future

p = Future()
p.add_done_callback(lambda _: print(1))
p.add_done_callback(lambda _: print(2))
p.set_result(None)
p.add_done_callback(lambda _: print(3))
