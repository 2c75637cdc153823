"""Which call is it that blocks, of a thread that was seen at work?

By the function of a library that is at work, or by what the reader's line says.
"""

import re
from collections.abc import Sequence
from types import FrameType

from minirt.aio.chain import source_of

# (a part of the file's name, functions in it, how to call it); no functions: any
BLOCKING: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("/requests/", (), "requests"),
    ("/httpx/", ("request", "get", "post"), "httpx"),
    ("/urllib3/", (), "urllib3"),
    ("urllib/request.py", (), "urlopen"),
    ("http/client.py", (), "http.client"),
    ("socket.py", ("getaddrinfo", "create_connection", "readinto"), "a socket"),
    ("ssl.py", ("do_handshake", "read"), "a socket"),
    ("subprocess.py", (), "subprocess"),
    ("queue.py", ("get", "put", "join"), "a queue of threads"),
    ("threading.py", ("wait", "join", "acquire"), "a thread"),
    ("concurrent/futures/_base.py", ("result", "exception"), "a result of a thread"),
)
IMPORTS = "<frozen importlib"
IN_THE_LINE = ("time.sleep(", "sleep(", "input(", "os.system(", "getaddrinfo(", "gethostbyname(")
SURELY = ("time.sleep(", "os.system(")
FILES = ("open(", ".read(", ".write(", ".read_text(", ".write_text(", ".read_bytes(")


def outside_of_import(frames: Sequence[FrameType]) -> Sequence[FrameType]:
    """Those that lead to an import: what the module does meanwhile is done by its line."""
    for at, frame in enumerate(frames):
        if frame.f_code.co_filename.startswith(IMPORTS):
            return frames[:at]
    return frames


def blocking_call(frames: Sequence[FrameType], file: str, line: int) -> str:
    """The call that blocks; "" if none is known. frames: the outermost first; the reader's line."""
    for frame in frames:
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        for part, functions, words in BLOCKING:
            if part in name and (not functions or function in functions):
                return words
    source = source_of(file, line)
    if "await" in source:  # whatever else is called there may be awaited as well
        source = re.sub(r"await\s+[\w.]+\(", "", source)
        return next((call.rstrip("(") for call in SURELY if call in source), "")
    for call in IN_THE_LINE:
        if call in source:
            return "time.sleep" if call == "sleep(" else call.rstrip("(")
    return "a file" if any(call in source for call in FILES) else ""
