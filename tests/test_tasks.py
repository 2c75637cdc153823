"""The tasks of a run, folded from its events: the same in a live frame and in a recording."""

import asyncio
import gc
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation, sleep_ms
from minirt.aio.program import AsyncioProgram
from minirt.views import queues
from minirt.views.state import State
from minirt.views.tape import pack, tape, unpack
from minirt.views.tasks import ROOM, Tasks
from minirt.views.watch import Watch
from minirt.watching.trace import Event


def event(kind: str, identity: int | None, time: float = 1.0, **detail: Any) -> Event:
    return Event(time, 1, "round", "main", kind, identity, detail)


def made(number: int, parent: str = "", coroutine: str = "fetch") -> Event:
    return event("created", number, name=f"task-{number}", coroutine=coroutine, parent=parent)


def waits(number: int, what: str, kind: str, time: float = 2.0, **more: Any) -> Event:
    name = f"task-{number}"
    return event("awaits", number, time, name=name, awaits=what, what=kind, at=7, **more)


def test_a_row_says_what_a_task_awaits_and_since_when() -> None:
    tasks = Tasks()
    tasks.apply(made(1))
    tasks.apply(made(2, "1"))
    tasks.apply(waits(2, "queue.get", "queue", source="await queue.get()"))
    total, rows, groups, ended, last = tasks.field(1.0)
    assert (total, ended, last) == (2, 0, [])
    assert rows[1]["parent"] == "1"
    assert rows[1]["coroutine"] == "fetch"
    assert (rows[1]["what"], rows[1]["line"], rows[1]["since"]) == ("queue.get", 7, 1.0)
    assert groups == [["fetch", "ready", 1], ["fetch", "queue.get", 1]]


def test_a_task_that_goes_on_awaits_nothing() -> None:
    tasks = Tasks()
    tasks.apply(waits(1, "sleep 1 s", "timer", until=3.0))
    tasks.apply(event("resumed", 1, name="task-1", by="its timer"))
    (row,) = tasks.field(0.0)[1]
    assert (row["state"], row["what"], row["until"], row["by"]) == ("runs", "", None, "its timer")


@pytest.mark.parametrize(
    ("kind", "detail", "state"),
    [("done", {}, "done"), ("done", {"error": "no"}, "failed"), ("cancelled", {}, "cancelled")],
)
def test_a_task_that_is_over_folds_away(kind: str, detail: dict[str, Any], state: str) -> None:
    tasks = Tasks()
    tasks.apply(made(1))
    tasks.apply(event(kind, 1, **detail))
    total, rows, groups, ended, last = tasks.field(0.0)
    assert (total, rows, groups, ended) == (0, [], [], 1)
    assert last[0]["state"] == state


def test_tasks_that_sleep_for_different_times_are_alike() -> None:
    tasks = Tasks()
    for number in range(5):
        tasks.apply(made(number))
        tasks.apply(waits(number, f"sleep {number} s", "timer"))
    assert tasks.field(0.0)[2] == [["fetch", "a timer", 5]]


def test_of_many_tasks_those_are_shown_that_are_looked_for() -> None:
    tasks = Tasks()
    for number in range(1_000):
        tasks.apply(made(number))
    assert len(tasks.field(0.0)[1]) == ROOM
    tasks.words = "FETCH task-777"
    assert [row["name"] for row in tasks.field(0.0)[1]] == ["task-777"]


def test_tasks_for_which_there_is_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "KNOWN", 10)
    tasks = Tasks()
    for number in range(15):
        tasks.apply(made(number))
    assert len(tasks) == 15
    for number in range(15):
        tasks.apply(event("done", number))
    assert len(tasks) == 0


def test_a_task_of_which_only_the_number_was_known_is_counted_once() -> None:
    tasks = Tasks()
    known = {"name": "task-1", "coroutine": "fetch", "awaits": "queue.get"}
    tasks.begin([(1, 1.0, known)], 5)
    for number in (1, 2, 3):
        tasks.apply(event("resumed", number, name=f"task-{number}", coroutine="fetch"))
        assert len(tasks) == 5
    tasks.apply(made(6))
    assert len(tasks) == 6
    for number in range(1, 7):
        tasks.apply(event("done", number))
    assert len(tasks) == 0


def shown_at(recorded: dict[str, Any], at: int) -> list[dict[str, Any]]:
    """What the page shows at an event, as static/tasks.js computes it."""
    rows: dict[str, dict[str, Any]] = {}
    for change in recorded["tasks"]:
        if change["at"] <= at:
            row = {name: value for name, value in change.items() if name != "at"}
            if row["state"] in ("done", "failed", "cancelled", "gone"):
                rows.pop(row["identity"], None)
            else:
                rows[row["identity"]] = row
    return list(rows.values())


def test_a_recording_shows_at_each_event_what_a_live_frame_did() -> None:
    async def worker(queue: "asyncio.Queue[int]") -> None:
        while True:
            await queue.get()
            await asyncio.sleep(0.01)
            queue.task_done()

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        workers = [asyncio.create_task(worker(queue)) for _ in range(2)]
        for number in range(5):
            await queue.put(number)
        await queue.join()
        for one in workers:
            one.cancel()

    recorder = Recorder()
    AsyncioProgram(Simulation(), recorder).run(main())
    recorded = unpack(pack(tape(recorder.events)))
    state = State()
    for at, one in enumerate(recorder.events):
        state.apply(one)
        live = state.tasks.field(state.origin)[1]
        key = "identity"
        assert sorted(shown_at(recorded, at), key=lambda row: str(row[key])) == sorted(
            live, key=lambda row: str(row[key])
        )
    assert recorded["phases"] == ["poll", "timers", "round"]


