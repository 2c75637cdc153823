"""What does a program hear when it does something that cannot be done?"""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minirt import Error, Int, Interest, Js, Recorder, Runtime, Simulation, TaskKind
from minirt.errors import (
    AlreadyRan,
    ForeignThread,
    NestedRuntime,
    NotADelay,
    NotAJs,
    NotCallable,
    NotPollable,
    RuntimeClosed,
)

KIND = TaskKind("Test")
PATIENCE = 10  # s


def sim(**options: Any) -> Runtime:
    return Runtime(system=Simulation(), **options)


def in_main(program: Callable[[Runtime], object], **options: Any) -> Runtime:
    rt = sim(**options)
    rt.run(lambda: program(rt))
    return rt


# Delays


@pytest.mark.parametrize("ms", [-1, -math.inf, math.nan, math.inf, 2**31, 3e9, 10**400, 0, 0.5])
def test_a_delay_that_is_out_of_range_becomes_one_millisecond(ms: float) -> None:
    times: list[float] = []

    def main(rt: Runtime) -> None:
        start = rt.clock.now()
        rt.set_timeout(ms, lambda _: times.append(rt.clock.now() - start))

    in_main(main)
    assert 0.001 - 1e-9 <= times[0] < 0.004


@pytest.mark.parametrize("ms", ["100", None, True, False])
def test_a_delay_that_is_no_number_is_a_type_error(ms: Any) -> None:
    with sim() as rt:
        with pytest.raises(TypeError, match="number of milliseconds") as caught:
            rt.set_timeout(ms, print)
        assert isinstance(caught.value, NotADelay)
        assert rt.pending_events == 0


# Callbacks that are none

REGISTERING: dict[str, Callable[[Runtime, Any], object]] = {
    "set_timeout": lambda rt, cb: rt.set_timeout(1, cb),
    "set_interval": lambda rt, cb: rt.set_interval(1, cb),
    "set_immediate": lambda rt, cb: rt.set_immediate(cb),
    "next_tick": lambda rt, cb: rt.next_tick(cb),
    "queue_microtask": lambda rt, cb: rt.queue_microtask(cb),
    "call_from_thread": lambda rt, cb: rt.call_from_thread(cb),
    "call_in_close_phase": lambda rt, cb: rt.call_in_close_phase(cb),
    "call_in_pending_phase": lambda rt, cb: rt.call_in_pending_phase(cb),
    "add_callback": lambda rt, cb: rt.add_callback(99, cb),
    "register_event_epoll": lambda rt, cb: rt.register_event_epoll(99, cb),
    "register_event_threadpool": lambda rt, cb: rt.register_event_threadpool(
        lambda: Int(1), KIND, cb
    ),
    "register_event_threadpool, the task": lambda rt, cb: rt.register_event_threadpool(
        cb, KIND, print
    ),
}


@pytest.mark.parametrize("nothing", [None, 42, "close()"])
def test_what_is_called_without_arguments_is_refused_where_it_is_given(nothing: Any) -> None:
    def main(rt: Runtime) -> None:
        with pytest.raises(NotCallable, match=r"without arguments.* at_close\(give_back\)"):
            rt.at_close(nothing)
        with pytest.raises(NotCallable, match="without arguments"):
            rt.register_event_threadpool(nothing, TaskKind.FILE_READ, print)

    in_main(main)


@pytest.mark.parametrize("trace", [None, Recorder()], ids=["plain", "traced"])
@pytest.mark.parametrize("name", REGISTERING)
@pytest.mark.parametrize("callback", [None, 42, "print()"])
def test_what_is_not_callable_is_refused_where_it_is_given_and_leaves_nothing(
    name: str, callback: Any, trace: Recorder | None
) -> None:
    def main(rt: Runtime) -> None:
        with pytest.raises(NotCallable, match="without parentheses"):
            REGISTERING[name](rt, callback)
        assert rt.pending_events == rt.epoll_pending_events == 0
        assert not rt.loop.is_alive()

    in_main(main, trace=trace)


def test_a_kind_that_is_none_is_refused() -> None:
    def main(rt: Runtime) -> None:
        with pytest.raises(TypeError, match=r"TaskKind\('Zip'\)"):
            rt.register_event_threadpool(lambda: Int(1), "Zip", print)  # type: ignore[arg-type]
        assert rt.pending_events == 0

    in_main(main)


