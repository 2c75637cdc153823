"""Chapter 05: a wait that is woken for nothing, and an echo server on one poll."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from minirt.clock import ManualClock
from minirt.core.callbacks import Listener
from minirt.core.polls import Poll, Ready
from minirt.core.system import default_poll
from minirt.exercises.mechanism import Answer, Exercise, Wrong, WrongAnswer, check
from minirt.values import Int

# A wait that is woken for nothing

WAIT_TASK = """\
A poll may wake without a reason: a wake-up that was meant for something else, a signal, a message
that another thread took away. Write `wait_for`: it sleeps in `poll.poll(seconds)` until
`condition()` is true and gives True, or gives False once `timeout` seconds have passed on `clock`.
Being woken for nothing makes it neither give up early nor sleep longer in all. It never asks
poll() for a negative time: to epoll that means for ever."""

WAIT_STUB = '''\
def wait_for(condition, timeout, poll, clock):
    """True as soon as condition() is true; False after `timeout` seconds."""
    ...
'''

WAIT_ANSWER = """\
def wait_for(condition, timeout, poll, clock):
    deadline = clock.now() + timeout
    while not condition():
        left = deadline - clock.now()
        if left <= 0:
            return False
        poll.poll(left)
    return True
"""


SOMEBODY_ELSES = (Listener(7, None), Int(Ready.READABLE))  # what another one waited for


class RestlessPoll:
    """A poll in simulated time that wakes after each of `naps` (s) for no reason."""

    def __init__(self, clock: ManualClock, *naps: float) -> None:
        self._clock = clock
        self._naps = list(naps)
        self.asked: list[object] = []  # the timeouts

    def poll(self, timeout: object = None) -> list[tuple[Listener, Int]]:
        self.asked.append(timeout)
        if timeout is None:
            raise Wrong(
                "your wait_for called poll(None): it sleeps for ever, whatever the timeout."
            )
        if not isinstance(timeout, int | float):
            raise Wrong(f"your wait_for called poll({timeout!r}), and poll() takes seconds.")
        if timeout < 0:
            raise Wrong(
                f"your wait_for called poll({timeout:g}): to epoll a negative time means for ever."
            )
        if self._clock.now() > 100:
            raise Wrong(
                f"{self._clock.now():g} s have passed on `clock`, and your wait_for still waits. "
                "Which clock does it ask? Time passes on the one that it was given."
            )
        if len(self.asked) > 1000:
            raise Wrong(
                f"your wait_for asked the poll 1,000 times in {self._clock.now():g} s: it spins "
                "instead of sleeping."
            )
        is_woken = bool(self._naps)
        nap = min(self._naps.pop(0), timeout) if is_woken else timeout
        self._clock.advance(nap if timeout else 0.0001)
        return [SOMEBODY_ELSES] if is_woken else []


def after(clock: ManualClock, seconds: float) -> Callable[[], bool]:
    """A condition that becomes true after `seconds`."""
    return lambda: clock.now() >= seconds


def outcome(value: object) -> bool:
    if value is None:
        raise Wrong("your wait_for gave None. Does every way out `return` True or False?")
    return bool(value)


@check("does not sleep at all when the condition is true already")
def true_already(answer: Answer) -> None:
    clock = ManualClock()
    poll = RestlessPoll(clock)
    given = outcome(answer["wait_for"](lambda: True, 2.0, poll, clock))
    if poll.asked:
        raise Wrong(
            "the condition was true before you slept, and your wait_for slept all the same: "
            "what came in between would wait for the next wake-up, and there may be none."
        )
    if not given:
        raise Wrong("the condition was true, and your wait_for gave False.")


@check("gives False after the timeout when nothing ever happens")
def gives_up(answer: Answer) -> None:
    clock = ManualClock()
    given = outcome(answer["wait_for"](lambda: False, 2.0, RestlessPoll(clock), clock))
    if given:
        raise Wrong("the condition never was true, and your wait_for gave True.")
    if abs(clock.now() - 2.0) > 1e-6:
        raise Wrong(f"with a timeout of 2 s your wait_for came back after {clock.now():g} s.")


@check("goes on waiting when it is woken for nothing")
def goes_on(answer: Answer) -> None:
    clock = ManualClock()
    poll = RestlessPoll(clock, 0.25, 0.25)
    given = outcome(answer["wait_for"](after(clock, 0.5), 2.0, poll, clock))
    if given and clock.now() < 0.5:
        raise Wrong(
            f"woken after {clock.now():g} s by somebody else's event, your wait_for gave True. The "
            "condition was false still: an event says that something happened, not what."
        )
    if not given:
        raise Wrong(
            f"woken for nothing after {clock.now():g} s of 2, your wait_for gave up. A wake-up "
            "says: look again. It does not say that the time is over."
        )
    if clock.now() > 0.52:  # who looks every 10 ms sees it within 10 ms
        raise Wrong(
            f"the condition came true after 0.5 s, and you noticed after {clock.now():g} s."
        )


@check("sleeps no longer in all, however often it is woken")
def keeps_the_deadline(answer: Answer) -> None:
    clock = ManualClock()
    poll = RestlessPoll(clock, *[0.75] * 20)
    outcome(answer["wait_for"](lambda: False, 2.0, poll, clock))
    if clock.now() > 2.0 + 1e-6:
        raise Wrong(
            f"woken every 0.75 s, your wait_for took {clock.now():g} s instead of 2: each time it "
            "slept for the whole timeout again, not for what was left of it."
        )


@check("looks once more when the time is over")
def looks_at_the_end(answer: Answer) -> None:
    clock = ManualClock()
    if not outcome(answer["wait_for"](after(clock, 2.0), 2.0, RestlessPoll(clock), clock)):
        raise Wrong(
            "the condition came true in the last sleep, and your wait_for gave False without a "
            "look at it: what woke it may have been what it waited for."
        )


WAIT = Exercise(
    name="woken_for_nothing",
    chapter="05_epoll",
    task=WAIT_TASK,
    stub=WAIT_STUB,
    checks=(true_already, gives_up, goes_on, keeps_the_deadline, looks_at_the_end),
    hints=(
        (
            "A timeout shrinks while you sleep, a deadline stays where it is. Which of the two "
            "should you keep, and what do you ask before each sleep?"
        ),
        (
            "deadline = clock.now() + timeout, once. Then: while not condition(), compute what is "
            "left until the deadline; if nothing is, return False; otherwise poll.poll(left)."
        ),
    ),
    answer=WAIT_ANSWER,
    wrong=(
        WrongAnswer(  # trusts the wake-up
            "def wait_for(condition, timeout, poll, clock):\n"
            "    if not condition():\n"
            "        poll.poll(timeout)\n"
            "    return condition()\n",
            says="woken for nothing after 0.25 s of 2, your wait_for gave up",
        ),
        WrongAnswer(  # the whole timeout each time
            "def wait_for(condition, timeout, poll, clock):\n"
            "    started = clock.now()\n"
            "    while not condition():\n"
            "        if clock.now() - started >= timeout:\n"
            "            return False\n"
            "        poll.poll(timeout)\n"
            "    return True\n",
            says="not for what was left of it",
        ),
        WrongAnswer(  # sleeps before it looks
            "def wait_for(condition, timeout, poll, clock):\n"
            "    deadline = clock.now() + timeout\n"
            "    while clock.now() < deadline:\n"
            "        poll.poll(deadline - clock.now())\n"
            "        if condition():\n"
            "            return True\n"
            "    return False\n",
            says="your wait_for slept all the same",
        ),
        WrongAnswer(  # does not look at what is left
            "def wait_for(condition, timeout, poll, clock):\n"
            "    deadline = clock.now() + timeout\n"
            "    while not condition():\n"
            "        poll.poll(deadline - clock.now())\n"
            "    return True\n",
            says="to epoll a negative time means for ever",
        ),
        WrongAnswer(  # does not look again
            "def wait_for(condition, timeout, poll, clock):\n"
            "    deadline = clock.now() + timeout\n"
            "    while clock.now() < deadline:\n"
            "        if condition():\n"
            "            return True\n"
            "        poll.poll(deadline - clock.now())\n"
            "    return False\n",
            says="gave False without a look at it",
        ),
        WrongAnswer(  # asks another clock
            "import time\n\n" + WAIT_ANSWER.replace("clock.now()", "time.monotonic()"),
            says="Which clock does it ask?",
        ),
        WrongAnswer(  # asks without sleeping
            WAIT_ANSWER.replace("poll.poll(left)", "poll.poll(0)"),
            says="asked the poll 1,000 times in 0.1 s",
        ),
        WrongAnswer(  # no timeout at all
            "def wait_for(condition, timeout, poll, clock):\n"
            "    while not condition():\n"
            "        poll.poll(None)\n"
            "    return True\n",
            says="called poll(None)",
        ),
        WrongAnswer(  # forgets to say that it came true
            WAIT_ANSWER.replace("    return True\n", ""),
            says="Does every way out `return` True or False?",
        ),
    ),
)


# An echo server

ECHO_TASK = """\
Write an echo server that serves everybody from one thread, on a poll alone, without a runtime.
`turn(timeout)` waits once, at most `timeout` seconds, and then calls whoever listens to what is
ready, with the listener's token. `accept` takes a new connection and watches it. `answer` sends
back what a connection sent, and ends one whose peer has gone, in peace or with a reset
(ConnectionResetError): it is watched no longer, and closed. A message is short: one `send` takes
it whole."""

ECHO_STUB = '''\
from minirt import Interest
from minirt.core.callbacks import Listener


class EchoServer:
    def __init__(self, poll, door):
        self.poll = poll
        self.door = door  # a socket that waits for connections, and does not block
        self.connections = {}  # token -> socket
        self.last_token = 0
        poll.watch(door, Interest.READABLE, Listener(0, self.accept))

    def turn(self, timeout):
        """Wait once, then call whoever listens to what is ready."""
        for listener, _ in self.poll.poll(timeout):
            listener.callback(listener.identity)

    def accept(self, token):
        """Take one new connection and watch it, with a listener and a token of its own."""
        ...

    def answer(self, token):
        """Send back what came, or end the connection whose peer has gone."""
        ...
'''

ECHO_OPENING = ECHO_STUB[: ECHO_STUB.index("    def accept")]

ACCEPT = """\
    def accept(self, token):
        connection, _ = self.door.accept()
        connection.setblocking(False)
        self.last_token += 1
        self.connections[self.last_token] = connection
        self.poll.watch(connection, Interest.READABLE, Listener(self.last_token, self.answer))

