"""Chapter 01: identities of 8 bits, most of them taken."""

from collections.abc import Iterable
from typing import Any

from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
A machine from 1980 has identities of 8 bits: 0 to 255. Write its two methods that draw one.
`generate_identity` counts 1, 2, 3, ..., 255, and then comes 0, taken or not.
`generate_cb_identity` goes on counting until it meets an identity that is not in `self.taken`,
the set of identities whose callback still waits. Whoever gets an identity adds it to that set and
takes it out again, not your methods. When all 256 are taken it raises OverflowError."""

STUB = '''\
class Identities:
    def __init__(self, taken):
        self.token = 0  # the identity that was given last
        self.taken = taken  # a set: whose callback still waits

    def generate_identity(self):
        """The next identity, taken or not."""
        ...

    def generate_cb_identity(self):
        """The next identity that is not taken."""
        ...
'''

OPENING = STUB[: STUB.index("    def generate_identity")]

COUNTING = """\
    def generate_identity(self):
        self.token = (self.token + 1) % 256
        return self.token
"""

SEARCHING = """\
    def generate_cb_identity(self):
        if len(self.taken) == 256:
            raise OverflowError("all 256 identities are taken")
        identity = self.generate_identity()
        while identity in self.taken:
            identity = self.generate_identity()
        return identity
"""

FIRST_HINT = """\
A number of 8 bits starts again after 256 values: which operator gives what is left after a
division? And generate_cb_identity need not count itself: generate_identity does."""

SECOND_HINT = """\
(self.token + 1) % 256 is the next identity. Then: while the identity that you have is in
self.taken, generate another one. Before all that, ask whether any is free: len(self.taken)
tells."""

# Wrong answers, as readers write them

NEVER_WRAPS = OPENING + COUNTING.replace("(self.token + 1) % 256", "self.token + 1") + SEARCHING
WRAPS_EARLY = OPENING + COUNTING.replace("256", "255") + SEARCHING
WITHOUT_ZERO = (
    OPENING + COUNTING.replace("(self.token + 1) % 256", "self.token % 255 + 1") + SEARCHING
)
NO_RETURN = OPENING + COUNTING.replace("return self.token", "") + SEARCHING
INVERTED = OPENING + COUNTING + SEARCHING.replace("while identity in", "while identity not in")
LOOKS_ONCE = OPENING + COUNTING + SEARCHING.replace("while identity", "if identity")
ENDLESS = OPENING + COUNTING + SEARCHING.replace("== 256", "> 256")
LOWEST = f"""{OPENING}{COUNTING}
    def generate_cb_identity(self):
        for identity in range(1, 257):
            if identity % 256 not in self.taken:
                return identity % 256
        raise OverflowError
"""


def make(answer: Answer, taken: Iterable[int]) -> Any:
    """A generator of the reader's, with a set of its own."""
    return answer["Identities"](set(taken))


def number(identity: object, method: str) -> int:
    """An identity of 8 bits, or the reason why it is none."""
    if identity is None:
        raise Wrong(f"{method} gave None. Does it end with `return`?")
    if not isinstance(identity, int):
        raise Wrong(f"{method} gave {identity!r}, and an identity is an int.")
    if not 0 <= identity <= 255:
        raise Wrong(f"{method} gave {identity}, which does not fit in 8 bits: after 255 comes 0.")
    return identity


@check("counts from 1 to 255, then 0, then 1 again")
def counts(answer: Answer) -> None:
    identities = make(answer, ())
    for turn in range(300):
        expected = (turn + 1) % 256
        given = number(identities.generate_identity(), "generate_identity")
        if given != expected:
            raise Wrong(f"after {turn % 256} your generate_identity gave {given}, not {expected}.")


