"""Do futures and tasks settle, fail, cancel and give back as they promise?"""

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from minirt import (
    Cancelled,
    Future,
    Recorder,
    Runtime,
    Simulation,
    Task,
    fs,
    gather,
    in_pool,
    net,
    race,
    set_timeout,
    sleep_ms,
    timeout_ms,
)
from minirt.awaiting.book import Book
from minirt.errors import NotCallable

Main = Callable[[], Coroutine[Any, Any, Any]]


def run(main: Main, **options: Any) -> Any:
    return Runtime(system=Simulation(1), **options).run(main)


def nothing_is_left(rt: Runtime) -> bool:
    book = rt.of_modules[Book]
    return rt.pending_events == 0 and not (book.tasks - {book.running}) and not rt.loop.microtasks


async def raises(error: BaseException, after: float = 0) -> None:
    await sleep_ms(after)
    raise error


def test_run_returns_the_value_of_an_async_main() -> None:
    async def main() -> int:
        return 7

    assert run(main) == 7
    assert Runtime(system=Simulation(1)).run(lambda: None) is None


class Mains:
    """Every form that a main can have which returns a coroutine."""

    async def add(self, more: int = 2) -> int:
        await sleep_ms(1)
        return 5 + more

    def passes_on(self) -> Coroutine[Any, Any, int]:
        return self.add()

    def begins_with_a_tick(self) -> Coroutine[Any, Any, int]:
        Runtime.current().next_tick(self.breathes)
        return self.add()

    async def breathes(self, _: object = None) -> str:
        await sleep_ms(0)
        return "a tick's"

    def is_plain_with_an_async_tick(self) -> None:
        Runtime.current().next_tick(self.breathes)

    __call__ = add


