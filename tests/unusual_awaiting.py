# ruff: noqa: E501, ISC004 (the answers are texts)
"""More answers to the exercises of chapter 09, as in tests/unusual_answers.py."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tests.unusual_answers import Wrong, altered, changed

RIGHT: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "gather_and_cancel": (
            """\
from minirt import Cancelled, Future, Task

def together(*coroutines):
    return Task(_together(coroutines))

async def _together(coroutines):
    tasks = tuple(map(Task, coroutines))
    left, bad, over, was_cancelled = len(tasks), [], Future(), False

    def one_less(task):
        nonlocal left
        left -= 1
        if not bad and not was_cancelled and (task.cancelled() or task.exception()):
            bad.append(task)
            for each in tasks:
                each.cancel()
        if left == 0 and not over.done():
            over.set_result(None)

    for task in tasks:
        task.add_done_callback(one_less)
    if tasks:
        try:
            await over
        except Cancelled:
            was_cancelled = True
            for task in tasks:
                task.cancel()
            over = Future()
            if left:
                await over
            raise
    if bad:
        bad[0].result()
    return [task.result() for task in tasks]
""",
            """\
from minirt import Cancelled, Task

async def together(*coroutines):
    values, tasks, errors, was_cancelled = [None] * len(coroutines), [], [], False

    async def keep(n, coroutine):
        try:
            values[n] = await coroutine
        except Exception as error:
            errors.append(error)
            if len(errors) == 1 and not was_cancelled:
                for m, task in enumerate(tasks):
                    if m != n:
                        task.cancel()

    for n, coroutine in enumerate(coroutines):
        failed_before = bool(errors)
        tasks.append(Task(keep(n, coroutine)))
        if failed_before:
            tasks[-1].cancel()
    for task in tasks:
        try:
            await task
        except Cancelled:
            if not errors and not was_cancelled:
                was_cancelled = True
                for other in tasks:
                    other.cancel()
    if was_cancelled:
        raise Cancelled
    if errors:
        raise errors[0]
    return values
""",
            """\
from minirt import Cancelled, Future, Task

async def together(*coroutines):
    tasks = [Task(one) for one in coroutines]
    ended, bell, failed, was_cancelled, seen = [], Future(), None, False, 0

    def ring(task):
        ended.append(task)
        if not bell.done():
            bell.set_result(None)

    for task in tasks:
        task.add_done_callback(ring)
    while seen < len(tasks):
        while seen == len(ended):
            try:
                await bell
            except Cancelled:
                was_cancelled = True
                for task in tasks:
                    task.cancel()
            bell = Future()
        task = ended[seen]
        seen += 1
        if failed is None and not was_cancelled and (task.cancelled() or task.exception() is not None):
            failed = task
            for one in tasks:
                one.cancel()
    if was_cancelled:
        raise Cancelled
    if failed is not None:
        failed.result()
    return [task.result() for task in tasks]
""",
        ),
        "within_ms": (
            """\
from minirt import Cancelled, Future, Task, set_timeout

async def within(ms, coroutine):
    task, over, late = Task(coroutine), Future(), []
    task.add_done_callback(lambda _: over.done() or over.set_result(None))
    timer = set_timeout(ms, lambda _: late.append(task.cancel()))
    try:
        await over
    except Cancelled:
        task.cancel()
        try:
            await task
        except (Exception, Cancelled):
            pass
        raise
    finally:
        timer.cancel()
    if task.cancelled() and any(late):
        raise TimeoutError
    return task.result()
""",
            """\
from contextlib import contextmanager

from minirt import Cancelled, Task, clear_timeout, set_timeout

@contextmanager
def limit(task, ms):
    late = []
    timer = set_timeout(ms, lambda _: late.append(task.cancel()))
    try:
        yield
    except Cancelled:
        if late == [True]:
            raise TimeoutError(ms) from None
        raise
    finally:
        clear_timeout(timer)

async def within(ms, coroutine):
    task = Task(coroutine)
    with limit(task, ms):
        return await task
""",
            """\