@check("gives none of the 200 identities that are taken")
def avoids_taken(answer: Answer) -> None:
    taken = set(range(200))
    identities = answer["Identities"](taken)
    owner = {identity: f"timer {identity}" for identity in range(200)}  # whose callback waits
    for turn in range(56):
        try:
            given = number(identities.generate_cb_identity(), "generate_cb_identity")
        except OverflowError:
            raise Wrong(
                f"{200 + turn} of the 256 identities were taken, and yours raised OverflowError."
            ) from None
        name = f"file {turn}"
        if given in owner:
            raise Wrong(
                f"your identity {given} was given twice: first to {owner[given]}, then to {name}. "
                f"The callback of {owner[given]} was still waiting, and now it is lost."
            )
        owner[given] = name
        if given in taken:
            raise Wrong(
                f"your generate_cb_identity put {given} into the set itself. Whoever gets an "
                "identity marks it as taken, not your methods."
            )
        if len(taken) < len(owner) - 1:
            raise Wrong(
                "your methods took identities out of the set. Whoever gave an identity back "
                "does that: their callbacks wait still."
            )
        taken.add(given)
        if given not in getattr(identities, "taken", taken):
            raise Wrong(
                f"{given} was added to the set that your class was given, and your `self.taken` "
                "does not hold it: it is a copy. Keep the set itself."
            )


@check("goes on from where it was, also when an identity became free again")
def goes_on(answer: Answer) -> None:
    identities = make(answer, {1, 2, 3})
    first = number(identities.generate_cb_identity(), "generate_cb_identity")
    if first != 4:
        raise Wrong(f"with 1, 2 and 3 taken the next is 4, and yours is {first}.")
    identities.taken.discard(2)
    second = number(identities.generate_cb_identity(), "generate_cb_identity")
    if second != 5:
        raise Wrong(
            f"after 4 comes 5, and yours gave {second}, free since a moment ago. An identity "
            "that comes back at once is easily confused with the callback that had it before."
        )


@check(
    "finds the last free identity, whatever its number",
    seconds=2,
    hangs="One identity is free in each of these trials: 0, 1, 128 or 255. Does your search pass "
    "over one of them, such as 0?",
)
def finds_the_last(answer: Answer) -> None:
    for free in (0, 1, 128, 255):
        identities = make(answer, set(range(256)) - {free})
        try:
            given = number(identities.generate_cb_identity(), "generate_cb_identity")
        except OverflowError:
            raise Wrong(
                f"255 identities are taken and {free} is free, and yours raised OverflowError."
            ) from None
        if given != free:
            raise Wrong(f"only {free} was free, and yours gave {given}.")


@check(
    "raises OverflowError when all 256 are taken",
    seconds=1,
    hangs="With all 256 identities taken your search goes round for ever.",
)
def gives_up(answer: Answer) -> None:
    identities = make(answer, range(256))
    try:
        given = identities.generate_cb_identity()
    except OverflowError:
        return
    raise Wrong(f"all 256 identities were taken, and yours gave {given} instead of OverflowError.")


EXERCISES = (
    Exercise(
        name="identity_8_bits",
        chapter="01_identity",
        task=TASK,
        stub=STUB,
        checks=(counts, avoids_taken, goes_on, finds_the_last, gives_up),
        hints=(
            FIRST_HINT,
            SECOND_HINT,
        ),
        answer=f"{OPENING}{COUNTING}\n{SEARCHING}",
        wrong=(
            WrongAnswer(NEVER_WRAPS, "gave 256, which does not fit in 8 bits"),
            WrongAnswer(WRAPS_EARLY, "after 254 your generate_identity gave 0, not 255"),
            WrongAnswer(WITHOUT_ZERO, "after 255 your generate_identity gave 1, not 0"),
            WrongAnswer(NO_RETURN, "Does it end with `return`?"),
            WrongAnswer(
                INVERTED, "your identity 1 was given twice: first to timer 1, then to file 0"
            ),
            WrongAnswer(LOOKS_ONCE, "your identity 2 was given twice: first to timer 2"),
            WrongAnswer(LOWEST, "after 4 comes 5, and yours gave 2"),
            WrongAnswer(ENDLESS, "With all 256 identities taken your search goes round for ever"),
        ),
    ),
)