FORMS: dict[str, tuple[Callable[[], object], int | None]] = {
    "a method": (Mains().add, 7),
    "a lambda": (lambda: Mains().add(5), 10),
    "a part": (partial(Mains().add, more=3), 8),
    "a part of a lambda": (partial(lambda more: Mains().add(more), 4), 9),
    "an object that can be called": (Mains(), 7),
    "a function that passes a coroutine on": (Mains().passes_on, 7),
    "one that begins with an async tick": (Mains().begins_with_a_tick, 7),
    "a plain one with an async tick": (Mains().is_plain_with_an_async_tick, None),
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_run_returns_the_value_of_a_main_in_any_form(form: str, watched: bool) -> None:
    main, value = FORMS[form]
    trace = Recorder() if watched else None
    assert Runtime(system=Simulation(1), trace=trace).run(main) == value


def test_run_raises_the_error_of_a_coroutine_that_main_passed_on() -> None:
    told: list[Exception] = []
    rt = Runtime(system=Simulation(1))
    rt.on_uncaught = told.append
    assert rt.run(lambda: raises(ValueError("x"))) is None
    assert [str(error) for error in told] == ["x"]
    with pytest.raises(ValueError, match=r"^x$") as raised:
        Runtime(system=Simulation(1)).run(lambda: raises(ValueError("x")))
    assert not hasattr(raised.value, "__notes__")  # its main was awaited


class HasNoTraceback(Exception):
    @property
    def __traceback__(self) -> None:  # type: ignore[override]
        return None


class RefusesItsTraceback(Exception):
    @property
    def __traceback__(self) -> None:  # type: ignore[override]
        raise ZeroDivisionError


class AnswersWithErrors(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError


class IsFalse(Exception):
    def __bool__(self) -> bool:
        return False


class TakesNoTraceback(Exception):
    def with_traceback(self, trace: Any) -> Any:
        raise ZeroDivisionError


ODD = [HasNoTraceback, RefusesItsTraceback, AnswersWithErrors, IsFalse, TakesNoTraceback]


@pytest.mark.parametrize("wait", [Task, gather, race])
@pytest.mark.parametrize("kind", ODD)
def test_an_error_is_raised_at_its_await_whatever_it_answers(
    kind: type[Exception], wait: Callable[..., Future[Any]]
) -> None:
    async def main() -> str:
        try:
            await wait(raises(kind(), after=1))
        except kind:
            return "caught"
        return "lost"

    assert run(main) == "caught"


def test_run_raises_the_error_of_an_async_main() -> None:
    async def main() -> None:
        await raises(ValueError("x"))

    with pytest.raises(ValueError, match=r"^x$"):
        run(main)


def test_the_traceback_shows_the_chain_of_awaits() -> None:
    async def outer() -> None:
        await Task(inner())

    async def inner() -> None:
        await raises(ValueError("x"))

    with pytest.raises(ValueError, match="x") as caught:
        run(outer)
    names = [frame.name for frame in caught.traceback]
    assert [name for name in names if name in ("outer", "inner", "raises")] == [
        "outer",
        "inner",
        "raises",
    ]


def test_an_unheard_error_names_the_line_where_its_task_was_made() -> None:
    heard: list[Exception] = []

    async def main() -> None:
        Runtime.current().on_uncaught = heard.append
        Task(raises(ValueError("x"), 1), name="lost")
        await sleep_ms(5)

    run(main)
    (note,) = heard[0].__notes__
    line = main.__code__.co_firstlineno + 2
    assert note == f'nobody awaited the task lost, made in "{__file__}", line {line}'


def test_a_main_that_nothing_can_wake_is_told() -> None:
    async def main() -> None:
        await Future()

    with pytest.raises(RuntimeError, match="nothing can bring"):
        run(main)


def test_a_stop_ends_an_async_main_without_an_error() -> None:
    async def main() -> None:
        set_timeout(5, lambda _: Runtime.current().stop())
        await sleep_ms(1000)

    assert run(main) is None


# Cancellation


def test_a_cancelled_sleep_leaves_no_timer() -> None:
    async def main() -> None:
        rt = Runtime.current()
        task = Task(sleeper())
        assert rt.pending_events == 1
        assert task.cancel()
        assert rt.pending_events == 0
        with pytest.raises(Cancelled):
            await task
        assert task.cancelled()
        assert not task.cancel()
        assert nothing_is_left(rt)

    async def sleeper() -> None:
        await sleep_ms(1000)

    run(main)


def test_a_task_that_cancels_itself_ends_at_its_next_await() -> None:
    steps = []

    async def main() -> None:
        async def itself() -> None:
            (await_me,) = tasks
            await_me.cancel()
            steps.append("goes on")
            await sleep_ms(1)
            steps.append("never")

        async def later() -> None:
            await sleep_ms(1)
            await itself()

        tasks = [Task(later())]
        with pytest.raises(Cancelled):
            await tasks[0]
        assert nothing_is_left(Runtime.current())

    run(main)
    assert steps == ["goes on"]


def test_one_cancelled_while_its_step_is_queued_does_not_take_it() -> None:
    steps = []

    async def main() -> None:
        future: Future[None] = Future()

        async def waits() -> None:
            await future
            steps.append("never")

        task = Task(waits())
        future.set_result(None)
        assert task.cancel()
        with pytest.raises(Cancelled):
            await task

    run(main)
    assert not steps


def test_finally_may_await_and_a_task_may_refuse() -> None:
    steps = []

    async def careful() -> None:
        try:
            await sleep_ms(1000)
        finally:
            await sleep_ms(5)
            steps.append("cleaned")

    async def stubborn() -> str:
        try:
            await sleep_ms(1000)
        except Cancelled:
            await sleep_ms(1)
        return "done"

    async def main() -> None:
        one, other = Task(careful()), Task(stubborn())
        one.cancel()
        other.cancel()
        assert await other == "done"
        with pytest.raises(Cancelled):
            await one

    run(main)
    assert steps == ["cleaned"]


def test_a_pool_task_is_taken_back_unless_it_has_begun() -> None:
    ran = []

    async def main() -> None:
        rt = Runtime.current()
        first, second = in_pool(lambda: ran.append(1)), in_pool(lambda: ran.append(2))
        assert second.cancel()
        assert rt.pending_events == 1
        await first
        assert nothing_is_left(rt)

    Runtime(threads=1).run(main)
    assert ran == [1]


def test_a_time_limit_becomes_a_timeout_error_and_leaves_nothing() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError, match="10 ms"):
            async with timeout_ms(10) as limit:
                await sleep_ms(1000)
        assert limit.expired
        async with timeout_ms(1000) as limit:
            await sleep_ms(1)
        assert not limit.expired
        assert nothing_is_left(Runtime.current())

    run(main)


def test_a_time_limit_that_meets_a_cancellation_stays_one() -> None:
    async def limited() -> None:
        async with timeout_ms(10):
            try:
                await sleep_ms(1000)
            finally:
                await sleep_ms(5)

    async def main() -> None:
        task = Task(limited())
        set_timeout(12, lambda _: task.cancel())
        with pytest.raises(Cancelled):
            await task

    run(main)


def test_the_outer_of_two_limits_is_the_one_that_is_told() -> None:
    async def main() -> str:
        try:
            async with timeout_ms(5), timeout_ms(50):
                await sleep_ms(1000)
        except TimeoutError as error:
            return str(error)
        return ""

    assert "5 ms" in run(main)


def test_gather_cancels_the_rest_and_waits_for_them() -> None:
    steps = []

    async def slow() -> None:
        try:
            await sleep_ms(1000)
        finally:
            await sleep_ms(5)
            steps.append("over")

    async def main() -> None:
        with pytest.raises(ValueError, match="x"):
            await gather(slow(), raises(ValueError("x"), 1), sleep_ms(500))
        assert steps == ["over"]
        assert nothing_is_left(Runtime.current())

    run(main)


@pytest.mark.parametrize("wait_for", [gather, race])
def test_what_is_handed_over_twice_is_one_task(wait_for: Any) -> None:
    """As with asyncio's gather, and as the same promise twice in Promise.all."""
    begun: list[str] = []

    async def one() -> int:
        begun.append("begun")
        await sleep_ms(1)
        return 5

    class Waits:
        def __await__(self) -> Any:
            return one().__await__()

    async def main() -> None:
        coroutine, task, other = one(), Task(one()), Waits()
        found = await wait_for(coroutine, task, coroutine, other, task, other)
        assert found == ([5] * 6 if wait_for is gather else 5)
        assert len(begun) == 3

    run(main)


def test_a_cancelled_gather_cancels_all_and_waits() -> None:
    async def main() -> None:
        group = gather(sleep_ms(500), raises(ValueError(), 100))
        group.cancel()
        with pytest.raises(Cancelled):
            await group
        assert nothing_is_left(Runtime.current())

    run(main)


def test_race_takes_the_first_and_cancels_the_others() -> None:
    async def main() -> None:
        assert await race(sleep_ms(5), sleep_ms(1000)) is None
        assert Runtime.current().pending_events == 0

    run(main)


def test_a_task_cancelled_while_it_reads_leaves_the_socket_and_with_closes_it() -> None:
    async def main() -> None:
        async with net.create_server(lambda client: None) as server:
            async with net.connect(*server.address) as left:
                with pytest.raises(TimeoutError):  # noqa: PT012
                    async with timeout_ms(5):
                        async for _ in left:
                            pass
                assert not left.destroyed
                left.destroy()
            closed = net.connect(*server.address)
            with pytest.raises(TimeoutError):  # noqa: PT012
                async with timeout_ms(5), closed:
                    async for _ in closed:
                        pass
            assert closed.destroyed

    Runtime().run(main)


# Bad input


@pytest.mark.parametrize("wrong", [3, None, object()])
def test_what_is_not_awaitable_is_a_type_error_at_its_line(wrong: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError):
            await wrong
        with pytest.raises(TypeError, match="cannot be awaited"):
            gather(wrong)
        with pytest.raises(TypeError, match="expected a coroutine"):
            Task(wrong)

    run(main)


@types.coroutine
def in_the_old_style() -> Generator[Any, None, int]:
    yield from sleep_ms(1).__await__()
    return 9


class WithAwait:
    def __await__(self) -> Generator[Any, None, None]:
        return sleep_ms(1).__await__()


async def numbers() -> AsyncIterator[int]:
    yield 5


def test_whatever_await_takes_gather_and_race_take_too() -> None:
    async def main() -> None:
        for make, value in (
            (in_the_old_style, 9),
            (WithAwait, None),
            (lambda: anext(numbers()), 5),
            (lambda: gather(sleep_ms(1)), [None]),
        ):
            assert await make() == value
            assert await gather(make(), make()) == [value, value]
            assert await race(make()) == value

    run(main)


class YieldsItself:
    def __await__(self) -> Generator[Any, None, None]:
        yield self


class AwaitsAList:
    def __await__(self) -> Any:
        return [1]


class Fails:
    def __await__(self) -> Any:
        raise ValueError("in __await__")


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (YieldsItself, TypeError, r"YieldsItself object .* cannot be awaited on a Runtime"),
        (AwaitsAList, TypeError, "non-iterator of type 'list'"),
        (Fails, ValueError, "in __await__"),
        (numbers, TypeError, "async_generator can't be used in 'await'"),
        (lambda: iter([1]), TypeError, "can't be used in 'await'"),
        (lambda: numbers, TypeError, "function can't be used in 'await'"),
        (lambda: Future, TypeError, "type can't be used in 'await'"),
        (lambda: set_timeout(0, print), TypeError, "Timeout can't be used in 'await'"),
        (lambda: ValueError("x"), TypeError, "ValueError can't be used in 'await'"),
    ],
)
def test_more_that_is_not_awaitable(
    wrong: Callable[[], Any], error: type[Exception], says: str
) -> None:
    async def main() -> None:
        with pytest.raises(error, match=says):
            await wrong()
        await sleep_ms(1)  # the task goes on

    run(main)


