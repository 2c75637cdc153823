# ruff: noqa: E501 (the answers are texts)
"""More answers to the exercises of chapter 10, as in tests/unusual_answers.py."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tests.unusual_answers import Wrong, changed

IMPORTS = "from minirt.aio import MinirtEventLoop\n\n\n"
CALL_LATER = 'NOTICED_BY = "test_events.SelectEventLoopTests.test_call_later"\n'
UNTIL_COMPLETE = 'NOTICED_BY = "test_events.SelectEventLoopTests.test_run_until_complete"\n'


def bent(body: str, noticed_by: str = CALL_LATER, before: str = "") -> str:
    return (
        IMPORTS
        + before
        + "class Bent(MinirtEventLoop):\n"
        + "    def call_later(self, delay, callback, *args, context=None):\n"
        + body
        + "\n"
        + noticed_by
    )


RIGHT: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "bend_a_rule": (
            bent(  # early
                "        return super().call_later(delay / 50, callback, *args, context=context)\n",
                UNTIL_COMPLETE,
            ),
            bent(  # no handle
                "        super().call_later(delay, callback, *args, context=context)\n",
                'NOTICED_BY = "test.test_asyncio.test_waitfor.AsyncioWaitForTest.test_asyncio_wait_for_timeout"\n',
            ),
            """\
import functools
import minirt.aio

def twice(callback, *args):
    [callback(*args) for _ in "12"]

def call_later(loop, delay, callback, *args, **options):
    return loop.call_at(loop.time() + delay, functools.partial(twice, callback), *args, **options)

Bent = type("Bent", (minirt.aio.MinirtEventLoop,), {"call_later": call_later})
NOTICED_BY = "test_asyncio.test_events.SelectEventLoopTests.test_call_later"
""",
            bent(  # other arguments
                "        return super().call_later(delay, callback, *map(str.upper, args) if all(isinstance(a, str) for a in args) else args, context=context)\n"
            )
            .replace("*map", "*(map")
            .replace("else args,", "else args),"),
        ),
        "find_the_holder": (
            """\
import asyncio, time
from unittest import mock

def holder(main):
    longest, run = [0.0, ""], asyncio.Handle._run

    def timed(handle):
        callback = handle._callback
        owner = getattr(callback, "__self__", None)
        name = owner.get_coro().__name__ if isinstance(owner, asyncio.Task) else getattr(callback, "__name__", "")
        began = time.monotonic()
        run(handle)
        longest[:] = max(longest, [time.monotonic() - began, name])

    with mock.patch.object(asyncio.Handle, "_run", timed):
        asyncio.run(main())
    return longest[1]
""",
            """\
import asyncio, logging, re

class Ears(logging.Handler):
    def __init__(self):
        super().__init__()
        self.heard = [(0.0, "")]

    def emit(self, record):
        if record.msg.startswith("Executing"):
            text, seconds = record.args
            name = re.search(r"coro=<(?:[\\w<>]+\\.)*(\\w+)\\(|(?:[\\w<>]+\\.)*(\\w+)\\(", text)
            self.heard.append((seconds, (name[1] or name[2]) if name else text))

def holder(main):
    log, ears = logging.getLogger("asyncio"), Ears()
    log.addHandler(ears)
    propagated, log.propagate = log.propagate, False
    try:
        with asyncio.Runner(debug=True) as runner:
            runner.get_loop().slow_callback_duration = 0.001
            runner.run(main())
    finally:
        log.removeHandler(ears)
        log.propagate = propagated
    return max(ears.heard)[1]
""",
            """\
import asyncio
import time
from minirt.aio import MinirtEventLoop

