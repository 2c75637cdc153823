"""Nothing pending: the loop ends at once."""

from minirt import Runtime

Runtime.current().at_close(lambda: print("exit"))
print("main")
