"""Who keeps a callback until its moment, and who makes sure that it is called once?"""

import gc
import os
import weakref
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minirt import (
    Int,
    Interest,
    Js,
    Recorder,
    Runtime,
    Simulation,
    String,
    TaskKind,
    Undefined,
)
from minirt.core.callbacks import (
    CallbackQueue,
    Callbacks,
    Listener,
    Once,
    PhaseQueue,
    ignore,
)
from minirt.errors import CalledTwice, IdentityTaken, NotCallable
from minirt.identity import Identities


class Captured:
    """Something that a closure captures."""


def closure(
    log: list[object] | None = None,
) -> tuple[Callable[[object], None], weakref.ref[Captured]]:
    """A callback, and a weak reference to what it captured."""
    captured = Captured()

    def callback(value: object) -> None:
        assert captured is not None
        if log is not None:
            log.append(value)

    return callback, weakref.ref(captured)


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """What dies in these tests dies by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_box_passes_the_value_on_and_gives_the_answer_back() -> None:
    assert Once(lambda value: value.into_int())(Int(3)) == 3


def test_the_second_call_of_a_box_is_an_error_that_names_the_identity() -> None:
    box = Once(ignore, identity=7)
    assert not box.is_empty
    box(Undefined())
    assert box.is_empty
    with pytest.raises(CalledTwice, match="identity 7"):
        box(Undefined())


def test_a_box_without_an_identity_says_this_callback() -> None:
    box = Once(ignore)
    box(Undefined())
    with pytest.raises(CalledTwice, match="this callback was called already"):
        box(Undefined())


def test_a_box_is_empty_also_after_its_callback_raised() -> None:
    def fails(value: object) -> None:
        raise LookupError("inside")

    box = Once(fails)
    with pytest.raises(LookupError, match="inside"):
        box(Undefined())
    assert box.is_empty


def test_a_box_keeps_nothing_alive_after_its_call() -> None:
    callback, captured = closure()
    box = Once(callback)
    del callback
    assert captured() is not None
    box(Undefined())
    assert captured() is None


def test_a_box_takes_only_what_can_be_called() -> None:
    with pytest.raises(NotCallable, match="42 is not callable"):
        Once(42)  # type: ignore[arg-type]


def test_the_queue_calls_once_and_then_keeps_nothing() -> None:
    queue = CallbackQueue()
    log: list[object] = []
    callback, captured = closure(log)
    queue.add(5, callback)
    del callback
    queue.call(5, Int(1))
    assert log == [Int(1)]
    assert captured() is None
    with pytest.raises(CalledTwice, match="identity 5"):
        queue.call(5, Int(2))


def test_the_queue_refuses_a_taken_identity_rather_than_overwrite() -> None:
    queue = CallbackQueue()
    queue.add(5, ignore)
    with pytest.raises(IdentityTaken, match="identity 5 has a callback"):
        queue.add(5, print)
    assert queue[5] is ignore
    with pytest.raises(NotCallable):
        queue.add(6, None)  # type: ignore[arg-type]
    assert list(queue) == [5]


# The callbacks of one phase


def phase_queue(*identities: int) -> PhaseQueue:
    queue = PhaseQueue(Identities(tuple))
    for identity in identities:
        add(queue, identity)
    return queue


def add(queue: PhaseQueue, identity: int) -> None:
    """As the runtime does: the callback gives the identity back."""
    queue.callbacks.append(lambda _: identity)
    queue.identities.append(identity)


def call(queue: PhaseQueue, most: int = 99) -> list[object]:
    """Call at most so many of the running phase, as `Calls` does, the cleared ones included."""
    called = []
    while queue.running and len(called) < most:
        called.append(queue.running.pop()(Undefined()))
    return called


def test_what_comes_while_a_phase_runs_waits_for_the_next_one() -> None:
    queue = phase_queue(1, 2)
    queue.begin()
    add(queue, 3)
    assert len(queue) == 3 and queue.waiting() == [1, 2, 3]
    assert call(queue) == [1, 2]
    assert queue.waiting() == [3]
    queue.begin()
    assert call(queue) == [3]
    assert len(queue) == 0 and queue.waiting() == []


def test_one_that_is_cleared_before_its_phase_leaves_the_others() -> None:
    queue = phase_queue(1, 2, 3)
    assert queue.remove(2) and not queue.remove(2) and not queue.remove(9)
    assert queue.waiting() == [1, 3] and len(queue) == 2
    assert queue.has(1) and not queue.has(2)
    queue.begin()
    assert call(queue) == [1, None, 3]


def test_when_all_are_cleared_nothing_is_left_to_turn_for() -> None:
    queue = phase_queue(1, 2)
    assert queue.remove(1) and queue.callbacks
    assert queue.remove(2) and not queue.callbacks and not queue.identities
    add(queue, 3)
    assert queue.waiting() == [3]


def test_one_may_be_cleared_while_its_phase_runs_and_not_after_its_call() -> None:
    queue = phase_queue(1, 2, 3)
    queue.begin()
    assert call(queue, most=1) == [1]
    assert not queue.remove(1) and not queue.has(1)
    assert queue.remove(3) and not queue.remove(3)
    assert queue.has(2) and queue.waiting() == [2]
    assert call(queue) == [2, None]
    assert not queue.remove(2)


def test_what_an_exception_leaves_behind_comes_before_what_came_since() -> None:
    queue = phase_queue(1, 2, 3, 4)
    queue.begin()
    assert call(queue, most=1) == [1]
    add(queue, 5)
    queue.remove(3)
    queue.put_back()
    assert queue.waiting() == [2, 4, 5] and len(queue) == 3
    assert queue.remove(4) and queue.remove(5) and not queue.remove(1)
    queue.begin()
    assert call(queue) == [2, None, None]


def test_identities_that_came_round_are_found_as_well() -> None:
    identities = Identities(tuple)
    queue = PhaseQueue(identities)
    identities.token = 2**64 - 2
    for _ in range(4):
        add(queue, identities.generate())
    assert queue.identities == [2**64 - 1, 0, 1, 2]
    assert all(queue.has(identity) for identity in (0, 1, 2, 2**64 - 1))
    assert queue.remove(2**64 - 1) and queue.remove(1) and not queue.remove(3)
    queue.begin()
    assert call(queue) == [None, 0, None, 2]


class Looked(int):
    """An identity that counts how often it is looked at."""

    looks = 0

    def __lt__(self, other: int) -> bool:
        Looked.looks += 1
        return super().__lt__(other)

    def __eq__(self, other: object) -> bool:
        Looked.looks += 1
        return super().__eq__(other)

    __hash__ = int.__hash__


def test_one_that_is_cleared_is_not_searched_for() -> None:
    """R21: 20,000 cleared immediates, the last first, took 3.5 s."""
    queue, count, Looked.looks = phase_queue(*map(Looked, range(4000))), 4000, 0
    for identity in reversed(range(count)):
        assert queue.remove(Looked(identity))
    assert Looked.looks <= 40 * count


def test_what_was_cleared_is_not_put_back() -> None:
    """Its number may belong to another one by then, when the count has come round."""
    queue = phase_queue(1, 2, 3)
    queue.begin()
    for identity in (1, 2, 3):
        assert queue.remove(identity)
    add(queue, 1)
    queue.put_back()
    assert queue.has(1) and queue.waiting() == [1] == queue.identities


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "remove", "begin", "call", "put back", "round"]),
        st.integers(0, 9),
    ),
    max_size=60,
)


@given(STEPS)
@example(
    [("add", 0)] * 3
    + [("remove", 0)] * 2
    + [("begin", 0), ("remove", 0), ("round", 0), ("add", 0), ("put back", 0)]
)
def test_no_history_separates_a_phases_queue_from_two_lists(steps: list[tuple[str, int]]) -> None:
    identities = Identities(tuple, count=20)
    queue, waiting, running = PhaseQueue(identities), list[int](), list[int]()
    for step, pick in steps:
        here = running + waiting
        if step == "add" and len(here) < 15:
            identity = identities.generate()
            while identity in here:
                identity = identities.generate()
            add(queue, identity)
            waiting.append(identity)
        elif step == "remove" and here:
            gone = here[pick % len(here)]
            assert queue.remove(gone) and not queue.remove(gone)
            (running if gone in running else waiting).remove(gone)
        elif step == "begin" and not queue.running:
            queue.begin()
            running, waiting = waiting, []
        elif step == "call" and queue.running:
            called = queue.running.pop()(Undefined())
            assert called is None or called == running.pop(0)
        elif step == "put back":
            queue.put_back()
            running, waiting = [], running + waiting
        elif step == "round" and not here:
            identities.token = pick
        assert queue.waiting() == running + waiting
        assert {one for one in range(20) if queue.has(one)} == {*running, *waiting}
        assert bool(waiting) <= bool(queue.callbacks)


# Everything that waits


def kinds_of_waiting(callbacks: Callbacks) -> dict[str, Callable[[], None]]:
    """How each kind comes to wait, under the identity 7, and what the loop calls it."""
    return {
        "timer": lambda: callbacks.timers.add(1.0, 7, ignore),
        "immediate": lambda: add(callbacks.immediates, 7),
        "pending": lambda: add(callbacks.pending, 7),
        "close": lambda: add(callbacks.closing, 7),
        "pool": lambda: callbacks.tasks.update({7: ignore}),
        "epoll": lambda: callbacks.listeners.update({Listener(7, ignore): None}),
        "epoll, without a descriptor": lambda: callbacks.dangling.update({7: ignore}),
        "epoll, in a module's own way": lambda: callbacks.holds.update({7: print}),
    }


KINDS = tuple(kinds_of_waiting(Callbacks()))


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_waits_is_counted_and_keeps_the_loop_alive(kind: str) -> None:
    callbacks = Callbacks()
    assert callbacks.is_over() and callbacks.count() == 0
    kinds_of_waiting(callbacks)[kind]()
    assert not callbacks.is_over() and callbacks.count() == 1
    name = kind.partition(",")[0]
    assert {one: many for one, many in callbacks.by_kind().items() if many} == {name: 1}
    assert callbacks.waits_for_readiness() == (1 if name == "epoll" else 0)
    assert callbacks.taken() == {7} and callbacks.first(9) == [7] and callbacks.first(0) == []
    assert callbacks.is_taken(7) or kind == "epoll"
    callbacks.drop_all()
    assert callbacks.is_over() and callbacks.count() == 0
    assert callbacks.taken() == set() and not callbacks.is_taken(7)
    assert not any(callbacks.by_kind().values())


def test_what_is_boxed_is_taken_and_waited_for_by_nobody() -> None:
    callbacks = Callbacks()
    callbacks.boxed.add(7, ignore)
    assert callbacks.is_over() and callbacks.count() == 0
    assert callbacks.taken() == {7} and callbacks.is_taken(7)
    assert callbacks.by_kind()["boxed"] == 1


def test_a_message_keeps_the_loop_alive_and_has_no_name() -> None:
    callbacks = Callbacks()
    callbacks.inbox.append(ignore)
    assert not callbacks.is_over()
    assert callbacks.count() == 0 and callbacks.taken() == set()


def test_all_that_wait_are_counted_together() -> None:
    callbacks = Callbacks()
    for wait in kinds_of_waiting(callbacks).values():
        wait()
    callbacks.timers.add(2.0, 8, ignore)
    callbacks.timers.set_ref(8, False)
    assert callbacks.count() == len(KINDS)
    assert callbacks.waits_for_readiness() == 3
    assert callbacks.by_kind()["timer"] == 2
    assert len(callbacks.first(4)) == 4


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "without" not in kind])
def test_who_waits_for_a_descriptor_that_nobody_names_is_stranded_unless_something_may_come(
    kind: str,
) -> None:
    callbacks = Callbacks()
    assert callbacks.stranded() == []
    callbacks.dangling.update({8: ignore, 9: ignore})
    assert callbacks.stranded() == [8, 9]
    callbacks.inbox.append(ignore)
    assert callbacks.stranded() == []
    callbacks.inbox.clear()
    kinds_of_waiting(callbacks)[kind]()
    assert callbacks.stranded() == []


def test_after_the_end_nobody_listens() -> None:
    callbacks = Callbacks()
    listener = Listener(1, ignore)
    callbacks.listeners[listener] = None
    callbacks.next_ticks.append(ignore)
    callbacks.microtasks.append(ignore)
    callbacks.drop_all()
    assert listener.callback is None
    assert not callbacks.next_ticks and not callbacks.microtasks


# In a runtime: dead right after the call, seen from the next thing that runs


def sim() -> Runtime:
    return Runtime(system=Simulation())


def test_a_timeout_is_dead_when_the_next_timer_of_its_batch_runs() -> None:
    rt, seen = sim(), []

    def main() -> None:
        callback, captured = closure()
        rt.set_timeout(5, callback)
        rt.set_timeout(5, lambda _: seen.append(captured()))

    rt.run(main)
    assert seen == [None]


def test_an_immediate_is_dead_when_the_next_one_of_its_batch_runs() -> None:
    rt, seen = sim(), []

    def main() -> None:
        callback, captured = closure()
        rt.set_immediate(callback)
        rt.set_immediate(lambda _: seen.append(captured()))

    rt.run(main)
    assert seen == [None]


@pytest.mark.parametrize("where", ["set_timeout", "set_immediate", "call_from_thread"])
def test_a_callback_is_dead_in_the_tick_that_it_asked_for(where: str) -> None:
    rt, seen = sim(), []

    def main() -> None:
        captured = Captured()
        dead = weakref.ref(captured)

        def callback(value: object) -> None:
            assert captured is not None
            rt.next_tick(lambda _: seen.append(dead()))

        if where == "set_timeout":
            rt.set_timeout(5, callback)
        else:
            getattr(rt, where)(callback)

    rt.run(main)
    assert seen == [None]


@pytest.mark.parametrize("where", ["next_tick", "queue_microtask"])
def test_a_tick_and_a_microtask_are_dead_when_the_next_one_runs(where: str) -> None:
    rt, seen = sim(), []

    def main() -> None:
        callback, captured = closure()
        getattr(rt, where)(callback)
        getattr(rt, where)(lambda _: seen.append(captured()))

    rt.run(main)
    assert seen == [None]


def test_a_callback_that_raised_is_dead_once_the_error_was_handled() -> None:
    rt, seen = sim(), []
    rt.on_uncaught = lambda error: seen.append(type(error))

    def main() -> None:
        captured = Captured()
        dead = weakref.ref(captured)

        def fails(value: object) -> None:
            assert captured is not None
            raise LookupError

        rt.set_timeout(5, fails)
        rt.set_timeout(5, lambda _: seen.append(dead()))

    rt.run(main)
    assert seen == [LookupError, None]


@pytest.mark.parametrize("where", ["timeout", "interval", "immediate", "unref timeout"])
def test_what_was_cleared_is_dead_at_once(where: str) -> None:
    rt = sim()

    def main() -> None:
        callback, captured = closure()
        if where == "immediate":
            identity = rt.set_immediate(callback)
        elif where == "interval":
            handle = rt.set_interval(5, callback)
        else:
            handle = rt.set_timeout(5, callback)
        del callback
        assert captured() is not None
        if where == "immediate":
            rt.clear_immediate(identity)
        elif where == "unref timeout":
            rt.clear_timeout(handle.unref())
        else:
            handle.cancel()
        assert captured() is None

    rt.run(main)


def test_a_one_shot_event_and_a_persistent_one_that_ended_itself_are_dead() -> None:
    rt, seen = sim(), []
    system = rt.system
    system.add_peer("peer", 1, lambda received: [(0.001, b"x")])  # type: ignore[attr-defined]

    def main() -> None:
        connection = system.connect("peer", 1)
        captured = Captured()
        dead = weakref.ref(captured)

        def once(readiness: object) -> None:
            assert captured is not None
            rt.next_tick(lambda _: seen.append(dead()))
            token = rt.generate_cb_identity()
            also = Captured()
            also_dead = weakref.ref(also)

            def persistent(readiness: object) -> None:
                assert also is not None
                rt.deregister_event_epoll(token)
                rt.next_tick(lambda _: seen.append(also_dead()))

            rt.epoll_registrator.register(connection, token, Interest.WRITABLE)
            rt.register_event_epoll(token, persistent, persistent=True)

        token = rt.generate_cb_identity()
        rt.epoll_registrator.register(connection, token, Interest.WRITABLE)
        rt.register_event_epoll(token, once)

    rt.run(main)
    assert seen == [None, None]


def test_a_pool_callback_its_value_and_its_task_are_dead_right_after_the_call() -> None:
    rt, seen = sim(), []

    class Text(str):
        __slots__ = ("__weakref__",)

    def main() -> None:
        callback, captured = closure()
        captured_by_task = Captured()
        task_dead = weakref.ref(captured_by_task)
        values: list[weakref.ref[Text]] = []

        def task() -> Js:
            assert captured_by_task is not None
            text = Text("result")
            values.append(weakref.ref(text))
            return String(text)

        def done(value: object) -> None:
            callback(value)
            rt.next_tick(lambda _: seen.append((values[0](), task_dead())))
            rt.set_immediate(lambda _: seen.append(captured()))

        def start(callback: Callable[[object], None]) -> None:
            rt.register_event_threadpool(task, TaskKind.ENCRYPT, callback)

        start(done)

    rt.run(main)
    assert seen == [(None, None), None]


def test_real_threads_keep_neither_task_nor_value_once_they_are_idle() -> None:
    rt = Runtime(threads=1)
    dead: list[weakref.ref[Captured]] = []
    seen: list[object] = []

    def submit() -> None:
        captured = Captured()
        dead.append(weakref.ref(captured))

        def task() -> Js:
            assert captured is not None
            return String("x")

        rt.register_event_threadpool(task, TaskKind.ENCRYPT, later)

    def later(value: object) -> None:
        # the second task runs on the same thread: it is through with the first
        rt.register_event_threadpool(Undefined, TaskKind.ENCRYPT, lambda _: seen.append(dead[0]()))

    rt.run(submit)
    assert seen == [None]


@pytest.mark.parametrize("system", [None, Simulation], ids=["real", "simulated"])
@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
@pytest.mark.parametrize("end", ["alone", "error", "stop", "interrupt", "error in the close"])
def test_a_closed_runtime_is_dead_without_the_collector(
    end: str, traced: bool, system: type[Simulation] | None
) -> None:
    """The standard loop of asyncio is, too."""

    class Interrupt(KeyboardInterrupt):
        pass

    def program() -> weakref.ref[Runtime]:
        rt = Runtime(threads=2, trace=Recorder() if traced else None, system=system and system())
        rt.on_uncaught = None

        def main() -> None:
            rt.set_interval(1, lambda _: None).unref()
            rt.set_timeout(1, finish)
            rt.set_immediate(lambda _: None)
            rt.register_event_threadpool(lambda: Int(1), TaskKind.ENCRYPT, lambda _: rt.ticks)
            rt.at_close(lambda: rt.ticks if end != "error in the close" else {}["missing"])
            if end != "alone":
                rt.register_event_epoll(998, lambda _: rt.ticks)
                rt.register_event_epoll(999, lambda _: rt.ticks, persistent=True)
                rt.epoll_registrator.register(descriptor(rt), 999, Interest.READABLE)
                rt.epoll_registrator.register(descriptor(rt), 997, Interest.READABLE)
                rt.loop.watch(descriptor(rt), Interest.READABLE, lambda _: rt.ticks)

        def finish(_: object) -> None:
            if end == "error":
                raise LookupError
            if end == "interrupt":
                raise Interrupt
            if end != "alone":
                rt.stop()

        try:
            rt.run(main)
        except (LookupError, Interrupt):
            pass
        return weakref.ref(rt)

    assert program()() is None


def descriptor(rt: Runtime) -> object:
    """Something that can be watched and never is readable; closed with the runtime."""
    if isinstance(rt.system, Simulation):
        rt.system.add_peer("silent", 1, lambda received: None)
        return rt.system.connect("silent", 1)
    read_end, write_end = os.pipe()
    rt.at_close(lambda: (os.close(read_end), os.close(write_end)))
    return read_end


def test_a_runtime_that_was_turned_by_hand_is_dead_without_the_collector() -> None:
    def program() -> weakref.ref[Runtime]:
        with Runtime(threads=1) as rt:
            rt.start(lambda: rt.set_timeout(1, lambda _: rt.ticks) and None)
            while rt.tick():
                pass
        return weakref.ref(rt)

    assert program()() is None
