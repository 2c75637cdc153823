"""Is a loop always busy, so that its events slow it down?

A program whose loop sleeps most of the time loses nothing by being traced, however many events it
has. One whose loop is always busy gets slower with each of them. So when many come and the loop
does not sleep, it is too much, and sooner after each rest that was of no use.

Events come from several threads, and the view's thread folds them meanwhile. Nothing here needs a
lock: `count` and `fold` change one number each, which only grows and which one step of Python's own
changes, or only who holds the fold. All else is the loop's thread's.
"""

import sys
from collections.abc import Callable
from itertools import repeat

BUDGET = 5_000  # events of a loop that does not sleep: more, and the program goes on untraced
LATER = 1_000  # the same after a rest. At first there are more, so that a short program has all
FORGOTTEN = 1_000  # of them in a second: so few cost little, however busy the loop is
CALM, LONG = 0.5, 0.05  # a loop is that sleeps for this part of the time, of so long (s)
FIRST_REST, LONGEST_REST = 1.0, 8.0  # s


class Load:
    """What the events of one loop cost it.

    budget: how many of them may come while it is busy. now: the time in s.
    """

    def __init__(self, budget: int, now: Callable[[], float]) -> None:
        self._now = now
        self._budget = self._whole_budget = budget
        self._rest = FIRST_REST
        countdown = repeat(None, sys.maxsize)  # no thread can split its steps
        self.count = countdown.__next__  # an event more; on any thread
        self._left = countdown.__length_hint__
        self._folded = 0.0  # s that were spent on folding so far
        self._forgiven = 0  # events that do not count any more
        self.begin()

    def folded(self, seconds: float) -> None:
        """It took so long to fold some. Only by who holds the lock of the fold."""
        self._folded += seconds

    # On the loop's thread

    def begin(self) -> None:
        """From now on every event comes."""
        self._forgiven = self._counted
        self._traced_since = self._looked = self._since = self._now()
        self._slept = 0.0  # s, in real time, since `_looked`
        self._folded_before = self._folded  # until `_looked`

    def sleep(self) -> None:
        """The loop goes to sleep."""
        self._since = self._now()

    def wake(self) -> None:
        """It woke."""
        self._slept += self._now() - self._since

    @property
    def is_too_much(self) -> bool:
        """Is the loop always busy, and do its events slow it down?"""
        passed = self._now() - self._looked
        if passed > LONG:
            self._look(passed)
        return self._counted - self._forgiven > self._budget

    def rest(self) -> float:
        """The program goes on untraced for so long (s): each time twice as long."""
        seconds = self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        self._budget = min(self._budget, LATER)
        return seconds

    def _look(self, passed: float) -> None:
        folded = self._folded
        # while somebody folds, a loop that sleeps is one that waits for Python
        is_calm = self._slept - (folded - self._folded_before) > CALM * passed
        if is_calm:
            self._forgiven = self._counted
        else:
            self._forgiven = min(self._counted, self._forgiven + int(FORGOTTEN * passed))
        if is_calm and self._looked - self._traced_since > self._rest:
            self._rest, self._budget = FIRST_REST, self._whole_budget
        self._looked, self._slept, self._folded_before = self._looked + passed, 0.0, folded

    @property
    def _counted(self) -> int:
        return sys.maxsize - self._left()