def test_minirts_own_tasks_are_rows_as_well() -> None:
    async def child() -> None:
        await sleep_ms(10)

    async def main() -> None:
        await child()

    recorder = Recorder()
    Runtime(system=Simulation(), trace=recorder).run(main)
    state = State()
    seen = []
    for one in recorder.events:
        state.apply(one)
        seen += [row["name"] for row in state.tasks.field(0.0)[1]]
    assert "main" in seen
    assert state.tasks.field(0.0)[0] == 0


def test_while_a_program_is_left_alone_its_tasks_are_those_of_the_snapshot() -> None:
    seen: list[Any] = []
    watch = Watch(budget=1)
    program = AsyncioProgram()

    async def main() -> None:
        sleeper = asyncio.create_task(asyncio.sleep(60), name="sleeper")
        await asyncio.sleep(0.001)
        watch.rest()
        seen.append(watch.frame(program.snapshot()))
        sleeper.cancel()

    program.run(main())
    total, rows, groups, _, _ = seen[0]["tasks"]
    assert total == 2
    assert "sleeper" in [row["name"] for row in rows]
    assert seen[0]["phases"] == ["poll", "timers", "round"]
    assert ["sleep", "a timer", 1] in groups


def test_a_row_says_how_often_a_task_was_sent_on_and_how_long_it_was_at_work() -> None:
    tasks = Tasks()
    tasks.apply(made(1))
    for number, took in enumerate((0.25, 0.5, 0.125)):
        tasks.apply(event("resumed" if number else "step", 1, 10.0 + number, name="task-1"))
        tasks.apply(waits(1, "queue.get", "queue", 10.0 + number + took))
    (row,) = tasks.field(0.0)[1]
    assert (row["steps"], row["busy"], row["longest"]) == (3, 0.875, 0.5)
    assert not row["sampled"]


def test_of_a_task_that_is_over_the_last_step_counts_too() -> None:
    tasks = Tasks()
    tasks.apply(made(1))
    tasks.apply(event("step", 1, 10.0, name="task-1"))
    tasks.apply(event("done", 1, 10.5))
    ((row,),) = (tasks.field(0.0)[4],)
    assert (row["steps"], row["busy"], row["longest"]) == (1, 0.5, 0.5)


def test_steps_of_which_no_event_tells_make_the_numbers_a_sample() -> None:
    tasks = Tasks()
    tasks.apply(made(1))
    tasks.apply(event("step", 1, 10.0, name="task-1"))
    tasks.begin([(1, 11.0, {"name": "task-1", "awaits": "queue.get"})], 1)  # nobody saw its end
    tasks.apply(event("resumed", 1, 12.0, name="task-1"))
    tasks.apply(waits(1, "queue.get", "queue", 12.5))
    tasks.apply(event("resumed", 2, 13.0, name="task-2"))  # it was made meanwhile
    first, second = tasks.field(0.0)[1]
    assert (first["steps"], first["busy"], first["sampled"]) == (2, 0.5, True)
    assert (second["steps"], second["sampled"]) == (1, True)


def test_the_busiest_tasks_are_known_also_when_they_are_over() -> None:
    tasks = Tasks()
    for number in range(50):
        tasks.apply(made(number))
        tasks.apply(event("step", number, 0.0, name=f"task-{number}"))
        tasks.apply(event("done", number, (number * 7 % 50) / 100))
    busy = [round(row.busy * 100) for row in tasks.busiest()]
    assert busy == [49, 48, 47, 46, 45, 44, 43, 42, 41, 40]


def test_tasks_of_which_only_the_number_is_known_are_a_group() -> None:
    tasks = Tasks()
    tasks.begin([(1, 1.0, {"name": "one", "coroutine": "fetch", "awaits": "queue.get"})], 5)
    assert tasks.field(0.0)[2] == [["fetch", "queue.get", 1], ["others", "not looked at", 4]]


def test_tasks_that_end_while_a_program_is_left_alone_are_gone_when_it_is_traced_again() -> None:
    counts: list[tuple[int, int]] = []
    watch = Watch(budget=10**6)
    program = AsyncioProgram(Simulation(), watch)

    def look() -> None:
        counters = watch.frame(program.snapshot())["counters"]
        counts.append((counters[0], len(asyncio.all_tasks())))

    async def main() -> None:
        naps = [asyncio.create_task(asyncio.sleep(n % 3 / 10)) for n in range(30)]
        await asyncio.sleep(0.01)
        watch.rest()
        program.detach()
        look()
        await asyncio.sleep(0.1)  # some end, unseen
        naps += [asyncio.create_task(asyncio.sleep(0.01)) for _ in range(5)]
        await asyncio.sleep(0)
        watch.begin(program.snapshot())
        program.attach(watch)
        look()
        await asyncio.gather(*naps)
        look()

    program.run(main())
    assert counts == [(21, 21), (16, 16), (1, 1)]


def test_tasks_that_are_destroyed_are_gone_each_of_them() -> None:
    counts: list[int] = []
    watch = Watch(budget=10**6)
    program = AsyncioProgram(Simulation(), watch)

    async def lost() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        for _ in range(20):
            task = asyncio.create_task(lost())
            await asyncio.sleep(0.01)
            counts.append(watch.frame(program.snapshot())["counters"][0])
            del task
            gc.collect()
            await asyncio.sleep(0)

    program.run(main())
    assert counts == [2] * 20