"""

ANSWER = """\
    def answer(self, token):
        connection = self.connections[token]
        try:
            received = connection.recv(4096)
        except ConnectionResetError:
            received = b""
        if received:
            connection.send(received)
        else:
            self.poll.unwatch(connection)
            connection.close()
            del self.connections[token]
"""


class Stage:
    """A server of the reader's on a poll of its own, and clients that wait 1 s at most."""

    def __init__(self, answer: Answer, stack: contextlib.ExitStack) -> None:
        self.poll: Poll = default_poll()()
        stack.callback(self.poll.close)
        self.door = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.door.setblocking(False)
        stack.callback(self._close_what_is_left)
        self._stack = stack
        self.server: Any = answer["EchoServer"](self.poll, self.door)

    def client(self) -> socket.socket:
        client = self._stack.enter_context(
            socket.create_connection(self.door.getsockname(), timeout=1)
        )
        self.turns(1)
        return client

    def turns(self, most: int) -> None:
        """As many turns as there is something to do, `most` at the most."""
        for _ in range(most):
            self.server.turn(0.2)

    def watched(self) -> list[socket.socket]:
        """The connections that the poll watches."""
        found = [watch.fileobj for watch in self.poll.watched.values()]
        return [one for one in found if isinstance(one, socket.socket) and one is not self.door]

    def _close_what_is_left(self) -> None:
        for connection in (*self.watched(), *getattr(self.server, "connections", {}).values()):
            connection.close()