from minirt import Cancelled, Task, sleep_ms

async def within(ms, coroutine):
    work = Task(coroutine)

    async def alarm():
        await sleep_ms(ms)
        return work.cancel()

    watch = Task(alarm())
    try:
        return await work
    except Cancelled:
        if watch.done() and not watch.cancelled() and watch.result():
            raise TimeoutError(f"{ms} ms") from None
        raise
    finally:
        watch.cancel()
""",
        ),
        "channel_with_room": (
            """\
from collections import deque

from minirt import Cancelled, Future

class Turns:
    def __init__(self, free):
        self.free, self.line = free, deque()

    async def take(self):
        if self.free and not self.line:
            self.free -= 1
            return
        mine = Future()
        self.line.append(mine)
        try:
            await mine
        except Cancelled:
            if not mine.cancelled():
                self.give()
            elif mine in self.line:
                self.line.remove(mine)
            raise

    def give(self):
        while self.line:
            first = self.line.popleft()
            if not first.done():
                first.set_result(None)
                return
        self.free += 1

class Channel:
    def __init__(self, room):
        self.places, self.things, self.values = Turns(room), Turns(0), deque()

    async def send(self, value):
        await self.places.take()
        self.values.append(value)
        self.things.give()

    async def receive(self):
        await self.things.take()
        value = self.values.popleft()
        self.places.give()
        return value
""",
            """\
from minirt import Future

class Channel:
    def __init__(self, room):
        self.room, self.values, self.bells, self.line = room, [], [], []

    async def until(self, is_ready):
        while not is_ready():
            bell = Future()
            self.bells.append(bell)
            await bell

    def ring(self):
        bells, self.bells = self.bells, []
        for bell in bells:
            bell.done() or bell.set_result(None)

    async def send(self, value):
        me = object()
        self.line.append(me)
        try:
            await self.until(lambda: self.line[0] is me and len(self.values) < self.room)
            self.values.append(value)
        finally:
            self.line.remove(me)
            self.ring()

    async def receive(self):
        await self.until(lambda: self.values)
        value = self.values.pop(0)
        self.ring()
        return value
""",
            """\
from minirt import Cancelled, Future

class Channel:
    def __init__(self, room):
        self.room, self.values, self.takers, self.senders = room, [], [], []

    def match(self):
        self.takers = [one for one in self.takers if not one.done()]
        self.senders = [pair for pair in self.senders if not pair[1].done()]
        while self.senders and len(self.values) < self.room:
            value, sender = self.senders.pop(0)
            self.values.append(value)
            sender.set_result(None)
        if self.values and self.takers:
            self.takers.pop(0).set_result(self.values.pop(0))
            self.match()

    async def send(self, value):
        sender = Future()
        self.senders.append((value, sender))
        self.match()
        await sender

    async def receive(self):
        taker = Future()
        self.takers.append(taker)
        self.match()
        try:
            return await taker
        except Cancelled:
            if not taker.cancelled():
                self.values.insert(0, taker.result())
                self.match()
            raise
""",
        ),
        "free_the_loop": (
            """\
import asyncio

async def digests(texts, digest):
    loop = asyncio.get_running_loop()
    futures = [loop.run_in_executor(None, digest, text) for text in texts]
    return list(await asyncio.gather(*futures))
""",
            """\
import asyncio
from concurrent.futures import ThreadPoolExecutor

async def digests(texts, digest):
    with ThreadPoolExecutor(len(texts) or 1) as pool:
        run = asyncio.get_running_loop().run_in_executor
        return await asyncio.gather(*(run(pool, digest, text) for text in texts))
""",
            """\
import asyncio

async def digests(texts, digest):
    tasks = [asyncio.create_task(asyncio.to_thread(digest, text)) for text in texts]
    if tasks:
        await asyncio.wait(tasks)
    errors = [task.exception() for task in tasks if task.exception()]
    if errors:
        raise errors[0]
    return [task.result() for task in tasks]
