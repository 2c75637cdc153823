"""What happens in a cell that answers an exercise?

It runs as any other cell. When it is over, its checks run; and when it is not over in time, it is
ended, so that Run All goes on.
"""

import asyncio
import html
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from minirt.core.machine import HAS_THREADS
from minirt.exercises.mechanism import Exercise, judge
from minirt.exercises.registry import NoSuchExercise, exercise, exercises
from minirt.exercises.timelimit import Look, TookTooLong
from minirt.magics.options import say_in_lines
from minirt.magics.program import remember_lines


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer whose cell is running."""

    exercise: Exercise
    text: str
    filename: str
    seconds: float
    alarm: "Alarm"


class Answers:
    """Which exercise is being answered, and which hints were given."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._begun: Begun | None = None
        self._hints: Counter[str] = Counter()  # exercise -> how many were shown
        self.last = ""  # the name of the exercise that was asked about last

    def begin(self, name: str, text: str, filename: str, seconds: float) -> None:
        """The first line of the cell ran. UsageError when there is no such exercise."""
        one = self.named(name, "%%exercise")
        remember_lines(text, filename)
        self._begun = Begun(one, text, filename, seconds, Alarm(seconds, filename))

    def end(self, result: ExecutionResult) -> None:
        """The cell is over: judge it. For the event `post_run_cell`."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        begun.alarm.disarm()
        if begun.alarm.rang:
            say_in_lines(
                f"✗ {begun.exercise.name}: the cell was ended after {begun.seconds:g} s. Is there "
                "a loop that never ends, or a runtime that something keeps alive? If it needs the "
                "time: %config MinirtMagics.exercise_time_limit = 60"
            )
        elif result.success:
            say_in_lines(self._judged(begun))

    def drop(self) -> None:
        """What was begun is not judged: the extension goes."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.alarm.disarm()

    def _judged(self, begun: Begun) -> object:
        """What the checks say. Here an interrupt would be shown as an error of IPython's event."""
        names = self._shell.user_ns
        try:
            return judge(begun.exercise, begun.text, names, begun.seconds, begun.filename)
        except KeyboardInterrupt:
            return (
                f"✗ {begun.exercise.name}: its checks were interrupted. Run the cell again to have "
                "it judged"
            )

    def hint(self, name: str) -> str:
        """The next hint: the first one, then the second."""
        one = self.named(name or self.last, "%hint")
        given = self._hints[one.name]
        self._hints[one.name] += 1
        if given < len(one.hints):
            return f"Hint {given + 1} of {len(one.hints)}: {in_one_line(one.hints[given])}"
        again = "\n".join(
            f"Hint {n}: {in_one_line(hint)}" for n, hint in enumerate(one.hints, start=1)
        )
        return f"{again}\nThere are no more hints. `%solution {one.name}` shows an answer."

    def solution(self, name: str) -> "Folded":
        """The model answer, folded where the notebook can fold."""
        one = self.named(name or self.last, "%solution")
        return Folded(f"An answer to {one.name}: click to unfold", one.answer)

    def named(self, name: str, magic: str) -> Exercise:
        """The exercise of this name. UsageError names those that are close."""
        if not name:
            raise UsageError(f"{magic} NAME: which exercise? There are: {', '.join(exercises())}.")
        try:
            one = exercise(name)
        except NoSuchExercise as error:
            raise UsageError(f"{magic}: {error}") from None
        self.last = name
        return one


@dataclass(frozen=True, slots=True)
class Folded:
    """A text under a title, which unfolds on a click. A terminal shows both."""

    title: str
    text: str

    def _repr_html_(self) -> str:
        title, text = html.escape(self.title), html.escape(self.text)
        return f"<details><summary>{title}</summary><pre>{text}</pre></details>"

    def __repr__(self) -> str:
        return f"{self.title.removesuffix(': click to unfold')}:\n\n{self.text}"


class Alarm:
    """Ends a cell after some seconds: its code while that runs, its `await` otherwise.

    Other code that runs when the alarm rings is not ended.
    """

    def __init__(self, seconds: float, filename: str) -> None:
        self._filename = filename
        self.rang = False
        self._cancel: Callable[[], object] | None = None
        # in place of a signal: one for code that runs, one for an `await`
        self._look: Look | None = None
        self._wait: asyncio.TimerHandle | None = None
        is_main = threading.current_thread() is threading.main_thread()
        self._is_armed = HAS_THREADS and is_main and hasattr(signal, "setitimer")
        if not HAS_THREADS:
            self._look = Look(seconds, self._ring)
            self._look.begin()
            loop = self._remember_the_task()
            if loop is not None:
                self._wait = loop.call_later(seconds, self._ring, 0, None)
        elif self._is_armed:
            self._remember_the_task()
            self._before = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)

    def disarm(self) -> None:
        """It does not ring any more."""
        if self._is_armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
        if self._look is not None:
            self._look.end()
        if self._wait is not None:
            self._wait.cancel()

    def _remember_the_task(self) -> asyncio.AbstractEventLoop | None:
        """The loop on which the cell awaits, if it does."""
        try:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
        except RuntimeError:  # no loop: a terminal
            return None
        if task is not None:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        return loop

    def _ring(self, number: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code.co_filename != self._filename:
            frame = frame.f_back
        if frame is not None:
            self.rang = True
            raise TookTooLong("this cell ran for too long, and was ended here")
        if self._cancel is not None and not self.rang:
            self.rang = True
            self._cancel()


def in_one_line(paragraph: str) -> str:
    """Without the line breaks of its source."""
    return paragraph.replace("\n", " ")