@contextlib.contextmanager
def stage(answer: Answer) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        yield Stage(answer, stack)


def echoed(stage: Stage, client: socket.socket, message: bytes, who: str) -> None:
    """The client gets back what it sends, or the reason why not."""
    client.send(message)
    stage.turns(1)
    client.settimeout(0.3)
    try:
        back = client.recv(4096)
    except TimeoutError:
        raise Wrong(f"{who} sent {message!r}, and nothing came back.") from None
    if back != message:
        raise Wrong(f"{who} sent {message!r}, and {back!r} came back.")


SILENT = "A client that connects and says nothing holds everybody up: read only what is ready."


@check("accepts a connection and watches it", seconds=2, hangs=SILENT)
def accepts(answer: Answer) -> None:
    with stage(answer) as on:
        on.client()
        if not on.watched():
            raise Wrong(
                "a client connected, and after your turn the poll watches the door alone. Whoever "
                "is accepted has to be watched, too."
            )
        if len(on.server.connections) != 1:
            raise Wrong(
                f"one client connected, and `connections` holds {len(on.server.connections)}."
            )
        if on.watched()[0].gettimeout() != 0:
            raise Wrong(
                "the connection that you accepted blocks: a recv() that finds nothing, or a send() "
                "to a client that does not read, would hold everybody up. setblocking(False)."
            )


