"""What can be called as it will be called? What cannot is refused where it is handed over."""

import functools
import warnings
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from minirt import Recorder, Runtime, Simulation, TaskKind, in_pool, set_timeout
from minirt.core.signatures import check_returned
from minirt.errors import NeverRuns, NotAMain, NotCallable, WrongArguments


def generator(_: object) -> Iterator[int]:
    yield 1


async def async_generator(_: object) -> AsyncIterator[int]:
    yield 1


class Made:
    def generator(self, _: object) -> Iterator[int]:
        yield 1


class Called:
    def __call__(self, _: object) -> Iterator[int]:
        yield 1


class Inherits(Called):
    pass


class CalledOtherwise(Called):
    def __call__(self, _: object) -> Iterator[int]:
        return iter(())


OBJECTS = {
    "an object": Called(),
    "one that inherits it": Inherits(),
    "a part": functools.partial(Inherits()),
}
YIELDS = {
    "a function": generator,
    "an async one": async_generator,
    "a method": Made().generator,
    "a part": functools.partial(generator),
}


@pytest.mark.parametrize("callback", YIELDS.values(), ids=YIELDS)
@pytest.mark.parametrize("trace", [None, Recorder()], ids=["plain", "traced"])
def test_a_generator_function_is_no_callback(
    callback: Callable[..., object], trace: Recorder | None
) -> None:
    rt = Runtime(system=Simulation(), trace=trace)
    with pytest.raises(NeverRuns, match=r"generator \(line \d+\) has a `yield`"):
        rt.run(lambda: rt.set_timeout(1, callback))


@pytest.mark.parametrize("callback", OBJECTS.values(), ids=OBJECTS)
def test_nor_is_an_object_whose_call_makes_one(callback: Callable[..., object]) -> None:
    with pytest.raises(NeverRuns, match=r"__call__ \(line \d+\) has a `yield`"):
        Runtime(system=Simulation()).run(lambda: set_timeout(1, callback))


def test_what_is_called_is_the_nearest_call_of_its_classes() -> None:
    Runtime(system=Simulation()).run(lambda: set_timeout(1, CalledOtherwise()))


@pytest.mark.parametrize("made", [generator, async_generator])
def test_nor_is_one_that_a_callback_makes(made: Callable[[object], object]) -> None:
    rt = Runtime(system=Simulation())
    with pytest.raises(NeverRuns):
        rt.run(lambda: rt.next_tick(lambda value: made(value)))


def test_a_generator_that_is_run_may_be_returned() -> None:
    begun = generator(None)
    next(begun)
    check_returned(begun)
    check_returned(number for number in range(3))
    check_returned(5)


def test_a_main_is_no_generator() -> None:
    with pytest.raises(NeverRuns):
        Runtime().run(lambda: generator(None))
    with pytest.raises(NeverRuns):
        Runtime().run(functools.partial(generator, None))


@pytest.mark.parametrize(
    "hand_over",
    [
        lambda rt, work: rt.at_close(work),
        lambda rt, work: rt.register_event_threadpool(work, TaskKind("Zip"), print),
        lambda rt, work: in_pool(work),
    ],
    ids=["at_close", "a task", "in_pool"],
)
def test_what_is_called_without_arguments_is_looked_at_too(
    hand_over: Callable[[Runtime, object], object],
) -> None:
    def main() -> None:
        with pytest.raises(
            WrongArguments, match=r"called without arguments, and <lambda>.*takes 1"
        ):
            hand_over(rt, lambda value: None)
        with pytest.raises(NeverRuns):
            hand_over(rt, functools.partial(generator, None))

    rt = Runtime(system=Simulation())
    rt.run(main)


@pytest.mark.parametrize("main", [len, divmod, dict.fromkeys])
@pytest.mark.parametrize("trace", [None, Recorder()], ids=["plain", "traced"])
def test_a_main_of_c_is_told_that_it_gets_nothing(
    main: Callable[..., object], trace: Recorder | None
) -> None:
    with pytest.raises(WrongArguments, match=r"^main is called without arguments, and "):
        Runtime(trace=trace).run(main)


@pytest.mark.parametrize("refused", [NotCallable, NotAMain])
def test_a_coroutine_that_is_refused_is_not_warned_of_a_second_time(
    refused: type[Exception],
) -> None:
    async def mine() -> None: ...

    def main() -> None:
        with pytest.raises(NotCallable):
            rt.set_timeout(1, mine())  # type: ignore[arg-type]

    rt = Runtime(system=Simulation())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if refused is NotAMain:
            with pytest.raises(NotAMain):
                rt.run(mine())  # type: ignore[arg-type]
        else:
            rt.run(main)