# Tasks


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_task_raises_arrives_and_every_thread_lives_on(
    no_leaks: None, error: BaseException
) -> None:
    rt, values = Runtime(threads=2), []  # type: tuple[Runtime, list[Js]]

    def fails() -> Js:
        raise error

    def main() -> None:
        for _ in range(8):
            rt.register_event_threadpool(fails, KIND, values.append)
        rt.set_timeout(
            1, lambda _: rt.register_event_threadpool(lambda: Int(1), KIND, values.append)
        )

    rt.run(main)
    assert values.count(Error(error)) == 8
    assert values.count(Int(1)) == 1
    assert rt.pending_events == 0
    with pytest.raises(type(error)):
        values[0].into_int()


def test_a_task_that_returns_no_js_delivers_an_error_that_says_so() -> None:
    values: list[Js] = []
    in_main(lambda rt: rt.register_event_threadpool(lambda: "text", KIND, values.append))  # type: ignore[arg-type, return-value]
    with pytest.raises(NotAJs, match="this one returned 'text'"):
        values[0].into_string()


# Callbacks that raise


def failing(rt: Runtime, error: BaseException) -> dict[str, Callable[[], object]]:
    def fails(_: object = None) -> None:
        raise error

    return {
        "main": fails,
        "timeout": lambda: rt.set_timeout(1, fails),
        "interval": lambda: rt.set_interval(1, fails).unref() and rt.set_timeout(5, print),
        "immediate": lambda: rt.set_immediate(fails),
        "tick": lambda: rt.next_tick(fails),
        "tick of a timer": lambda: rt.set_timeout(1, lambda _: rt.next_tick(fails)),
        "microtask": lambda: rt.queue_microtask(fails),
        "task": lambda: rt.register_event_threadpool(lambda: Int(1), KIND, fails),
        "message": lambda: rt.call_from_thread(fails),
        "close": lambda: rt.call_in_close_phase(fails),
        "pending": lambda: rt.call_in_pending_phase(fails),
    }


PLACES = list(failing(sim(), ValueError()))
TRACED = pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])


def made(traced: bool) -> Runtime:
    return sim(trace=Recorder() if traced else None)


@TRACED
@pytest.mark.parametrize("place", PLACES)
def test_without_a_handler_the_error_leaves_run_and_everything_is_closed(
    place: str, traced: bool
) -> None:
    rt, error = made(traced), LookupError("mine")
    with pytest.raises(LookupError) as caught:
        rt.run(lambda: failing(rt, error)[place]())
    assert caught.value is error
    assert rt.phase == "closed"
    assert rt.pending_events == 0


@TRACED
@pytest.mark.parametrize("place", PLACES)
def test_with_a_handler_the_loop_goes_on(
    place: str, traced: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    rt, error = made(traced), LookupError("mine")
    log: list[Any] = []
    rt.on_uncaught = log.append

    def main() -> None:
        rt.set_timeout(50, lambda _: log.append("goes on"))
        failing(rt, error)[place]()

    rt.run(main)
    assert log[-1] == "goes on"
    assert log[0] is error
    assert len(log) == 2 or place == "interval"


@TRACED
@pytest.mark.parametrize("place", PLACES)
def test_an_error_of_the_handler_itself_leaves_run_and_is_not_handled_again(
    place: str, traced: bool
) -> None:
    rt, handled = made(traced), []  # type: tuple[Runtime, list[Exception]]

    def handler(error: Exception) -> None:
        handled.append(error)
        raise OSError("of the handler")

    rt.on_uncaught = handler
    with pytest.raises(OSError, match="of the handler") as caught:
        rt.run(lambda: failing(rt, LookupError("mine"))[place]())
    assert [type(error) for error in handled] == [LookupError]
    assert isinstance(caught.value.__context__, LookupError)
    assert rt.phase == "closed"


@TRACED
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_in_a_callback_is_no_error_to_handle_it_closes_and_leaves(
    place: str, error: type[BaseException], traced: bool
) -> None:
    rt, handled = made(traced), []  # type: tuple[Runtime, list[Exception]]
    rt.on_uncaught = handled.append
    with pytest.raises(error):
        rt.run(lambda: failing(rt, error())[place]())
    assert handled == []
    assert rt.phase == "closed"


# Interrupts


def interrupt_main() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


in_main_thread = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="no signals to threads here"
)


