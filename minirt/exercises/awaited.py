"""Chapter 09: how is an answer that is awaited put to the test?

It runs in simulated time. Told are what it returned or raised, when, and what it left behind.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from minirt.awaiting.coroutines import Task
from minirt.awaiting.errors import Cancelled, NeverSettled, NotAwaitable
from minirt.awaiting.groups import Group
from minirt.awaiting.waiting import sleep_ms, timeout_ms
from minirt.core.simulation import Simulation
from minirt.errors import MinirtError
from minirt.exercises.mechanism import Wrong
from minirt.node.ambient import set_timeout
from minirt.node.runtime import Runtime

SLACK = 5  # ms: in simulated time, too, `main` takes a moment
HOUR = 3_600_000  # ms: whoever sleeps so long is to be cancelled


@dataclass
class Played:
    """What came of one call. Times are in whole milliseconds from the beginning."""

    value: Any = None
    error: BaseException | None = None  # what the call raised
    at: int = -1  # when it returned, or raised
    end: int = -1  # when the program was over: a timer that is left makes it long
    unheard: list[str] = field(default_factory=list)  # errors that nobody awaited

    @property
    def came(self) -> str:
        """ "returned [1]" or "raised ValueError('x')"."""
        return f"returned {self.value!r}" if self.error is None else f"raised {self.error!r}"


class Play:
    """One program around an answer, in simulated time."""

    def __init__(self) -> None:
        self.played = Played()
        self.said: list[str] = []  # what the coroutines of the check did
        self._rt = Runtime(system=Simulation())
        self._rt.on_uncaught = self._uncaught
        self._made: list[Coroutine[Any, Any, Any]] = []
        self._wrong: Wrong | None = None

    def now(self) -> int:
        """Milliseconds since the beginning."""
        return round(1000 * self._rt.clock.now())

    @property
    def turns(self) -> int:
        """How often the loop has turned."""
        return self._rt.ticks

    # Coroutines for the answer

    def works(
        self, name: str, ms: float, value: object = None, tidy_ms: float = 0
    ) -> Coroutine[Any, Any, Any]:
        """Sleeps, then returns `value` or raises it. Cancelled, it tidies up so long."""
        return self.made(self._works(name, ms, value, tidy_ms))

    async def _works(self, name: str, ms: float, value: object, tidy_ms: float) -> object:
        self.said.append(f"{name} begins")
        try:
            if ms:
                await sleep_ms(ms)
            if isinstance(value, BaseException):
                raise value
        except Cancelled:
            if tidy_ms:
                self.said.append(f"{name} is cancelled once more")
                await sleep_ms(tidy_ms)
                self.said.remove(f"{name} is cancelled once more")
            self.said.append(f"{name} is cancelled")
            raise
        self.said.append(f"{name} is done")
        return value

    def check_cancelled_once(self, name: str) -> None:
        """Raise unless it could tidy up."""
        if f"{name} is cancelled once more" in self.said:
            raise Wrong(
                f"{name} was cancelled, and cancelled once more while it tidied up: so it could "
                "not. Ask each of them once."
            )

    def made(self, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Remember it: one that the answer never awaits is no error of Python's."""
        self._made.append(coroutine)
        return coroutine

    # The run

    def call(
        self, begin: Callable[[], Awaitable[Any]], name: str, cancel_at: float | None = None
    ) -> Played:
        """Await what `begin` returns; cancel the one who awaits after so many milliseconds."""

        async def calls() -> None:
            try:
                self.played.value = await begin()
            except (Exception, Cancelled) as error:
                self.played.error = error
            self.played.at = self.now()

        def main() -> None:
            task = Task(calls(), "the one who awaits")
            if cancel_at is not None:
                set_timeout(cancel_at, lambda _: task.cancel())

        self.run(main)
        if self.played.at < 0:
            raise Wrong(
                f"your {name} waits for ever: nothing is left that could wake it. Does each way "
                "out settle what it awaits?"
            )
        error = self.played.error
        if isinstance(error, NotAwaitable) or "used in 'await'" in str(error):
            raise Wrong(f"your {name} gave something that cannot be awaited. Is it an async def?")
        if isinstance(error, MinirtError):  # a mistake in the use of a future, told with its line
            raise error
        return self.played

    def run(self, main: Callable[[], object]) -> None:
        """Run this main to the end of the program."""
        try:
            with ExitStack() as stack:
                stack.enter_context(patch.object(Group, "__init__", self._refuse_group))
                stack.enter_context(patch.object(timeout_ms, "__aenter__", self._refuse_limit))
                self._rt.run(main)
        except NeverSettled as stuck:
            raise Wrong(f"your code waits for ever: {stuck}") from None
        finally:
            self.played.end = self.now()
            for coroutine in self._made:
                if not coroutine.cr_running:  # type: ignore[attr-defined]
                    coroutine.close()
        if self._wrong is not None:
            raise self._wrong

    def _uncaught(self, error: Exception) -> None:
        self.played.unheard.append(repr(error))

    def _refuse_group(self, *arguments: object) -> None:
        self._refuse("gather and race are minirt's own answer")

    def _refuse_limit(self, *arguments: object) -> None:
        self._refuse("timeout_ms is minirt's own answer")

    def _refuse(self, why: str) -> None:
        self._wrong = Wrong(f"{why}. Write yours with Task, Future, set_timeout and await.")
        raise self._wrong