@pytest.mark.parametrize(
    "wrong",
    [in_the_old_style, in_the_old_style(), numbers(), numbers, Future, [], range(3), "x", Task],
)
def test_more_that_is_no_coroutine(wrong: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="expected a coroutine that was not started"):
            Task(wrong)

    run(main)


@pytest.mark.parametrize("wrong", [None, "100", True, b"1", [], 1j, print])
def test_what_is_no_delay_is_refused_at_its_line(wrong: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match=r"number of milliseconds. Write await sleep_ms\(100"):
            sleep_ms(wrong)
        with pytest.raises(TypeError, match="number of milliseconds"):
            async with timeout_ms(wrong):
                pass

    run(main)


@pytest.mark.parametrize("none", [0, -1, -1e9, float("nan"), float("inf"), 1e300, 2**40, 1.9])
def test_a_delay_that_is_none_is_a_millisecond_as_in_node(none: float) -> None:
    async def main() -> list[float]:
        clock = Runtime.current().clock
        moments = [clock.now()]
        await sleep_ms(none)
        moments.append(clock.now())
        with pytest.raises(TimeoutError, match="not done within"):
            async with timeout_ms(none):
                await sleep_ms(1000)
        return [*moments, clock.now()]

    began, slept, ended = run(main)
    assert 1 <= (slept - began) * 1000 < 2
    assert 1 <= (ended - slept) * 1000 < 2