def a_new_one_runs() -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[Js]]
    rt.run(lambda: rt.register_event_threadpool(lambda: Int(1), KIND, log.append) and None)
    assert log == [Int(1)]


@in_main_thread
def test_an_interrupt_while_the_loop_sleeps_closes_and_a_new_one_runs(no_leaks: None) -> None:
    rt = Runtime()
    asleep = threading.Event()

    def interrupt() -> None:
        assert asleep.wait(PATIENCE)
        while rt.phase != "closed":
            if rt.loop.asleep:  # one that comes in the instant before the sleep is heard after it
                interrupt_main()
            time.sleep(0.05)

    def main() -> None:
        rt.set_timeout(3_600_000, print)
        rt.register_event_threadpool(lambda: Int(1), KIND, lambda _: asleep.set())

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        rt.run(main)
    thread.join()
    assert rt.phase == "closed"
    a_new_one_runs()


@in_main_thread
def test_an_interrupt_while_threads_are_joined_still_waits_for_them(no_leaks: None) -> None:
    rt = Runtime(threads=2)
    joining, over = threading.Event(), []  # type: tuple[threading.Event, list[float]]

    def long() -> Js:
        assert joining.wait(PATIENCE)
        while rt.phase != "closed":
            time.sleep(0.001)
        time.sleep(0.02)  # by now it is being waited for
        interrupt_main()
        time.sleep(0.05)
        over.append(time.monotonic())
        return Int(0)

    def main() -> None:
        rt.register_event_threadpool(long, KIND, print)
        joining.set()
        rt.stop()

    with pytest.raises(KeyboardInterrupt):
        rt.run(main)
    assert len(over) == 1, "it was left behind, at work"
    assert rt.phase == "closed"
    a_new_one_runs()


@in_main_thread
def test_a_second_interrupt_ends_the_wait_for_all_threads() -> None:
    rt = Runtime(threads=3)
    gate = threading.Event()
    threads: list[threading.Thread] = []

    def long() -> Js:
        threads.append(threading.current_thread())
        while rt.phase != "closed":
            time.sleep(0.001)
        while len(threads) == 3 and not gate.wait(0.02):
            interrupt_main()
        return Int(int(gate.wait(PATIENCE)))

    def main() -> None:
        for _ in range(3):
            rt.register_event_threadpool(long, KIND, print)
        while len(threads) < 3:
            time.sleep(0.001)
        rt.stop()

    try:
        rt.run(main)
    except KeyboardInterrupt:
        pass
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the thread goes on interrupting
    waited_for = [thread for thread in threads if not thread.is_alive()]
    gate.set()
    while any(thread.name in {each.name for each in threading.enumerate()} for thread in threads):
        time.sleep(0.001)
    signal.signal(signal.SIGINT, before)
    assert rt.phase == "closed"
    assert waited_for == []


# At the wrong time or from the wrong place


def test_a_runtime_runs_once() -> None:
    rt = in_main(lambda rt: None)
    for again in (rt.run, rt.start):
        with pytest.raises(AlreadyRan, match="Make a new one"):
            again(lambda: None)


def test_a_running_runtime_cannot_be_run_again_inside_its_callback() -> None:
    def main(rt: Runtime) -> None:
        with pytest.raises(AlreadyRan):
            rt.run(lambda: None)
        with pytest.raises(NestedRuntime):
            rt.tick()

    in_main(main)


def test_a_runtime_inside_the_callback_of_another_is_refused_and_may_run_later(
    no_leaks: None,
) -> None:
    inner, log = Runtime(), []  # type: tuple[Runtime, list[str]]

    def main(rt: Runtime) -> None:
        with pytest.raises(NestedRuntime, match="a thread of its own"):
            inner.run(lambda: None)
        log.append("outer goes on")

    in_main(main)
    inner.run(lambda: log.append("inner"))
    assert log == ["outer goes on", "inner"]


