"""Chapter 01: identities that rest before they come back."""

from typing import Any

from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check

TASK = """\
An answer may come late, when its request was given up long ago. If its identity has a new owner by
then, the wrong callback runs. So an identity that was given back rests: at least `rest` other
identities are given before it is given again.
`generate` gives the next identity of 0 ... count - 1, counting on from `self.token` and round,
that is neither taken nor resting; OverflowError when there is none. `give_back` says that an
identity is not in use any more."""

STUB = '''\
class RestingIdentities:
    def __init__(self, count, rest):
        self.count = count
        self.rest = rest
        self.token = 0  # the identity that was given last
        self.taken = set()
        ...

    def generate(self):
        """The next identity that is neither taken nor resting."""
        ...

    def give_back(self, identity):
        """Nobody uses `identity` any more: from now on it rests."""
        ...
'''

ANSWER = """\
class RestingIdentities:
    def __init__(self, count, rest):
        self.count = count
        self.rest = rest
        self.token = 0  # the identity that was given last
        self.taken = set()
        self.given = 0  # how many, in all
        self.back = {}  # {identity: how many had been given when it came back}

    def generate(self):
        for _ in range(self.count):
            self.token = (self.token + 1) % self.count
            if self.token not in self.taken and not self.is_resting(self.token):
                self.taken.add(self.token)
                self.given += 1
                return self.token
        raise OverflowError("every identity is taken or rests")

    def is_resting(self, identity):
        return identity in self.back and self.given - self.back[identity] < self.rest

    def give_back(self, identity):
        self.taken.discard(identity)
        self.back[identity] = self.given
"""

FIRST_HINT = """\
Rest is not measured in seconds but in identities: how many were given since this one came back?
So count what you give, and write down where the count stood at each `give_back`."""

SECOND_HINT = """\
self.given counts; give_back does self.back[identity] = self.given. An identity rests while
self.given - self.back[identity] < self.rest. In generate, try self.count candidates at most, then
raise OverflowError."""

# Wrong answers, as readers write them

NO_REST = ANSWER.replace(" and not self.is_resting(self.token)", "")
FROM_GIVING = ANSWER.replace(
    "                self.given += 1\n",
    "                self.given += 1\n                self.back[self.token] = self.given\n",
).replace("        self.back[identity] = self.given\n", "")
TOO_LONG = ANSWER.replace("< self.rest", "<= self.rest")
NEVER_BACK = ANSWER.replace("        self.taken.discard(identity)\n", "")
ENDLESS = ANSWER.replace("for _ in range(self.count):", "while True:")
NOT_TAKEN = ANSWER.replace("                self.taken.add(self.token)\n", "")
FREE_LIST = """\
class RestingIdentities:
    def __init__(self, count, rest):
        self.free = [*range(1, count), 0][::-1]

    def generate(self):
        if not self.free:
            raise OverflowError
        return self.free.pop()

    def give_back(self, identity):
        self.free.append(identity)
"""


def made(answer: Answer, count: int, rest: int) -> Any:
    return answer["RestingIdentities"](count, rest)


def given(identities: Any) -> int:
    """The next identity, or the reason why it is none."""
    identity = identities.generate()
    if identity is None:
        raise Wrong("generate gave None. Does it end with `return`?")
    if not isinstance(identity, int):
        raise Wrong(f"generate gave {identity!r}, and an identity is an int.")
    return identity


@check("counts as before while nothing comes back: 1, 2, 3, 0")
def counts(answer: Answer) -> None:
    identities = made(answer, 4, 2)
    first = [given(identities) for _ in range(4)]
    if len(set(first)) < len(first):
        raise Wrong(f"your first four were {first}: one was given twice while it was taken.")
    if first != [1, 2, 3, 0]:
        raise Wrong(f"the first four of four are [1, 2, 3, 0], and yours were {first}.")


def given_or_none(identities: Any) -> int | None:
    try:
        return given(identities)
    except OverflowError:
        return None


