"""What does the console say of an event?"""

import io

from minirt import Interest, Recorder, Runtime, Simulation, String, TaskKind, log, set_timeout
from minirt.views.console import Console, line
from minirt.watching.trace import Event


def lines_of(main: object, **options: object) -> list[str]:
    printed = io.StringIO()
    Runtime(system=Simulation(), trace=Console(printed), **options).run(main)  # type: ignore[arg-type]
    return printed.getvalue().splitlines()


def test_a_timer_says_its_identity_in_the_shape_of_the_source() -> None:
    def main() -> None:
        Runtime.current().generate_identity()
        set_timeout(5, lambda _: None)

    assert "Thread: main  Registered timer event id: 2" in lines_of(main)


def test_a_task_is_submitted_received_and_finished_on_its_thread() -> None:
    def main() -> None:
        Runtime.current().register_event_threadpool(
            lambda: String(""), TaskKind.FILE_READ, lambda _: None
        )

    said = lines_of(main)
    assert said[0] == "Thread: main  Submitted a task of type: File read with id: 1"
    assert "Thread: pool3 received a task of type: File read" in said
    assert "Thread: pool3 finished running a task of type: File read." in said


def test_the_end_is_close_for_everyone_and_finished() -> None:
    assert lines_of(lambda: None, threads=2) == [
        "Thread: pool0 received a task of type: Close",
        "Thread: pool1 received a task of type: Close",
        "Thread: epoll received an event of type: Close",
        "Thread: main  FINISHED",
    ]


def test_an_error_that_reaches_the_handler_is_named() -> None:
    def main() -> None:
        Runtime.current().on_uncaught = lambda error: None
        set_timeout(1, lambda _: 1 / 0)

    assert "Thread: main  Uncaught: ZeroDivisionError('division by zero')" in lines_of(main)


def test_what_is_noise_has_no_line() -> None:
    assert line(Event(0.0, 1, "poll", "main", "enter", None, None)) is None
    again = {"where": "timer", "again": True}
    assert line(Event(0.0, 1, "timers", "main", "queued", 3, again)) is None


def test_a_program_prints_its_own_lines_once_with_and_without_a_trace(capsys: object) -> None:
    recorder = Recorder()
    for trace in (None, recorder):
        Runtime(system=Simulation(), trace=trace).run(lambda: log("here I am"))
    assert capsys.readouterr().out.splitlines() == ["Thread: main  here I am"] * 2  # type: ignore[attr-defined]
    assert [e.detail for e in recorder if e.kind == "printed"] == [{"text": "here I am"}]


def test_a_registered_event_says_so_and_a_ready_one_too() -> None:
    events = [
        Event(0.0, 1, "main", "main", "queued", 7, {"where": "epoll", "persistent": True}),
        Event(0.0, 1, "poll", "epoll", "ready", 7, {"readiness": Interest.READABLE.name}),
    ]
    assert [line(event) for event in events] == [
        "Thread: main  Event with id: 7 registered.",
        "Thread: epoll Event with id: 7 is ready.",
    ]
