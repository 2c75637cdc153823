"""Synchronous code finishes before any queue is touched."""

from minirt import next_tick

print("A")
next_tick(lambda _: print("tick"))
print("B")