@check("does not wait for one that is silent", seconds=2, hangs=SILENT)
def silent(answer: Answer) -> None:
    with stage(answer) as on:
        on.client()
        talker = on.client()
        echoed(on, talker, b"is anybody there?", "with a silent client before it, another one")


@check("answers a peer again and again")
def again(answer: Answer) -> None:
    with stage(answer) as on:
        client = on.client()
        for number in (b"one", b"two", b"three"):
            echoed(on, client, number, "a client that had its first answer already")


@check("keeps two connections apart")
def apart(answer: Answer) -> None:
    with stage(answer) as on:
        anna, bert = on.client(), on.client()
        tokens = [watch.reader.identity for watch in on.poll.watched.values() if watch.reader]
        if len(set(tokens)) < len(tokens):
            raise Wrong(
                f"the poll reports to the tokens {sorted(tokens)}: two of them are the same, and "
                "nobody can say whose bytes came."
            )
        for name, client in (("Anna", anna), ("Bert", bert), ("Anna", anna)):
            echoed(on, client, f"I am {name}".encode(), name)


@check("ends a connection whose peer has gone, and closes it")
def ends(answer: Answer) -> None:
    with stage(answer) as on:
        client = on.client()
        connection = on.watched()[0]
        client.close()
        on.turns(1)  # one more, and a poll that is not epoll would have noticed on its own
        if any(watch.fileobj is connection for watch in on.poll.watched.values()):
            if connection.fileno() == -1:
                raise Wrong(
                    "you closed the connection and left it watched. unwatch() it first: its number "
                    "will belong to another descriptor soon."
                )
            raise Wrong(
                "the client has gone, and your poll watches its connection still. At its end a "
                "connection is readable for ever, and recv() gives b'': your server would spin."
            )
        if connection.fileno() != -1:
            connection.close()
            raise Wrong("the client has gone, and its connection is still open: close() it.")
        if on.door.fileno() == -1:
            raise Wrong("one client has gone, and you closed the door: nobody can come any more.")
        if on.server.connections:
            raise Wrong("the connection is closed, and `connections` still holds it.")


@check("survives a peer that resets its connection")
def survives_a_reset(answer: Answer) -> None:
    with stage(answer) as on:
        client = on.client()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # with this option it does not say goodbye, it resets
        try:
            on.turns(1)
        except ConnectionResetError:
            raise Wrong(
                "one client reset its connection, recv() raised ConnectionResetError, and your "
                "server ended with it, for everybody. A reset is an end like any other."
            ) from None
        if on.watched() or on.server.connections:
            raise Wrong("the client has reset its connection, and you keep it still.")


@check("never gives a token that somebody has")
def fresh_tokens(answer: Answer) -> None:
    with stage(answer) as on:
        anna, bert = on.client(), on.client()
        before = set(on.server.connections)
        anna.close()
        on.turns(1)
        there = set(on.server.connections)
        if len(there) != 1:
            raise Wrong(
                "Anna and Bert came, and Anna left. Bert is there still, and `connections` holds "
                f"{len(there)}."
            )
        carl = on.client()
        if len(on.server.connections) != 2:
            raise Wrong(
                "Anna and Bert came, Anna left, Carl came: two are there, and `connections` holds "
                f"{len(on.server.connections)}. Did Carl get a token that Bert still has?"
            )
        for name, client in (("Bert", bert), ("Carl", carl)):
            echoed(on, client, f"I am {name}".encode(), name)
        again = (set(on.server.connections) - there) & before
        if again:
            raise Wrong(
                f"Anna had the token {min(again)} and left; then Carl came, and got it again. What "
                "was meant for Anna and comes late would go to Carl: a new connection, a new token."
            )