METHODS: dict[str, Callable[[Runtime], object]] = {
    **{name: lambda rt, call=call: call(rt, print) for name, call in REGISTERING.items()},  # type: ignore[misc]
    "clear_timeout": lambda rt: rt.clear_timeout(1),
    "clear_interval": lambda rt: rt.clear_interval(1),
    "clear_immediate": lambda rt: rt.clear_immediate(1),
    "generate_identity": lambda rt: rt.generate_identity(),
    "generate_cb_identity": lambda rt: rt.generate_cb_identity(),
    "identity_token": lambda rt: setattr(rt, "identity_token", 5),
    "get_available_thread": lambda rt: rt.get_available_thread(),
    "cancel_task": lambda rt: rt.cancel_task(1),
    "epoll_registrator": lambda rt: rt.epoll_registrator,
    "deregister_event_epoll": lambda rt: rt.deregister_event_epoll(1),
    "at_close": lambda rt: rt.at_close(print),
    "attach": lambda rt: rt.attach(Recorder()),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_closed_runtime_says_that_it_is_closed(name: str) -> None:
    ran = in_main(lambda rt: None)
    with sim() as never_ran:
        pass
    for rt in (ran, never_ran):
        with pytest.raises(RuntimeClosed, match=r"Make a new one: Runtime\(\)"):
            METHODS[name](rt)
        assert rt.pending_events == 0


def test_a_runtime_closed_before_it_ran_can_neither_run_nor_tick() -> None:
    rt = sim()
    rt.close()
    for use in (lambda: rt.run(lambda: None), lambda: rt.start(lambda: None), rt.tick):
        with pytest.raises(RuntimeClosed):
            use()


def foreign_error(use: Callable[[], object]) -> BaseException | None:
    errors: list[BaseException | None] = []

    def other() -> None:
        try:
            use()
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    return errors[0]


@TRACED
@pytest.mark.parametrize(
    "name", [n for n in METHODS if n not in ("set_immediate", "call_from_thread")]
)
def test_from_a_foreign_thread_each_method_names_the_one_door(name: str, traced: bool) -> None:
    def main() -> None:
        error = foreign_error(lambda: METHODS[name](rt))
        assert isinstance(error, ForeignThread)
        assert "rt.call_from_thread(cb)" in str(error)
        assert rt.pending_events == 0

    rt = made(traced)
    rt.run(main)


def test_a_foreign_thread_can_neither_close_nor_turn_a_running_runtime() -> None:
    def main(rt: Runtime) -> None:
        assert isinstance(foreign_error(rt.close), ForeignThread)
        assert isinstance(foreign_error(rt.tick), ForeignThread)

    in_main(main)


def test_set_immediate_from_a_foreign_thread_is_refused_while_the_loop_sleeps(
    no_leaks: None,
) -> None:
    rt, errors = Runtime(), []  # type: tuple[Runtime, list[BaseException | None]]
    asleep = threading.Event()

    def other() -> None:
        assert asleep.wait(PATIENCE)
        while not rt.loop.asleep:
            time.sleep(0.001)
        errors.append(foreign_error(lambda: rt.set_immediate(print)))
        rt.stop()

    def main() -> None:
        rt.set_timeout(3_600_000, print)
        rt.set_timeout(1, lambda _: asleep.set())

    thread = threading.Thread(target=other)
    thread.start()
    rt.run(main)
    thread.join()
    assert isinstance(errors[0], ForeignThread)


# Descriptors


def test_a_regular_file_is_not_pollable_and_the_message_names_fs_read(tmp_path: Path) -> None:
    rt = Runtime()

    def main() -> None:
        with (
            (tmp_path / "file").open("w") as file,
            pytest.raises(PermissionError, match=r"fs\.read") as caught,
        ):
            rt.epoll_registrator.register(file, 5, Interest.READABLE)
        assert isinstance(caught.value, NotPollable)
        assert not rt.epoll_registrator.is_watched(5)

    rt.run(main)


@pytest.mark.slow
def test_a_descriptor_closed_under_the_loop_is_an_error_within_about_a_second(
    no_leaks: None,
) -> None:
    rt, log = Runtime(), []  # type: tuple[Runtime, list[tuple[float, Js]]]
    read_end, write_end = os.pipe()

    def main() -> None:
        rt.epoll_registrator.register(read_end, 5, Interest.READABLE)
        rt.register_event_epoll(5, lambda value: log.append((rt.clock.now(), value)))
        os.close(read_end)

    start = rt.clock.now()
    rt.run(main)
    os.close(write_end)
    ((at, value),) = log
    assert isinstance(value, Error)
    assert at - start < 5
