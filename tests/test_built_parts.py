"""Do the parts that chapters 01 to 04 build work? A program runs on the classes that they quote."""

import pytest

from tests.built import run

OF_01 = """
waiting = {}
identities = Identities(lambda: waiting, count=8)
identities.token = 5
for _ in range(8):
    waiting[identities.generate_free()] = print
print(*waiting)
try:
    identities.generate_free()
except AllIdentitiesTaken:
    print("all are taken")
del waiting[3]
print(identities.generate_free(), identities.came_round, checked_identity(3))
print(identities.generate.__code__.co_filename[:11])
identities.forget()
print(identities.generate_free())
"""

OF_02 = """
waits = Callbacks()
draw = waits.identities.generate_free


def once_more(value):
    print("called with", value.into_string())
    box(value)


box = Once(once_more, identity=draw())
try:
    box(String("rain"))
except CalledTwice:
    print("the box is empty:", box.is_empty)

waits.boxed.add(draw(), print)
for _ in range(3):
    waits.immediates.callbacks.append(print)
    waits.immediates.identities.append(draw())
print("cleared:", waits.immediates.remove(4), waits.is_taken(4), sorted(waits.taken()))
batch = waits.immediates.begin()
batch.pop()("the first")
waits.immediates.put_back()
print("left:", waits.count(), waits.immediates.waiting(), "over:", waits.is_over())
waits.drop_all()
print("over:", waits.is_over(), Callbacks.taken.__code__.co_filename[:18])
match Error(OSError("no disk")):
    case Error(exception):
        print(exception)
"""

OF_03 = """
from minirt import Int, Runtime, TaskKind


class Mine(RealSystem):
    def open_pool(self, threads, wake, schedule, max_waiting):
        pool = ThreadPool(threads, wake, self.clock, schedule, max_waiting)
        pools.append(pool)
        return pool


pools, sums = [], []
for schedule in ("fifo", "priority", lambda waiting: waiting[-1]):
    rt = Runtime(threads=2, system=Mine(), schedule=schedule)

    def main():
        for number in range(20):
            kind = TaskKind("Even", priority=1) if number % 2 else TaskKind("Odd")
            rt.register_event_threadpool(lambda n=number: Int(n), kind, sums.append)
        rt.register_event_threadpool(lambda: 1 // 0, TaskKind.ENCRYPT, sums.append)

    rt.run(main)
print(sum(value.into_int() for value in sums if not isinstance(value, Error)))
print(sum(isinstance(value, Error) for value in sums), "errors")
print(pools[0].available, "free,", pools[0].count_waiting(), "wait")
print(ThreadPool._retire.__code__.co_filename[:14])
"""

OF_04 = """
from minirt import Runtime, Simulation

rt = Runtime(system=Simulation())
rt.loop.timers = rt.loop.callbacks.timers = timers = Timers()
called = []


def set_later(kind, ms, name):
    def callback(value):
        called.append((name, round(rt.clock.now() * 1000)))
        if len(called) == 5:
            handles["beat"].cancel()

    handle = kind(rt, rt.generate_cb_identity(), normal_delay(ms), callback)
    handle._wait(rt.clock.now() + ms / 1000)
    handles[name] = handle


def main():
    set_later(Timeout, 30, "one")
    set_later(Timeout, 30, "same deadline")
    set_later(Timeout, 10, "never")
    set_later(Timeout, 3_600_000, "an hour")
    set_later(Interval, 20, "beat")
    handles["never"].cancel()
    handles["one"].refresh()
    handles["an hour"].unref()


handles = {}
rt.run(main)
for name, ms in called:
    print(name, ms)
print(Timers.begin.__code__.co_filename[:9], Timeout.refresh.__code__.co_filename[:9])
"""


def test_the_identities_of_chapter_01_come_round_and_pass_over_what_is_taken() -> None:
    assert run("01_identity", OF_01) == [
        "6 7 0 1 2 3 4 5",
        "all are taken",
        "3 True 3",
        "01_identity",
        "4",
    ]


@pytest.mark.slow
def test_the_boxes_of_chapter_02_open_once_and_say_when_it_is_over() -> None:
    assert run("02_callback_boxing", OF_02) == [
        "called with rain",
        "the box is empty: True",
        "cleared: True False [2, 3, 5]",
        "the first",
        "left: 1 [5] over: False",
        "over: True 02_callback_boxing",
        "no disk",
    ]


@pytest.mark.slow
def test_a_runtime_works_on_the_pool_of_chapter_03() -> None:
    assert run("03_thread_pool", OF_03) == ["570", "3 errors", "2 free, 0 wait", "03_thread_pool"]


@pytest.mark.slow
def test_a_runtime_keeps_its_timers_in_those_of_chapter_04() -> None:
    assert run("04_timers", OF_04) == [
        "beat 20",
        "same deadline 30",
        "one 30",
        "beat 40",
        "beat 60",
        "04_timers 04_timers",
    ]
