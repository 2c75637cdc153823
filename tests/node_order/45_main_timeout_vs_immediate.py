"""NOT fixed: timeout vs immediate from the main script."""

from minirt import set_immediate, set_timeout

set_timeout(0, lambda _: print("timeout"))
set_immediate(lambda _: print("immediate"))
