"""Whatever a program does, and for however long, what its view keeps and sends has a bound."""

import asyncio
import gc
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minirt import Runtime, Simulation, TaskKind, Undefined
from minirt.aio.program import AsyncioProgram
from minirt.views import queues
from minirt.views.queues import KINDS_OF_WAITING
from minirt.views.state import State
from minirt.views.tape import pack, tape
from minirt.views.watch import Watch
from minirt.watching.trace import KINDS, Event

EVENTS = 100_000
ROOM = 2_000  # of the lists that have 20,000 entries, so that the test soon sees whether they grow
PLACE = {"callback": "a_callback", "file": "program.py", "line": 7}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room in each list that has a bound."""
    monkeypatch.setattr(queues, "KNOWN", ROOM)
    monkeypatch.setattr("minirt.views.workers.KNOWN", ROOM)


def entries_in(value: object) -> int:
    """How many entries all containers have that `value` holds, each container once."""
    seen: set[int] = set()
    ahead, count = [value], 0
    while ahead:
        here = ahead.pop()
        if id(here) in seen or isinstance(here, str | bytes | int | float | None):
            continue
        seen.add(id(here))
        if isinstance(here, dict):
            inside: list[object] = [*here.keys(), *here.values()]
        elif hasattr(here, "__iter__"):
            inside = list(here)
        else:
            inside = list(getattr(here, "__dict__", {}).values())
        count += len(inside)
        ahead += inside
    return count


def of_kind(kind: str, where: str = "") -> Iterator[Event]:
    """Events that are all of one kind, each with an identity, a thread and a text of its own."""
    for number in range(EVENTS):
        detail = {
            **PLACE,
            "where": where,
            "deadline": float(number),
            "delay": number,
            "kind": f"Kind {number}",
            "text": f"line {number}",
            "readiness": f"readiness {number}",
            "persistent": True,
            "descriptor": number,
        }
        thread = ("main", "epoll", f"pool{number % 4}", f"thread {number}")[number % 4]
        yield Event(float(number), number, "timers", thread, kind, number, detail)


def sizes(events: Iterator[Event]) -> tuple[int, int]:
    """What a watch keeps after half of the events, and after all of them."""
    watch, found = Watch(capacity=ROOM), []
    for number, event in enumerate(events, start=1):
        watch.record(event)
        if number in (EVENTS // 2, EVENTS):
            watch.take()
            found.append(entries_in(watch))
    return found[0], found[1]


CASES = [
    *((kind, "") for kind in KINDS if kind != "queued"),
    *(("queued", where) for where in (*KINDS_OF_WAITING, "tick", "elsewhere")),
]


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(("kind", "where"), CASES)
@pytest.mark.slow
def test_a_hundred_thousand_events_of_one_kind_take_no_more_room_than_half_of_them(
    kind: str, where: str
) -> None:
    half, whole = sizes(of_kind(kind, where))
    assert whole == pytest.approx(half, rel=0.02)
    assert whole < 80 * ROOM


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("where", ["timer", "pool", "epoll", "immediate", "close", "other"])
def test_callbacks_for_which_there_is_no_room_are_counted(where: str) -> None:
    state, number = State(threads=2), 3 * ROOM

    def tell(kind: str, identity: int, **detail: Any) -> None:
        state.apply(Event(0.0, 1, "main", "main", kind, identity, detail))

    for identity in range(number):
        tell("boxed", identity, **PLACE)
        tell("queued", identity, where=where, deadline=float(identity))
    assert state.fields(["queue"])["queue"][2] == [[where, number]]
    for identity in reversed(range(number)):
        tell("dropped", identity, where=where)
    assert state.fields(["queue"])["queue"] == [0, [], []]


@pytest.mark.usefixtures("narrow")
def test_a_boxed_callback_for_which_there_is_no_room_is_counted_too() -> None:
    state = State()
    for identity in range(ROOM + 3):
        state.apply(Event(0.0, 1, "main", "main", "boxed", identity, PLACE))
    assert state.fields(["queue"])["queue"][2] == [["boxed", ROOM + 3]]


@pytest.mark.slow
def test_a_frame_with_ten_thousand_timers_is_small() -> None:
    watch = Watch(budget=10**6)
    rt = Runtime(system=Simulation(), trace=watch)
    sent: list[int] = []

    def main() -> None:
        for delay in range(10_000):
            rt.set_timeout(delay, lambda _: rt.log("x" * 400))
        rt.set_timeout(500, look)

    def look(_: object) -> None:
        frame = watch.frame(rt.snapshot())
        assert frame["timers"][0] > 9_000
        sent.append(len(json.dumps(frame)))
        rt.stop()

    rt.run(main)
    assert sent[0] <= 20_000


MOST = 40_000  # characters of the frame of an odd program
LONG = "n" * 10_000


def sent_by(program: Callable[[Runtime], object], threads: int = 4, seconds: float = 0.0) -> int:
    """How long the frame is, so long after main has done this."""
    watch, sent = Watch(budget=10**6), list[int]()
    rt = Runtime(system=Simulation(), trace=watch, threads=threads)

    def main() -> None:
        rt.set_timeout(seconds * 1000, look)
        program(rt)

    def look(_: object) -> None:
        sent.append(len(json.dumps(watch.frame(rt.snapshot()))))
        rt.stop()

    rt.run(main)
    return sent[0]


def named(name: str) -> Callable[[object], object]:
    """A callback of this name."""

    def callback(_: object) -> None:
        pass

    callback.__qualname__ = name
    return callback


def sleeps(rt: Runtime, seconds: float, name: str) -> None:
    def work() -> Undefined:
        rt.clock.sleep(seconds)
        return Undefined()

    rt.register_event_threadpool(work, TaskKind(name), named(name))


@pytest.mark.parametrize(("name", "threads"), [(LONG, 200), ("\u65e5" * 10_000, 8)])
def test_the_frame_of_a_program_with_long_names_and_many_threads_is_small(
    name: str, threads: int
) -> None:
    def program(rt: Runtime) -> None:
        for number in range(400):
            sleeps(rt, 0.01 + number % 7 / 1000, name)
            rt.set_timeout(number % 20, named(name))
            rt.set_timeout(5000, named(name))
            rt.set_immediate(named(name))
            rt.log(name[:600])

    assert sent_by(program, threads, seconds=0.013) <= MOST


def rainbow(letters: str, looks: str = "") -> str:
    """Each of them has exact colours of its own."""
    return "".join(
        f"\x1b[{looks}38;2;{at};0;255;48;5;{16 + at % 200}m{letter}"
        for at, letter in enumerate(letters)
    )


@pytest.mark.parametrize(
    "line",
    [
        "".join(f"\x1b[{31 + at % 6}mletter{at} " for at in range(60)),
        "".join(f"\x1b[{31 + at % 6};4mx" for at in range(200)),
        rainbow("x" * 200),
        rainbow("\u65e5" * 200, "1;4;"),
    ],
    ids=["words", "letters", "exact letters", "exact letters that are wide, bold and underlined"],
)
@pytest.mark.slow
def test_the_frame_of_a_program_that_prints_a_rainbow_is_small(line: str) -> None:
    sent = sent_by(lambda rt: [rt.log(line) for _ in range(100)])
    assert 1_500 < sent <= MOST // 2


@pytest.mark.slow
def test_the_frame_of_ten_thousand_ticks_and_microtasks_is_small() -> None:
    watch, sent = Watch(budget=10**6), list[int]()
    rt = Runtime(system=Simulation(), trace=watch)

    def main() -> None:
        for _ in range(10_000):
            rt.next_tick(named(LONG))
            rt.queue_microtask(named(LONG))
        sent.append(len(json.dumps(watch.frame(rt.snapshot()))))
        rt.stop()

    rt.run(main)
    assert sent[0] <= MOST // 20


def frame_of_asyncio(main: Callable[[], Any]) -> int:
    """How long the frame is when main has just awaited what it starts, before it is cancelled."""
    watch, sent = Watch(budget=10**6), list[int]()
    program = AsyncioProgram(Simulation(), watch)

    async def all_of_it() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        tasks = await main()
        await asyncio.sleep(0.01)
        gc.collect()
        sent.append(len(json.dumps(watch.frame(program.snapshot()))))
        for task in tasks:
            task.cancel()

    program.run(all_of_it())
    return sent[0]


async def many_tasks_with_long_names() -> list[Any]:
    queues_of_it: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(40)]

    async def waits(queue_with_a_name: "asyncio.Queue[int]") -> None:
        await queue_with_a_name.get()

    waits.__qualname__ = "\u65e5" * 10_000
    return [
        asyncio.create_task(waits(queue), name="\u672c" * 10_000)
        for queue in queues_of_it
        for _ in range(25)
    ]


async def many_tasks() -> list[Any]:
    return [asyncio.create_task(asyncio.sleep(n), name=f"task-{n}") for n in range(3_000)]


async def many_findings() -> list[Any]:
    lines = [f"async def f{n}():\n    raise ValueError({LONG!r})" for n in range(99)]
    names: dict[str, Any] = {}
    exec(compile("\n".join(lines), "/" + "folder/" * 40 + "x.py", "exec"), names)
    for number in range(99):
        failing = asyncio.create_task(names[f"f{number}"]())
        await asyncio.wait([failing])
        del failing
    return []


@pytest.mark.parametrize("main", [many_tasks_with_long_names, many_tasks, many_findings])
@pytest.mark.slow
def test_the_frame_of_an_odd_program_of_asyncios_is_small(main: Callable[[], Any]) -> None:
    assert 5_000 < frame_of_asyncio(main) <= MOST


@pytest.mark.slow
def test_what_is_saved_of_three_hundred_tasks_is_as_small_as_of_timers() -> None:
    async def nap(number: int) -> None:
        await asyncio.sleep(number / 100)

    async def main() -> None:
        await asyncio.gather(*map(nap, range(300)))

    watch = Watch(budget=10**6)
    AsyncioProgram(Simulation(), watch).run(main())
    assert len(pack(tape(watch.entries(), before=watch.before))) < 45_000  # 60 kB as base64


async def jobs_that_are_cancelled() -> None:
    jobs = [asyncio.create_task(asyncio.to_thread(int)) for _ in range(20)]
    await asyncio.sleep(0)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


async def readers_that_end_each_other() -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()

    def end() -> None:
        loop.remove_reader(one)
        loop.remove_reader(other)

    for each in (one, other):
        each.send(b"x")
        loop.add_reader(each, end)
    await asyncio.sleep(0.001)
    one.close()
    other.close()


async def timers_that_end_each_other() -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    for _ in range(5):
        timers.append(loop.call_later(0.001, lambda: [timer.cancel() for timer in timers]))
    await asyncio.sleep(0.003)


async def locks_and_queues() -> None:
    lock, queue = asyncio.Lock(), asyncio.Queue[int]()

    async def holds() -> None:
        async with lock:
            await queue.put(1)
            await asyncio.sleep(0)

    await asyncio.gather(holds(), holds(), queue.get(), queue.get())


async def tasks_that_are_destroyed() -> None:
    async def lost() -> None:
        await asyncio.get_running_loop().create_future()

    asyncio.create_task(lost())  # noqa: RUF006 (it is to be destroyed)
    await asyncio.sleep(0)
    gc.collect(0)


@pytest.mark.parametrize(
    "round_of_it",
    [
        jobs_that_are_cancelled,
        readers_that_end_each_other,
        timers_that_end_each_other,
        locks_and_queues,
        tasks_that_are_destroyed,
    ],
)
@pytest.mark.slow
def test_what_is_over_in_an_asyncio_program_leaves_nothing_with_who_watches(
    round_of_it: Callable[[], Any],
) -> None:
    watch, left = Watch(capacity=50, budget=10**6), list[dict[str, int]]()
    program = AsyncioProgram(None, watch)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        for _ in range(2):
            for _ in range(20):
                await round_of_it()
            await asyncio.to_thread(int)
            while program.loop.pool.busy():  # at jobs that were cancelled when they had begun
                await asyncio.sleep(0.001)
            gc.collect()
            await asyncio.sleep(0.001)
            watch.take()
            state, watched = watch._state, program.loop.calls
            kept = {
                **vars(program.book),
                **{name: getattr(watched, name) for name in ("_descriptors", "_kinds")},
                "rows": state.tasks._rows,
                "waits": state.queues._waits,
                "handed over": state.workers._handed_over,
            }
            left.append({name: len(one) for name, one in kept.items() if hasattr(one, "__len__")})

    program.run(main())
    first, last = left
    first["_gone"] = last["_gone"] = 0  # the last ones
    assert last == first and max(last.values()) < 10, last