def test_an_async_function_is_not_for_the_pool() -> None:
    async def work() -> None:
        """Not for a thread."""

    async def main() -> None:
        for wrong in (work, partial(work), partial(partial(work))):
            with pytest.raises(TypeError, match=r"async function.* Await it here"):
                in_pool(wrong)

    run(main)


def test_what_belongs_to_asyncio_is_refused_where_it_is_awaited() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match=r"minirt\.aio"):
            await asyncio.sleep(0)
        await sleep_ms(1)

    run(main)


def test_a_coroutine_is_awaited_once() -> None:
    async def main() -> None:
        coroutine = raises(ValueError())
        with pytest.raises(ValueError):  # noqa: PT011
            await coroutine
        with pytest.raises(RuntimeError):
            await coroutine
        for again in (Task, gather):
            with pytest.raises(TypeError, match="not started yet"):
                again(coroutine)

    run(main)


def test_a_future_of_another_runtime_is_refused_where_it_is_awaited() -> None:
    kept: list[Future[Any]] = []
    Runtime().run(lambda: kept.append(Future()))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="another Runtime"):
            await kept[0]

    run(main)
    with pytest.raises(RuntimeError, match="closed"):
        kept[0].set_result(1)


@pytest.mark.parametrize("group", [gather, race])
def test_nor_does_a_group_take_one(group: Any) -> None:
    kept: list[Future[Any]] = []
    Runtime().run(lambda: kept.append(Future()))
    begun: list[int] = []

    async def begins() -> None:
        begun.append(1)

    async def main() -> None:
        coroutine = begins()
        with pytest.raises(RuntimeError, match="another Runtime"):
            group(coroutine, kept[0])
        coroutine.close()

    run(main)
    assert not begun


def test_a_time_limit_is_for_one_block() -> None:
    async def main() -> None:
        limit = timeout_ms(5)
        async with limit:
            with pytest.raises(RuntimeError, match="Make one for each block"):
                await limit.__aenter__()
        with pytest.raises(RuntimeError, match="Make one for each block"):
            async with limit:
                pass
        await sleep_ms(20)  # nobody is cancelled by a timer that was left

    run(main)


def test_a_future_is_settled_once_and_with_an_instance() -> None:
    async def main() -> None:
        future: Future[int] = Future()
        with pytest.raises(RuntimeError, match="no result yet"):
            future.result()
        for wrong in (ValueError, "x", StopIteration()):
            with pytest.raises(TypeError, match="expected an instance"):
                future.set_exception(wrong)  # type: ignore[arg-type]
        future.set_result(1)
        for again in (lambda: future.set_result(2), lambda: future.set_exception(ValueError())):
            with pytest.raises(RuntimeError, match="settled already"):
                again()
        assert not future.cancel()
        assert future.result() == 1

    run(main)


