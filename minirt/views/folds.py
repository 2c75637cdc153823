"""What does each kind of event change in a run's state?

A function for each kind. It returns the names of the fields of a frame that it may have changed.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from minirt.views.frame import FIELDS, FIELDS_OF, QUEUE_OF_PHASE, WAITING, Names
from minirt.views.printed import LINE_LENGTH
from minirt.views.words import as_text, kind_of, number_of, said, styles_of
from minirt.watching.trace import ASYNCIO_PHASES, Event

if TYPE_CHECKING:
    from minirt.views.state import State


def _identity(state: "State", event: Event) -> Names:
    # None where the program has set the count
    state.token = as_text(event.identity) or said(event.detail, "counts_from", "0")
    return ("counters",)


def _boxed(state: "State", event: Event) -> Names:
    if event.identity is None or event.detail is None:
        return ()
    state.queues.box(event.identity, event.detail)
    return WAITING


def _queued(state: "State", event: Event) -> Names:
    detail = event.detail or {}
    if event.identity is None:
        _count_soon(state, event, 1)
        return ("soon",)
    where = state.queues.join(event.identity, detail, event.time)
    if where == "pool":
        state.workers.submit(event.identity, kind_of(detail), event.time)
    return FIELDS_OF.get(where, WAITING)


def _called(state: "State", event: Event) -> Names:
    state.run += 1
    state.current = state.about(event.identity, event.detail)
    state.timeline.begin(event, "callback", state.current[1])
    if event.identity is None:
        _count_soon(state, event, -1)
        return ("current", "run", "soon")
    if event.identity in state.tasks:
        return ("current", "run")
    is_event = event.identity == state.ready
    likely = "epoll" if is_event else QUEUE_OF_PHASE.get(event.phase, "close")
    wait = state.queues.call(event.identity, likely)
    return ("current", "run", *FIELDS_OF.get(wait.where, WAITING))


def _returned(state: "State", event: Event) -> Names:
    state.timeline.end(event)
    state.current = None
    return ("current",)


def _dropped(state: "State", event: Event) -> Names:
    if event.identity is None:
        _count_soon(state, event, -1)
        return ("soon",)
    if said(event.detail, "why") == "destroyed":  # a task of asyncio's
        state.tasks.lose(event.identity)
        return ("counters",)
    wait = state.queues.leave(event.identity)
    if wait.where == "pool":
        state.workers.forget(event.identity)
    return FIELDS_OF.get(wait.where, WAITING)


def _count_soon(state: "State", event: Event, more: int) -> None:
    where = (event.detail or {}).get("where")
    if where in state.soon:
        state.soon[where] = max(0, state.soon[where] + more)


def _started(state: "State", event: Event) -> Names:
    thread = number_of(event.thread)
    if thread is None:
        return ()
    kind = kind_of(event.detail)
    queued = state.workers.start(thread, event.identity, kind, event.time)
    state.timeline.start_task(event, kind, queued)
    return ("pool", "waiting", "counters")


def _finished(state: "State", event: Event) -> Names:
    thread = number_of(event.thread)
    if thread is None:
        return ()
    state.workers.finish(thread)
    state.timeline.finish_task(event)
    return ("pool", "waiting", "counters")


def _watched(state: "State", event: Event) -> Names:
    descriptor = (event.detail or {}).get("descriptor")
    if event.identity is not None and isinstance(descriptor, int):
        state.queues.watch(event.identity, descriptor, said(event.detail, "interest"))
    return ("watched",)


def _answered(state: "State", event: Event) -> Names:
    state.ready = event.identity
    if event.identity is not None:
        state.queues.answer(event.identity, said(event.detail, "readiness"))
    return ("watched",)


def _turned(state: "State", event: Event) -> Names:
    detail = event.detail or {}
    state.soon = {"tick": 0, "microtask": 0}  # both are empty before a turn begins
    state.of_asyncio.ready = detail.get("ready_callbacks", 0)
    if "pending_events" in detail and "epoll_pending_events" in detail:
        state.queues.count(detail["pending_events"], detail["epoll_pending_events"])
    if "available_threads" in detail and not state.queues.tasks:
        state.workers.count_available(detail["available_threads"])
    return ("counters", "queue", "watched", "pool", "soon", "ready")


def _slept(state: "State", event: Event) -> Names:
    state.timeline.begin(event, "sleep", "poll")
    return ()


def _woke(state: "State", event: Event) -> Names:
    state.timeline.end(event)
    return ()


def _said(state: "State", event: Event) -> Names:
    detail = event.detail or {}
    text = said(detail, "text", length=LINE_LENGTH)
    by = event.thread, said(detail, "stream")
    goes_on = bool(detail.get("goes_on"))
    state.printed.add(event.time, text, styles_of(detail, len(text)), goes_on, by)
    return ("console",)


def _closed(state: "State", event: Event) -> Names:
    thread = number_of(event.thread)
    if thread is not None:
        state.workers.at_least(thread + 1)
    return ("pool", "counters")


def _task(state: "State", event: Event) -> Names:
    if "coroutine" in (event.detail or {}):
        state.phases = ASYNCIO_PHASES
    state.tasks.apply(event)
    state.of_asyncio.hear()
    return ("counters",)


def _seen(state: "State", event: Event) -> Names:
    state.of_asyncio.see(event.detail)
    return ("things",)


def _finding(state: "State", event: Event) -> Names:
    state.of_asyncio.find(event)
    return ("found",)


def _ended(state: "State", event: Event) -> Names:
    state.queues.leave_all()
    state.tasks.drop_all()
    state.of_asyncio.ready = 0
    state.workers.forget_all()
    state.soon = {"tick": 0, "microtask": 0}
    return FIELDS


FOLDS: Mapping[str, Callable[["State", Event], Names]] = MappingProxyType(
    {
        "identity": _identity,
        "boxed": _boxed,
        "queued": _queued,
        "run": _called,
        "returned": _returned,
        "dropped": _dropped,
        "started": _started,
        "finished": _finished,
        "watched": _watched,  # a Watch has seen it in a snapshot
        "ready": _answered,
        "turn": _turned,
        "slept": _slept,
        "woke": _woke,
        "printed": _said,
        **dict.fromkeys(("created", "step", "awaits", "resumed", "done", "cancelled"), _task),
        "things": _seen,  # a Watch has seen it in a snapshot
        "found": _finding,
        "closed": _closed,
        "end": _ended,
    }
)