ECHO = Exercise(
    name="echo_on_poll",
    chapter="05_epoll",
    task=ECHO_TASK,
    stub=ECHO_STUB,
    checks=(accepts, silent, again, apart, ends, survives_a_reset, fresh_tokens),
    hints=(
        (
            "accept() of the door gives (connection, address). How do you make sure that a later "
            "recv() of this connection never blocks, and how will the poll tell you whose turn it "
            "is? And what does recv() give when the peer has closed its end, or reset it?"
        ),
        (
            "In accept: setblocking(False), a new token, remember the connection under it, "
            "poll.watch(connection, Interest.READABLE, Listener(token, self.answer)). In answer: "
            "recv(4096); what came goes to send(); b'' or ConnectionResetError means the end: "
            "poll.unwatch(connection), connection.close(), and forget it."
        ),
    ),
    answer=ECHO_OPENING + ACCEPT + ANSWER,
    wrong=(
        WrongAnswer(  # accepts and forgets
            ECHO_OPENING
            + "".join(line for line in ACCEPT.splitlines(True) if "poll.watch" not in line)
            + ANSWER,
            says="the poll watches the door alone",
        ),
        WrongAnswer(  # a connection that blocks
            ECHO_OPENING + ACCEPT.replace("        connection.setblocking(False)\n", "") + ANSWER,
            says="the connection that you accepted blocks",
        ),
        WrongAnswer(  # reads at once
            ECHO_OPENING
            + ACCEPT.replace("        connection.setblocking(False)\n", "").rstrip()
            + "\n        connection.send(connection.recv(4096))\n\n"
            + ANSWER,
            says="A client that connects and says nothing holds everybody up",
        ),
        WrongAnswer(  # one token for all
            ECHO_OPENING + ACCEPT.replace("self.last_token += 1", "self.last_token = 1") + ANSWER,
            says="two of them are the same",
        ),
        WrongAnswer(  # how many there are is no token
            ECHO_OPENING
            + ACCEPT.replace("self.last_token += 1", "self.last_token = len(self.connections) + 1")
            + ANSWER,
            says="Did Carl get a token that Bert still has?",
        ),
        WrongAnswer(  # no answer to the end
            ECHO_OPENING
            + ACCEPT
            + "    def answer(self, token):\n"
            + "        connection = self.connections[token]\n"
            + "        connection.send(connection.recv(4096))\n",
            says="At its end a connection is readable for ever",
        ),
        WrongAnswer(  # closes, and watches still
            ECHO_OPENING + ACCEPT + ANSWER.replace("self.poll.unwatch(connection)", "pass"),
            says="you closed the connection and left it watched",
        ),
        WrongAnswer(  # watches no longer, and does not close
            ECHO_OPENING + ACCEPT + ANSWER.replace("connection.close()", "pass"),
            says="its connection is still open",
        ),
        WrongAnswer(  # goodbye is the only end that it knows
            ECHO_OPENING + ACCEPT + ANSWER.replace("ConnectionResetError", "BlockingIOError"),
            says="A reset is an end like any other",
        ),
        WrongAnswer(  # as HTTP 1.0 would: one answer, then the end
            ECHO_OPENING
            + ACCEPT
            + ANSWER.replace(
                "            connection.send(received)\n        else:\n",
                "            connection.send(received)\n        if True:\n",
            ),
            says="a client that had its first answer already",
        ),
        WrongAnswer(  # answers everybody
            ECHO_OPENING
            + ACCEPT
            + ANSWER.replace(
                "            connection.send(received)\n",
                "            for other in self.connections.values():\n"
                "                other.send(received)\n",
            ),
            says="b'I am AnnaI am Bert' came back",
        ),
    ),
)

EXERCISES = (WAIT, ECHO)
