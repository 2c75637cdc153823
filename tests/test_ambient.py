"""What does a program call that should read like Node?"""

from collections.abc import Callable

import pytest

import minirt
from minirt import Runtime, Simulation
from minirt.errors import NoRuntime


def program(log: list[str]) -> None:
    minirt.set_timeout(5, lambda _: log.append("timeout"))
    minirt.set_immediate(lambda _: log.append("immediate"))
    minirt.queue_microtask(lambda _: log.append("microtask"))
    minirt.next_tick(lambda _: log.append("tick"))
    minirt.clear_timeout(minirt.set_timeout(5, lambda _: log.append("never")))
    minirt.clear_immediate(minirt.set_immediate(lambda _: log.append("never")))
    interval = minirt.set_interval(20, lambda _: minirt.clear_interval(interval))
    minirt.log("written")


def test_a_program_reads_like_node(capsys: pytest.CaptureFixture[str]) -> None:
    log: list[str] = []
    Runtime(system=Simulation()).run(lambda: program(log))
    assert log[:2] == ["tick", "microtask"]
    assert sorted(log[2:]) == ["immediate", "timeout"]
    assert capsys.readouterr().out == "Thread: main  written\n"


@pytest.mark.parametrize(
    "call",
    [
        lambda: minirt.set_timeout(1, print),
        lambda: minirt.set_interval(1, print),
        lambda: minirt.clear_timeout(None),
        lambda: minirt.clear_interval(None),
        lambda: minirt.set_immediate(print),
        lambda: minirt.clear_immediate(None),
        lambda: minirt.next_tick(print),
        lambda: minirt.queue_microtask(print),
        lambda: minirt.log("x"),
        Runtime.current,
    ],
)
def test_without_a_runtime_each_function_says_what_to_do(call: Callable[[], object]) -> None:
    with pytest.raises(NoRuntime, match="from main or from a callback"):
        call()


def test_each_running_runtime_finds_itself() -> None:
    seen: list[bool] = []
    for _ in range(2):
        rt = Runtime(system=Simulation())
        rt.run(
            lambda rt=rt: rt.set_timeout(1, lambda _: seen.append(Runtime.current() is rt)) and None  # type: ignore[misc]
        )
    assert seen == [True, True]