""",
        ),
    }
)

WRONG: Mapping[str, Sequence[Wrong]] = MappingProxyType(
    {
        "gather_and_cancel": (
            (  # whoever tidies up is cancelled again when the next one is over
                altered(
                    RIGHT["gather_and_cancel"][0],
                    (
                        ", was_cancelled = len(tasks), [], Future(), False",
                        " = len(tasks), [], Future()",
                    ),
                    ("not bad and not was_cancelled and", "not bad and"),
                    ("            was_cancelled = True\n", ""),
                ),
                "cancelled once more while it tidied up",
            ),
            (  # learns of an error when its turn comes
                """\
from minirt import Task

async def together(*coroutines):
    tasks = [Task(one) for one in coroutines]
    try:
        return [await task for task in tasks]
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
""",
                "it was waiting for another one",
            ),
            (  # the last one that failed is told
                changed(
                    "gather_and_cancel",
                    ("(await first).result()", "await first"),
                    (
                        "    return [task",
                        "    for task in reversed(tasks):\n"
                        "        if not task.cancelled():\n"
                        "            task.result()\n"
                        "    return [task",
                    ),
                ),
                "b was the first that failed, with ValueError, and together raised LookupError",
            ),
            (  # by name
                changed(
                    "gather_and_cancel",
                    (
                        "[task.result() for task in tasks]",
                        "{task.name: task.result() for task in tasks}",
                    ),
                ),
                "the values should be ['A', None, 0, 'D']",
            ),
            (  # whoever is cancelled is told that all is well
                changed(
                    "gather_and_cancel",
                    ("    finally:", "    except Cancelled:\n        return []\n    finally:"),
                ),
                "the one who awaited was cancelled, and together returned []",
            ),
            (  # the tasks themselves
                """\
from minirt import Task

def together(*coroutines):
    return [Task(one) for one in coroutines]
""",
                "gave something that cannot be awaited",
            ),
            (  # an error in the first step leaves those before it running
                changed(
                    "gather_and_cancel",
                    (
                        "    tasks = [Task(one) for one in coroutines]\n",
                        "    tasks = []\n"
                        "    for one in coroutines:\n"
                        "        tasks.append(Task(one))\n"
                        "        if tasks[-1].done():\n"
                        "            tasks[-1].result()\n",
                    ),
                ),
                "b raised ValueError in its first step",
            ),
            (  # nobody hears what the others raise
                changed(
                    "gather_and_cancel",
                    (
                        "        for task in tasks:\n            await until_over(task)\n",
                        "        await sleep_ms(100)\n",
                    ),
                    ("Cancelled, Future, Task", "Cancelled, Future, Task, sleep_ms"),
                ),
                "sleeps of 30, 10 and 20 ms took 130 ms together",
            ),
        ),
        "within_ms": (
            (
                changed("within_ms", ("set_timeout(ms,", "set_timeout(1000 * ms,")),
                "and within raised TimeoutError('not over within 3600000 ms')",
            ),
            (  # every error is a matter of time
                changed(
                    "within_ms",
                    (
                        "    except Cancelled:\n        if is_late:\n    ",
                        "    except (Exception, Cancelled):\n        if True:\n    ",
                    ),
                ),
                "and within raised TimeoutError",
            ),
            (  # nothing is said
                changed(
                    "within_ms",
                    ('raise TimeoutError(f"not over within {ms} ms") from None', "return None"),
                ),
                "the work is cancelled, and within returned None",
            ),
            (  # settled from two sides
                """\
from minirt import Future, Task, set_timeout

async def within(ms, coroutine):
    task, over = Task(coroutine), Future()
    task.add_done_callback(over.set_result)

    def expire(_):
        if task.cancel():
            over.set_exception(TimeoutError())

    timer = set_timeout(ms, expire)
    try:
        return (await over).result()
    finally:
        timer.cancel()
""",
                "when it was not over",
            ),
            (  # it is the future that is cancelled, not the work
                """\
from minirt import Future, Task, set_timeout