def test_stop_iteration_from_the_pool_becomes_a_runtime_error() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await in_pool(lambda: next(iter(())))

    run(main)


def test_nothing_is_made_without_a_program_or_after_its_end() -> None:
    for make in (Future, lambda: sleep_ms(1), lambda: in_pool(int)):
        with pytest.raises(RuntimeError):
            make()
    with pytest.raises(NotCallable, match=r"without arguments, and 3 .* in_pool\(work\)"):
        in_pool(3)  # type: ignore[arg-type]


def test_a_pending_task_is_ended_when_the_program_ends() -> None:
    steps = []

    async def waits() -> None:
        try:
            await Future()
        finally:
            steps.append("ended")
            await sleep_ms(1)

    with pytest.raises(RuntimeError):
        run(waits)
    assert steps == ["ended"]


# The modules, and the trace


def test_a_module_without_a_callback_gives_the_plain_value(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "x"
        assert await fs.write(path, "text") is None
        assert await fs.read(path) == "text"
        assert await fs.read_bytes(path) == b"text"
        assert await fs.stat(path) == 4
        with pytest.raises(FileNotFoundError):
            await fs.read(tmp_path / "none")

    run(main)


def test_a_watched_program_tells_the_life_of_each_task_and_is_deterministic() -> None:
    async def main() -> None:
        await sleep_ms(5)

    def events() -> list[Any]:
        recorder = Recorder()
        run(main, trace=recorder)
        return [tuple(event) for event in recorder.events]

    first = events()
    kinds = [
        event[4] for event in first if event[4] in ("created", "step", "awaits", "resumed", "done")
    ]
    assert kinds == ["created", "step", "awaits", "resumed", "done"]
    (awaits,) = [event[6] for event in first if event[4] == "awaits"]
    assert awaits["awaits"] == "Sleep"
    assert awaits["at"] == main.__code__.co_firstlineno + 1
    assert events() == first


@pytest.mark.parametrize("traced", [False, True])
def test_an_async_callback_of_an_interval_is_a_task_each_time(traced: bool) -> None:
    seen: list[object] = []

    def main() -> None:
        async def beat(_: object) -> None:
            seen.append("begins")
            set_timeout(10, lambda _: seen.append("set first"))
            if len(seen) > 3:
                interval.cancel()
            await sleep_ms(1)
            seen.append("goes on")

        interval = rt.set_interval(10, beat)

    rt = Runtime(system=Simulation(1), trace=Recorder() if traced else None)
    rt.run(main)
    each = ["begins", "goes on"]
    assert seen == [*each, "set first", *each, "set first"]


@pytest.mark.parametrize("traced", [False, True])
def test_an_async_on_uncaught_is_a_task(traced: bool) -> None:
    seen: list[object] = []

    async def tell(error: Exception) -> None:
        await sleep_ms(1)
        seen.append(str(error))

    def main() -> None:
        rt.on_uncaught = tell
        rt.set_immediate(lambda _: {}["lost"])
        rt.set_timeout(20, lambda _: seen.append("the loop goes on"))

    rt = Runtime(system=Simulation(1), trace=Recorder() if traced else None)
    rt.run(main)
    assert seen == ["'lost'", "the loop goes on"]


class Teller:
    async def __call__(self, error: Exception) -> None:
        raise ValueError("from the handler") from error


TELLERS: dict[str, Callable[[Exception], object]] = {
    "an object": Teller(),
    "its method": Teller().__call__,
    "a lambda": lambda error: Teller().__call__(error),
    "a part": partial(Teller.__call__, Teller()),
}


@pytest.mark.parametrize("tell", TELLERS.values(), ids=TELLERS)
def test_the_error_of_an_async_on_uncaught_leaves_run(
    tell: Callable[[Exception], object],
) -> None:
    def main() -> None:
        rt.on_uncaught = tell
        assert rt.on_uncaught is tell
        rt.set_immediate(lambda _: {}["lost"])
        rt.set_timeout(60_000, lambda _: rt.stop())

    rt = Runtime(system=Simulation(1))
    with pytest.raises(ValueError, match="from the handler") as caught:
        rt.run(main)
    assert Path(__file__).name in caught.value.__notes__[0]
