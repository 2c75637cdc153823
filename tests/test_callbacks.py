"""Who keeps a callback until its moment, and who makes sure that it is called once?"""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from minirt import Int, Runtime, Simulation, Undefined
from minirt.core.callbacks import CallbackQueue, Once, ignore
from minirt.errors import CalledTwice, IdentityTaken, NotCallable


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
    from minirt import Interest

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

    from minirt import Js, String, TaskKind

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
    from minirt import Js, String, TaskKind

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


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("end", ["alone", "error", "stop", "interrupt"])
def test_a_closed_runtime_is_dead_without_the_collector(end: str, traced: bool) -> None:
    from minirt import Int, Interest, Recorder, TaskKind

    class Interrupt(KeyboardInterrupt):
        pass

    def program() -> weakref.ref[Runtime]:
        rt = Runtime(threads=2, trace=Recorder() if traced else None)
        rt.on_uncaught = None
        alone = end == "alone"

        def main() -> None:
            rt.set_interval(1, lambda _: None).unref()
            rt.set_timeout(1, finish)
            rt.set_immediate(lambda _: None)
            rt.register_event_threadpool(lambda: Int(1), TaskKind.ENCRYPT, lambda _: rt.ticks)
            rt.at_close(lambda: rt.ticks)
            if not alone:
                read_end, write_end = os.pipe()
                rt.at_close(lambda: (os.close(read_end), os.close(write_end)))
                rt.epoll_registrator.register(read_end, 999, Interest.READABLE)
                rt.register_event_epoll(999, lambda _: rt.ticks, persistent=True)

        def finish(_: object) -> None:
            if end == "error":
                raise LookupError
            if end == "interrupt":
                raise Interrupt
            if end == "stop":
                rt.stop()

        import os

        try:
            rt.run(main)
        except (LookupError, Interrupt):
            pass
        return weakref.ref(rt)

    assert program()() is None


def test_a_runtime_that_was_turned_by_hand_is_dead_without_the_collector() -> None:
    def program() -> weakref.ref[Runtime]:
        with Runtime(threads=1) as rt:
            rt.start(lambda: rt.set_timeout(1, lambda _: rt.ticks) and None)
            while rt.tick():
                pass
        return weakref.ref(rt)

    assert program()() is None
