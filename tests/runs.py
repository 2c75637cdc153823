"""Programs that are run in simulated time, and their events."""

from collections.abc import Callable
from typing import Any

from minirt import Recorder, Runtime, Simulation, TaskKind, Undefined
from minirt.watching.trace import Event


def recorded(program: Callable[[Runtime], object], threads: int = 4) -> tuple[Runtime, list[Event]]:
    """The events of `program(rt)`."""
    recorder = Recorder()
    rt = Runtime(threads=threads, system=Simulation(), trace=recorder)
    rt.run(lambda: program(rt))
    return rt, recorder.events


def task(rt: Runtime, seconds: float, kind: TaskKind = TaskKind.ENCRYPT) -> int:
    """A task that takes so long."""

    def work() -> Undefined:
        rt.clock.sleep(seconds)
        return Undefined()

    return rt.register_event_threadpool(work, kind, lambda _: None)


def event(time: float, kind: str, identity: int | None = None, /, **detail: Any) -> Event:
    """An event of a callback, or of `thread` and `phase`, if they are given."""
    thread = detail.pop("thread", "main")
    return Event(time, 1, detail.pop("phase", "timers"), thread, kind, identity, detail or None)


def call(start: float, end: float, identity: int | None = None) -> list[Event]:
    """A callback that ran."""
    return [event(start, "run", identity), event(end, "returned", identity)]


def busy_program(rt: Runtime) -> None:
    """A bit of everything."""

    def tick(_: object) -> None:
        rt.set_immediate(lambda _: rt.next_tick(lambda _: rt.queue_microtask(lambda _: None)))
        if rt.ticks > 20:
            rt.clear_interval(interval)

    interval = rt.set_interval(5, tick)
    rt.clear_timeout(rt.set_timeout(50, lambda _: None))
    for n in range(7):
        task(rt, 0.01 * n, TaskKind.ENCRYPT if n % 2 else TaskKind.FILE_READ)
    rt.log("started")


def unfolded(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page does: the frame after each event."""
    frame: dict[str, Any] = {}
    frames = []
    for time, turn, phase, _, _, _, _, changes in recording["events"]:
        frame = {**frame, "time": time, "turn": turn, "phase": phase}
        frame |= {name: recording["values"][number] for name, number in changes.items()}
        frames.append(frame)
    return frames
