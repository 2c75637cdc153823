"""What can the machine do on which a program runs?

In a web page Python runs on WebAssembly, which gives it one thread and no signals, and neither
epoll nor sockets nor processes. This is the one place that knows it; whoever has two ways asks
here.
"""

import sys

HAS_THREADS = sys.platform != "emscripten"  # and all the other things
IN_A_PAGE = (
    "This page runs in simulated time: a browser has no threads, no epoll and no sockets. "
    "On your machine the same cells run for real."
)