@check(
    "raises OverflowError when each one is taken or rests",
    seconds=1,
    hangs="With every identity taken your search goes round for ever.",
)
def gives_up(answer: Answer) -> None:
    identities = made(answer, 3, 1)
    for _ in range(3):
        given(identities)
    more = given_or_none(identities)
    if more is not None:
        raise Wrong(f"all three are taken, and yours gave {more} instead of OverflowError.")


@check("goes on counting after one came back")
def goes_on(answer: Answer) -> None:
    identities = made(answer, 8, 2)
    for _ in range(3):
        given(identities)  # 1, 2, 3
    identities.give_back(1)
    following = given(identities)
    if following != 4:
        raise Wrong(
            f"1, 2 and 3 were given and 1 came back. The next is 4, and yours is {following}: what "
            "came back last goes out first, as on a stack. Count on from `self.token`."
        )


@check("gives an identity again once it has rested")
def comes_back(answer: Answer) -> None:
    identities = made(answer, 8, 1)
    for _ in range(2):
        given(identities)  # 1, 2
    identities.give_back(1)
    for _ in range(6):
        given(identities)  # 3 ... 7, 0
    again = given_or_none(identities)
    if again is None:
        raise Wrong(
            "1 came back, and six others were given since; rest is 1. Yours said that none is "
            "left. Does `give_back` take it out of `self.taken`?"
        )
    if again != 1:
        raise Wrong(f"1 is the only one that is free, and yours gave {again}.")


@check("lets an identity rest while `rest` others are given")
def rests(answer: Answer) -> None:
    identities = made(answer, 4, 2)
    for _ in range(4):
        given(identities)  # 1, 2, 3, 0
    identities.give_back(0)
    early = given_or_none(identities)
    if early is not None:
        raise Wrong(
            f"{early} came back a moment ago and must rest while 2 others are given. Yours was "
            "given again after none: a late answer would now run its new owner's callback."
        )


@check("counts the rest from `give_back`, not from when the identity was given")
def from_giving_back(answer: Answer) -> None:
    identities = made(answer, 4, 2)
    for _ in range(4):
        given(identities)  # 1, 2, 3, 0
    identities.give_back(1)
    early = given_or_none(identities)
    if early is not None:
        raise Wrong(
            f"{early} was given long ago but came back only now, and yours gave it again at once. "
            "Rest begins with `give_back`."
        )


@check("lets several rest at the same time")
def several_rest(answer: Answer) -> None:
    identities = made(answer, 4, 2)
    for _ in range(4):
        given(identities)  # 1, 2, 3, 0
    for identity in (1, 2, 3):
        identities.give_back(identity)
    early = given_or_none(identities)
    if early is not None:
        raise Wrong(
            f"1, 2 and 3 came back a moment ago, one after the other, and yours gave {early} at "
            "once. Each of them rests: does your class remember only the last one?"
        )


@check("gives it as soon as `rest` others were given, and not one later")
def not_too_long(answer: Answer) -> None:
    identities = made(answer, 8, 3)
    for _ in range(5):
        given(identities)  # 1 ... 5
    identities.give_back(1)
    for _ in range(3):
        given(identities)  # 6, 7, 0
    if given_or_none(identities) != 1:
        raise Wrong(
            "1 came back, then three others were given, and rest is 3: now it may be given. Yours "
            "lets it rest for longer. Is it `<` or `<=`?"
        )


EXERCISES = (
    Exercise(
        name="identity_at_rest",
        chapter="01_identity",
        task=TASK,
        stub=STUB,
        checks=(
            counts,
            gives_up,
            goes_on,
            comes_back,
            rests,
            from_giving_back,
            several_rest,
            not_too_long,
        ),
        hints=(FIRST_HINT, SECOND_HINT),
        answer=ANSWER,
        wrong=(
            WrongAnswer(NO_REST, "given again after none"),
            WrongAnswer(FROM_GIVING, "came back only now"),
            WrongAnswer(TOO_LONG, "Is it `<` or `<=`"),
            WrongAnswer(NEVER_BACK, "Does `give_back` take it out"),
            WrongAnswer(ENDLESS, "With every identity taken your search goes round for ever"),
            WrongAnswer(NOT_TAKEN, "instead of OverflowError"),
            WrongAnswer(FREE_LIST, "as on a stack"),
        ),
    ),
)
