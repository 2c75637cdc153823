"""What is in a frame? A frame is all that a page shows of one moment."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Frame: TypeAlias = dict[str, Any]  # JSON values only; identities are texts
Names: TypeAlias = tuple[str, ...]  # of fields of a frame

# A live frame has "tasks" as well; a recording keeps those by their changes. See `Tasks`.
# What a frame has besides time (s since the first event), turn and phase. A list that may be long
# is [how many, first rows].
FIELDS: Names = (
    "counters",  # pending and epoll events, callbacks, free threads, waiting tasks, identity token
    "timers",
    "queue",
    "pool",
    "waiting",  # for a thread
    "watched",  # descriptors
    "soon",  # immediates, ticks and microtasks
    "ready",  # callbacks that are ready in a program of asyncio's
    "run",  # callbacks so far
    "console",
    "current",  # the callback that runs: identity, name, where it waited, what for; or None
    "things",  # queues, locks and so on: identity, kind, name, how it is, who waits
    "found",  # what is wrong: time, text, file, line
    "missed",  # turns that were not traced before this moment
)
WAITING: Names = ("counters", "queue")
FIELDS_OF: Mapping[str, Names] = MappingProxyType(
    {
        "timer": (*WAITING, "timers"),
        "pool": (*WAITING, "waiting"),
        "epoll": (*WAITING, "watched"),
        "boxed": (*WAITING, "watched"),  # a descriptor was taken away
        "immediate": (*WAITING, "soon"),
    }
)
# For what a callback waited that runs in this phase, if nothing else says so
QUEUE_OF_PHASE = MappingProxyType(
    {"timers": "timer", "poll": "pool", "check": "immediate", "pending": "pending"}
)