async def within(ms, coroutine):
    task, over = Task(coroutine), Future()
    task.add_done_callback(lambda _: over.done() or over.set_result(None))
    late = []
    timer = set_timeout(ms, lambda _: late.append(task.cancel()))
    try:
        await over
    finally:
        timer.cancel()
    if any(late):
        raise TimeoutError
    return task.result()
""",
                "was cancelled after 10 ms, and the work went on",
            ),
            (  # raised where nobody awaits
                """\
from minirt import set_timeout

async def within(ms, coroutine):
    def expire(_):
        raise TimeoutError

    timer = set_timeout(ms, expire)
    try:
        return await coroutine
    finally:
        timer.cancel()
""",
                "the time was over after 100 ms, and the work went on",
            ),
        ),
        "channel_with_room": (
            (  # each send waits until its value is received
                changed(
                    "channel_with_room",
                    ("self.sent[: self.room]", "self.sent[:0]"),
                    (
                        "        value, _ = self.sent.pop(0)\n",
                        "        value, gone = self.sent.pop(0)\n        gone.set_result(None)\n",
                    ),
                ),
                "Who wakes the sender?",
            ),
            (  # what is nothing?
                changed(
                    "channel_with_room",
                    (
                        "        self.sent.append((value, has_room))\n",
                        "        if value is not None:\n            self.sent.append((value, has_room))\n        else:\n            return\n",
                    ),
                ),
                "the sender came first, and received were ['a', 0",
            ),
            (  # one bell for everybody, and the last one who waits has it
                """\
from collections import deque

from minirt import Future

class Channel:
    def __init__(self, room):
        self.room, self.values, self.bell = room, deque(), None

    async def wait(self):
        self.bell = Future()
        await self.bell

    def ring(self):
        if self.bell is not None and not self.bell.done():
            self.bell.set_result(None)

    async def send(self, value):
        while len(self.values) >= self.room:
            await self.wait()
        self.values.append(value)
        self.ring()

    async def receive(self):
        while not self.values:
            await self.wait()
        value = self.values.popleft()
        self.ring()
        return value
""",
                "and never came",
            ),
            (  # full: the value is dropped
                changed(
                    "channel_with_room",
                    (
                        "        has_room = Future()\n",
                        "        if len(self.sent) >= self.room:\n            return\n        has_room = Future()\n",
                    ),
                ),
                "the sender came first, and received were ['a', None]",
            ),
            (  # settles what was cancelled
                changed(
                    "channel_with_room",
                    ("self.receivers = [one for one in self.receivers if not one.done()]", "pass"),
                    (
                        "self.receivers[0].set_result(None)",
                        "self.receivers.pop(0).set_result(None)",
                    ),
                ),
                "raised AlreadySettled",
            ),
        ),
        "free_the_loop": (
            (  # an async def does not make it another thread
                """\
import asyncio

async def digests(texts, digest):
    async def one(text):
        return digest(text)

    return await asyncio.gather(*map(one, texts))
""",
                "an async def around it does not change that",
            ),
            (  # waits for the threads without an await
                """\
import threading

async def digests(texts, digest):
    values = {}

    def work(n, text):
        values[n] = digest(text)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(texts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [values[n] for n in range(len(texts))]
""",
                "the loop stood still meanwhile",
            ),
            (  # a group of one error
                """\
import asyncio

async def digests(texts, digest):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(digest, text)) for text in texts]
    return [task.result() for task in tasks]
""",
                "your digests gave ExceptionGroup",
            ),
            (  # one thread for all
                """\
import asyncio
from concurrent.futures import ThreadPoolExecutor

async def digests(texts, digest):
    with ThreadPoolExecutor(1) as pool:
        run = asyncio.get_running_loop().run_in_executor
        return await asyncio.gather(*[run(pool, digest, text) for text in texts])
""",
                "they never were at the same time",
            ),
            (  # by text
                """\
import asyncio

async def digests(texts, digest):
    values = await asyncio.gather(*[asyncio.to_thread(digest, text) for text in texts])
    return dict(zip(texts, values))
""",
                "your digests returned {'a': 'A'",
            ),
        ),
    }
)