def holder(main):
    loop, worst = MinirtEventLoop(), {}
    rounds = loop._core

    def call_ready(ready, count):
        for _ in range(count):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = getattr(handle._callback, "__self__", None)
            if isinstance(owner, asyncio.Task):
                owner = owner.get_coro()
            else:
                owner = handle._callback
            began = time.perf_counter()
            try:
                handle._run()
            finally:
                worst[time.perf_counter() - began] = getattr(owner, "__name__", "")

    rounds.call_ready = call_ready
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return worst[max(worst)]
""",
        ),
    }
)

WRONG: Mapping[str, Sequence[Wrong]] = MappingProxyType(
    {
        "bend_a_rule": (
            (  # late: CPython has no test for it
                bent(
                    "        return super().call_later(delay * 3, callback, *args, context=context)\n",
                    UNTIL_COMPLETE,
                ),
                "test_run_until_complete passes on your Bent as well",
            ),
            (  # whole seconds: early for some, late for others
                bent(
                    "        return super().call_later(round(delay), callback, *args, context=context)\n",
                    UNTIL_COMPLETE,
                ),
                "rules. not early: a delay of 0.004 s was over after",
            ),
            (  # never
                bent(
                    "        return super().call_later(float('inf'), callback, *args, context=context)\n"
                ),
                "test_call_later never ends on your loop",
            ),
            (  # without the arguments, which the callback of the test needs
                bent("        return super().call_later(delay, callback, context=context)\n"),
                "test_call_later never ends on your loop",
            ),
            (  # the other method is bent
                IMPORTS
                + "class Bent(MinirtEventLoop):\n"
                + "    def call_at(self, when, callback, *args, context=None):\n"
                + "        def twice():\n"
                + "            callback(*args)\n"
                + "            callback(*args)\n"
                + "        return super().call_at(when, twice, context=context)\n\n"
                + CALL_LATER,
                "Only call_later may change",
            ),
            (  # at once
                bent(
                    "        if delay <= 0:\n"
                    "            callback(*args)\n"
                    "            return super().call_later(0, print)\n"
                    "        return super().call_later(delay, callback, *args, context=context)\n"
                ),
                "test_call_later passes on your Bent as well",
            ),
            (  # the context is lost, and nobody notices
                bent("        return super().call_later(delay, callback, *args)\n"),
                "test_call_later passes on your Bent as well",
            ),
            (  # what the cell needs stands in another cell
                bent(
                    "        def twice():\n"
                    "            callback(*args)\n"
                    "            callback(*args)\n"
                    "        return super().call_later(delay, twice, context=context)\n"
                ).replace(
                    IMPORTS,
                    "try:\n    MinirtEventLoop\nexcept NameError:\n    import sys\n    if sys.stdin.isatty() or True:\n        from minirt.aio import MinirtEventLoop\n    assert 'pytest' in sys.modules or 'IPython' in sys.modules\n\n",
                ),
                "your cell alone raised there: AssertionError",
            ),
            (
                bent(
                    "        def twice():\n"
                    "            callback(*args)\n"
                    "            callback(*args)\n"
                    "        return super().call_later(delay, twice, context=context)\n",
                    "NOTICED_BY = ['test_call_later']\n",
                ),
                "NOTICED_BY should be the name of a test, as a text",
            ),
            (  # the loop of somebody else
                "import asyncio\n\nclass Bent(asyncio.SelectorEventLoop):\n"
                "    def __init__(self, system=None):\n        super().__init__()\n\n" + CALL_LATER,
                "your Bent is no MinirtEventLoop",
            ),
        ),
        "find_the_holder": (
            (  # of a coroutine, with what it awaits
                """\
import asyncio, time

def holder(main):
    longest = [(0.0, "")]

    async def all_of_it():
        create_task = asyncio.create_task
        loop = asyncio.get_running_loop()

        def factory(loop, coroutine, **options):
            async def timed():
                began = time.perf_counter()
                try:
                    return await coroutine
                finally:
                    longest.append((time.perf_counter() - began, coroutine.__name__))
            return asyncio.Task(timed(), loop=loop, **options)

        loop.set_task_factory(factory)
        await main()

    asyncio.run(all_of_it())
    return max(longest)[1]
""",
                "and your holder named 'reads'",
            ),
            (  # the sum of all steps
                changed(
                    "find_the_holder",
                    (
                        '    longest = (0.0, "nobody")\n',
                        "    def __init__(self):\n        self.sums = {}\n        super().__init__()\n",
                    ),
                    (
                        "self.longest = max(self.longest, (time.perf_counter() - began, name))",
                        "self.sums[name] = self.sums.get(name, 0) + time.perf_counter() - began",
                    ),
                    (
                        "runner.get_loop().longest[1]",
                        "max(runner.get_loop().sums.items(), key=lambda pair: pair[1])[0]",
                    ),
                ),
                "It is the longest call that others wait for, not the sum.",
            ),
            (  # the last one, not the longest
                changed(
                    "find_the_holder",
                    ("max(self.longest, (time.perf_counter() - began, name))", "(0, name)"),
                ),
                "and your holder named",
            ),
            (  # the shortest
                changed("find_the_holder", ("max(self.longest", "min(self.longest")),
                "and your holder named 'nobody'",
            ),
            (  # asyncio's own debug mode has a threshold of 100 ms
                """\
import asyncio, logging

def holder(main):
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    log = logging.getLogger("asyncio")
    log.addHandler(handler)
    log.propagate = False
    try:
        asyncio.run(main(), debug=True)
    finally:
        log.removeHandler(handler)
        log.propagate = True
    return said[0] if said else None
""",
                "and your holder gave None, and no name",
            ),
            (  # a coroutine
                changed("find_the_holder", ("def holder(main):", "async def holder(main):")),
                "It is a plain `def`, and runs a loop itself.",
            ),
            (  # the descriptors are forgotten
                changed(
                    "find_the_holder",
                    ("_add_reader(fd, self.timed(callback)", "_add_reader(fd, callback"),
                ),
                "handed to add_reader",
            ),
            (  # everything at one method, where it was asked for, and when it was over
                """\
import asyncio, time
from minirt.aio import MinirtEventLoop

class Timed(MinirtEventLoop):
    longest = (0.0, "")

    def call_soon(self, callback, *args, context=None):
        began = time.perf_counter()
        owner = getattr(callback, "__self__", None)
        name = owner.get_coro().__name__ if isinstance(owner, asyncio.Task) else callback.__name__

        def call(*args):
            callback(*args)
            self.longest = max(self.longest, (time.perf_counter() - began, name))

        return super().call_soon(call, *args, context=context)

def holder(main):
    with asyncio.Runner(loop_factory=Timed) as runner:
        runner.run(main())
        return runner.get_loop().longest[1]
""",
                "and your holder named",
            ),
        ),
    }
)
