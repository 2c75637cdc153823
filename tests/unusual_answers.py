# ruff: noqa: E501, ISC004 (the answers are texts)
"""More answers to the exercises: right ones in unusual styles, and wrong ones found by attack.

The wrong answers that stand with an exercise are those that its author expects; these were written
from the text of the exercise alone. `Then` begins with the model answer and changes it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from minirt.exercises.registry import exercise

Wrong = tuple[str, str]  # the answer, and a part of what it is told


def begun(name: str) -> str:
    """The stub up to its first `...`."""
    lines = exercise(name).stub.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.strip() == "...")
    return "".join(lines[:first])


def altered(text: str, *changes: tuple[str, str]) -> str:
    """An answer with these parts replaced; each must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def changed(name: str, *changes: tuple[str, str]) -> str:
    """The model answer with these parts replaced."""
    return altered(exercise(name).answer, *changes)


RIGHT: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "identity_8_bits": (
            """\
import itertools
class Identities:
    def __init__(self, taken):
        self.counter = itertools.cycle([*range(1, 256), 0])
        self.taken = taken
    def generate_identity(self):
        return next(self.counter)
    def generate_cb_identity(self):
        for _ in range(256):
            if (identity := self.generate_identity()) not in self.taken:
                return identity
        raise OverflowError
""",
            """\
class Identities:
    def __init__(self, taken):
        self.token, self.taken = 0, taken
    def generate_identity(self):
        self.token = self.token + 1 & 0xFF
        return self.token
    def generate_cb_identity(self):
        if not set(range(256)) - self.taken:
            raise OverflowError("full")
        while True:
            if self.generate_identity() not in self.taken:
                return self.token
""",
            """\
class Identities:
    def __init__(self, taken):
        self.token = 0
        self.taken = taken
    def generate_identity(self):
        self.token += 1
        if self.token > 255:
            self.token = 0
        return self.token
    def generate_cb_identity(self, tries=256):
        if not tries:
            raise OverflowError
        one = self.generate_identity()
        return one if one not in self.taken else self.generate_cb_identity(tries - 1)
""",
        ),
        "identity_at_rest": (
            """\
from collections import deque
class RestingIdentities:
    def __init__(self, count, rest):
        self.count, self.rest, self.token = count, rest, 0
        self.taken, self.resting = set(), {}
    def generate(self):
        for step in range(1, self.count + 1):
            one = (self.token + step) % self.count
            if one not in self.taken and self.resting.get(one, 0) <= 0:
                self.resting = {k: n - 1 for k, n in self.resting.items() if n > 1}
                self.taken.add(one)
                self.token = one
                return one
        raise OverflowError
    def give_back(self, identity):
        self.taken.remove(identity)
        self.resting[identity] = self.rest
""",
            """\
class RestingIdentities:
    def __init__(self, count, rest):
        self.history = []
        self.count, self.rest, self.token = count, rest, 0
        self.state = [None] * count
    def generate(self):
        order = [(self.token + n) % self.count for n in range(1, self.count + 1)]
        free = [
            one for one in order
            if self.state[one] is None
            or self.state[one] != "taken" and len(self.history) - self.state[one] >= self.rest
        ]
        if not free:
            raise OverflowError("none")
        self.token = free[0]
        self.state[self.token] = "taken"
        self.history.append(self.token)
        return self.token
    def give_back(self, identity):
        self.state[identity] = len(self.history)
""",
            changed(
                "identity_at_rest",
                (
                    "self.given - self.back[identity] < self.rest",
                    "self.given < self.back[identity]",
                ),
                (
                    "self.back[identity] = self.given",
                    "self.back[identity] = self.given + self.rest",
                ),
            ),
        ),
        "leaking_downloads": (
            """\
class Downloads:
    def __init__(self):
        self.waiting, self.lines, self.errors = {}, [], []
    def add(self, identity, callback):
        self.waiting[identity] = [callback]
    def finish(self, identity, value):
        box = self.waiting[identity]
        del self.waiting[identity]
        self.lines.append("{} {}".format(identity, box[0].__name__))
        try:
            box.pop()(value)
        except Exception as error:
            self.errors += [error.__class__.__name__]
    def report(self):
        return [*self.lines, *self.errors]
""",
            """\
import contextlib
class Downloads:
    def __init__(self):
        self.waiting, self.finished, self.failed = {}, [], []
    def add(self, identity, callback):
        self.waiting[identity] = callback
    @contextlib.contextmanager
    def noting(self):
        try:
            yield
        except Exception as error:
            self.failed.append(type(error))
    def finish(self, identity, value):
        callback = self.waiting.pop(identity)
        self.finished.append((identity, callback.__name__))
        with self.noting():
            callback(value)
    def report(self):
        return [f"{n} {name}" for n, name in self.finished] + [e.__name__ for e in self.failed]
""",
            changed(
                "leaking_downloads",
                ("append(type(error).__name__)", "append(self.bare(error))"),
                (
                    "return self.finished + self.failed",
                    """\
return self.finished + [type(error).__name__ for error in self.failed]

    def bare(self, error):
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return error
""",
                ),
            ),
        ),
        "box_with_origin": (
            """\
import inspect

class Box:
    def __init__(self, callback):
        caller = inspect.stack()[1]
        self.origin = "%s:%d" % (caller.filename, caller.lineno)
        del caller
        self.todo = [callback]

    def __call__(self, value):
        try:
            callback = self.todo.pop()
        except IndexError:
            raise RuntimeError(self.origin) from None
        return callback(value)
""",
            """\
import traceback

class Box:
    def __init__(self, callback):
        frame = traceback.extract_stack(limit=2)[0]
        self.origin = f"{frame.filename}:{frame.lineno}"
        self.callback = callback

    def __call__(self, value):
        if not hasattr(self, "callback"):
            raise RuntimeError(f"{self.origin}: called already")
        callback = self.callback
        del self.callback
        return callback(value)
""",
            """\
import sys

class Box:
    __slots__ = ("origin", "call")

    def __init__(self, callback):
        frame = sys._getframe().f_back
        self.origin = ":".join([frame.f_code.co_filename, str(frame.f_lineno)])
        self.call = callback

    def __call__(self, value):
        call, self.call = self.call, self.again
        return call(value)

    def again(self, value):
        raise RuntimeError("made at " + self.origin)
""",
        ),
        "pool_bounded_waiting": (
            """\
from collections import deque
from functools import partial
from minirt import TaskKind
from minirt.errors import TooManyWaiting

def submit_all(rt, functions, done):
    results = [None] * len(functions)
    queue = deque(enumerate(functions))
    left = len(functions)

    def finished(number, result):
        nonlocal left
        results[number] = result
        left -= 1
        fill()
        if not left:
            done(results)

    def fill():
        try:
            while queue:
                number, function = queue[0]
                rt.register_event_threadpool(function, TaskKind.ENCRYPT, partial(finished, number))
                queue.popleft()
        except TooManyWaiting:
            pass

    fill()
    if not functions:
        done([])
""",
            """\
from minirt import TaskKind
from minirt.errors import TooManyWaiting

class Submission:
    def __init__(self, rt, functions, done):
        self.rt, self.functions, self.done = rt, functions, done
        self.next, self.results = 0, {}

    def go(self):
        if len(self.results) == len(self.functions):
            return self.done([value for _, value in sorted(self.results.items())])
        while self.next < len(self.functions) and self.accepted(self.next):
            self.next += 1

    def accepted(self, n):
        def keep(value):
            self.results[n] = value
            self.go()
        try:
            self.rt.register_event_threadpool(self.functions[n], TaskKind.ENCRYPT, keep)
        except TooManyWaiting:
            return False
        return True

def submit_all(rt, functions, done):
    Submission(rt, functions, done).go()
""",
            """\
from minirt import TaskKind
from minirt.errors import TooManyWaiting

def submit_all(rt, functions, done):
    results = {}
    todo = list(enumerate(functions))[::-1]
    def wake():
        if len(results) == len(functions):
            done([results[n] for n in sorted(results)])
            return
        while todo:
            n, function = todo.pop()
            try:
                rt.register_event_threadpool(
                    function, TaskKind.ENCRYPT, lambda r, n=n: (results.update({n: r}), wake())
                )
            except TooManyWaiting:
                todo.append((n, function))
                break
    wake()
""",
        ),
        "pool_fair": (
            """\
class Fair:
    def __init__(self):
        self.oldest, self.left = None, 5
    def __call__(self, waiting):
        first, *others = waiting
        if first.identity != self.oldest:
            self.oldest, self.left = first.identity, 5
        best = sorted(waiting, key=lambda task: -task.kind.priority)[0]
        if self.left == 0:
            best = first
        if best is not first:
            self.left -= 1
        return best
fair = Fair
""",
            """\
def fair():
    def choosing():
        chosen, oldest, count = None, None, 0
        while True:
            waiting = yield chosen
            if waiting[0] is not oldest:
                oldest, count = waiting[0], 0
            chosen = oldest
            if count < 5:
                for task in waiting:
                    if task.kind.priority > chosen.kind.priority:
                        chosen = task
            count += chosen is not oldest
    generator = choosing()
    next(generator)
    return generator.send
""",
            """\
from collections import Counter
def fair():
    passed = Counter()
    def choose(waiting):
        first = min(waiting, key=waiting.index)
        if passed[first.identity] >= 5:
            return first
        best = max(waiting, key=lambda t: (t.kind.priority, -waiting.index(t)))
        if best != first:
            passed[first.identity] += 1
        return best
    return choose
""",
        ),
        "timers_refresh": (
            changed(
                "timers_refresh",
                (
                    "if identity in self.deadlines:\n            self.set(deadline, identity)",
                    "if self.deadlines.get(identity) is not None:\n"
                    "            self.clear(identity)\n            self.set(deadline, identity)",
                ),
            ),
            begun("timers_refresh")
            + """\
        if identity in self.deadlines:
            self.deadlines[identity] = deadline  # the old entry will find it, and move

    def due(self, now):
        found = []
        while self.heap and self.heap[0][0] <= now:
            deadline, order, identity = heapq.heappop(self.heap)
            real = self.deadlines.get(identity)
            if real is not None and real > deadline:
                self.order += 1
                heapq.heappush(self.heap, (real, self.order, identity))
            elif real is not None:
                found.append(identity)
                self.clear(identity)
        return found
""",
            begun("timers_refresh")
            + """\
        self.deadlines.get(identity) is None or self.set(deadline, identity)

    def due(self, now):
        def rings():
            while self.heap:
                deadline, _, identity = self.heap[0]
                if deadline > now:
                    return
                heapq.heappop(self.heap)
                if self.deadlines.get(identity) == deadline:
                    yield self.deadlines.pop(identity) and identity or identity
        return list(rings())
""",
        ),
        "timers_wheel": (
            begun("timers_wheel")
            + """\
        self.slots[(self.now + delay) & 7].append((self.now + delay, identity))

    def advance(self, steps):
        found = []
        while steps:
            steps, self.now = steps - 1, self.now + 1
            waiting, self.slots[self.now % 8] = self.slots[self.now % 8], []
            for deadline, identity in waiting:
                if deadline == self.now:
                    found.append(identity)
                else:
                    self.slots[self.now % 8].append((deadline, identity))
        return found
""",
            begun("timers_wheel")
            + """\
        deadline = self.now + delay
        self.slots[deadline % len(self.slots)] += [(deadline, identity)]

    def advance(self, steps):
        due = []
        self.now += steps
        for slot in self.slots:
            due += [entry for entry in slot if entry[0] <= self.now]
            slot[:] = [entry for entry in slot if entry[0] > self.now]
        return [identity for _, identity in sorted(due, key=lambda entry: entry[0])]
""",
            begun("timers_wheel")
            + """\
        self.slots[(self.now + delay) % 8].append((self.now + delay, identity))

    def advance(self, steps):
        if steps == 0:
            return []
        self.now += 1
        slot = self.slots[self.now % 8]
        found = []
        for entry in list(slot):
            if entry[0] == self.now:
                slot.remove(entry)
                found.append(entry[1])
        return found + self.advance(steps - 1)
""",
        ),
        "timers_debounce": (
            """\
from minirt import set_timeout

def debounce(ms, function):
    calls = 0
    def called(value):
        nonlocal calls
        calls += 1
        number = calls
        set_timeout(ms, lambda _: function(value) if number == calls else None)
    return called
""",
            """\
from minirt import set_timeout

class debounce:
    def __init__(self, ms, function):
        self.ms, self.function, self.timer = ms, function, None
    def __call__(self, value):
        if self.timer is not None:
            self.timer.cancel()
        self.timer = set_timeout(self.ms, lambda _: self.function(value))
""",
            """\
from minirt import clear_timeout, set_timeout

def debounce(ms, function):
    def called(value):
        clear_timeout(called.timer)
        called.value = value
        called.timer = set_timeout(ms, rings)
    def rings(_):
        function(called.value)
    called.timer = None
    return called
""",
        ),
        "timers_throttle": (
            """\
from minirt import Runtime, set_timeout

def throttle(ms, function):
    next_time, held, is_set = float("-inf"), None, False
    def run(value):
        nonlocal next_time
        next_time = Runtime.current().clock.now() + ms / 1000
        function(value)
    def late(_):
        nonlocal is_set
        is_set = False
        run(held)
    def called(value):
        nonlocal held, is_set
        wait = next_time - Runtime.current().clock.now()
        if wait <= 0 and not is_set:
            run(value)
            return
        held = value
        if not is_set:
            is_set = True
            set_timeout(1000 * wait, late)
    return called
""",
            """\
from minirt import set_timeout

NOTHING = object()

class throttle:
    def __init__(self, ms, function):
        self.ms, self.function = ms, function
        self.timer, self.last = None, NOTHING
    def __call__(self, value):
        if self.timer is not None:
            self.last = value
            return
        self.timer = set_timeout(self.ms, self.open)
        self.function(value)
    def open(self, _):
        self.timer, last, self.last = None, self.last, NOTHING
        if last is not NOTHING:
            self(last)
""",
            """\
from collections import deque
from minirt import clear_interval, set_interval

def throttle(ms, function):
    held, interval = deque(maxlen=1), None
    def beat(_):
        nonlocal interval
        if held:
            function(held.pop())
        else:
            clear_interval(interval)
            interval = None
    def called(value):
        nonlocal interval
        if interval is None:
            interval = set_interval(ms, beat)
            function(value)
        else:
            held.append(value)
    return called
""",
        ),
        "woken_for_nothing": (
            """\
def wait_for(condition, timeout, poll, clock):
    end = clock.now() + timeout
    while True:
        if condition():
            return True
        now = clock.now()
        if now >= end:
            return False
        poll.poll(timeout=end - now)
""",
            """\
def wait_for(condition, timeout, poll, clock):
    if condition():
        return True
    if timeout <= 0:
        return False
    began = clock.now()
    poll.poll(timeout)
    return wait_for(condition, timeout - (clock.now() - began), poll, clock)
""",
            """\
def wait_for(condition, timeout, poll, clock):
    end = clock.now() + timeout
    while not (happened := condition()) and (left := max(0, end - clock.now())):
        poll.poll(left)
    return bool(happened)
""",
            changed("woken_for_nothing", ("poll.poll(left)", "poll.poll(min(left, 0.01))")),
        ),
        "echo_on_poll": (
            changed(
                "echo_on_poll",
                ("except ConnectionResetError:", "except OSError:"),
                ("connection, _ = self.door.accept()", "connection = self.door.accept()[0]"),
                ("connection.setblocking(False)", "connection.settimeout(0)"),
            ),
            begun("echo_on_poll")
            + """\
        try:
            connection, _ = self.door.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        token = max(self.connections, default=0) + 1 + self.last_token
        self.last_token = token
        self.connections[token] = connection
        self.poll.watch(connection, Interest.READABLE, Listener(token, self.answer))

    def answer(self, token):
        connection = self.connections[token]
        try:
            if data := connection.recv(65536):
                connection.sendall(data)
                return
        except ConnectionError:
            pass
        del self.connections[token]
        self.poll.unwatch(connection)
        connection.close()
""",
            begun("echo_on_poll")
            + """\
        import itertools
        connection, _ = self.door.accept()
        connection.setblocking(False)
        token = next(n for n in itertools.count(self.last_token + 1))
        self.last_token = token
        self.connections[token] = connection
        self.poll.watch(connection, Interest.READABLE, Listener(token, lambda _: self.answer(token)))

    def answer(self, token):
        connection, data = self.connections[token], bytearray(4096)
        try:
            count = connection.recv_into(data)
        except (ConnectionResetError, BrokenPipeError):
            count = 0
        if count == 0:
            self.poll.unwatch(self.connections.pop(token))
            return connection.close()
        connection.send(data[:count])
""",
        ),
        "cap_per_turn": (
            begun("cap_per_turn")
            + """\
        for _ in self.immediates[: self.most]:
            self.immediates.pop(0)(None)
""",
            """\
from collections import deque

class CappedCheck:
    def __init__(self, most):
        self.most = most
        self.immediates = deque()

    def set_immediate(self, callback):
        self.immediates.append(callback)

    def phase(self):
        left = min(self.most, len(self.immediates))
        while left > 0:
            left -= 1
            self.immediates.popleft()()
""",
            begun("cap_per_turn")
            + """\
        batch = self.immediates[: self.most]
        self.immediates = self.immediates[self.most :]
        while batch:
            callback = batch.pop(0)
            try:
                callback()
            except BaseException:
                self.immediates = batch + self.immediates
                raise
""",
        ),
        "find_the_spin": (
            """\
def spins(rt, main):
    rt.start(main)
    moments = [rt.clock.now()]
    end = moments[0] + 1
    while rt.tick():
        now = rt.clock.now()
        if now > end:
            break
        moments = [*moments[-1000:], now]
        if len(moments) == 1001 and now - moments[0] < 0.1:
            return True
    return False
""",
            """\
from collections import Counter

def spins(rt, main):
    rt.start(main)
    began, turns = rt.clock.now(), Counter()
    alive = True
    while alive and rt.clock.now() - began < 1:
        alive = rt.tick()
        tenth = int((rt.clock.now() - began) * 10)
        turns[tenth] += 1
        if turns[tenth] > 1000:
            return True
    return False
""",
            """\
def spins(rt, main):
    rt.start(main)
    start = rt.clock.now()
    for tenth in range(1, 11):
        turns = 0
        while rt.clock.now() < start + tenth / 10:
            if not rt.tick():
                return False
            turns += 1
            if turns > 1000:
                return True
    return False
""",
        ),
        "zip_module": (
            changed("zip_module", ("bytes(content)", "b'' + content")),
            begun("zip_module").partition("def compress")[0]
            + """\
def pooled(work):
    def module_function(content, cb):
        if type(content) not in (bytes, bytearray):
            raise TypeError(type(content).__name__)
        copy = memoryview(bytes(content))
        def task():
            return Bytes(work(copy))
        return Runtime.current().register_event_threadpool(task, ZIP, cb)
    module_function.__name__ = work.__name__
    return module_function

compress = pooled(lambda content: zlib.compress(content))
decompress = pooled(lambda content: zlib.decompress(content))
compress.__name__, decompress.__name__ = "compress", "decompress"
""",
            begun("zip_module").partition("def compress")[0]
            + """\
from functools import partial

def compress(content, cb, work="compress"):
    match content:
        case bytes() | bytearray():
            content = bytes(content)
        case _:
            raise TypeError("bytes!")
    task = lambda: Bytes(getattr(zlib, work)(content))
    return Runtime.current().register_event_threadpool(task, ZIP, cb)

decompress = partial(compress, work="decompress")
""",
        ),
        "http_within": (
            """\
from minirt import Error, clear_timeout, http, set_timeout

def get_slow_within(url, delay_ms, seconds, cb):
    waiting = [cb]
    def answered(value):
        if waiting:
            clear_timeout(timer)
            waiting.pop()(value)
    http.get_slow(url, delay_ms, answered)
    timer = set_timeout(seconds * 1000, lambda _: answered(Error(TimeoutError())))
""",
            """\
from minirt import Error, http, set_timeout

class Race:
    def __init__(self, cb):
        self.cb = cb
    def end(self, value):
        cb, self.cb = self.cb, None
        if cb:
            self.timer.cancel()
            cb(value)

def get_slow_within(url, delay_ms, seconds, cb):
    race = Race(cb)
    http.get_slow(url, delay_ms, race.end)
    race.timer = set_timeout(
        1000 * seconds, lambda _: race.end(Error(TimeoutError("too late")))
    )
""",
            """\
from minirt import Error, http, set_timeout

def get_slow_within(url, delay_ms, seconds, cb):
    state = {"open": True}
    timer = None
    def first(value):
        if state.pop("open", False):
            timer.cancel()
            return cb(value)
    def late(_):
        first(Error(TimeoutError(f"{seconds} s")))
    timer = set_timeout(1000 * seconds, late)
    try:
        http.get_slow(url, delay_ms, first)
    except BaseException:
        timer.cancel()
        raise
""",
        ),
        "phase_order": (
            """\
def order(program):
    todo, called = [], []

    def sets(name):
        called.append(name)
        todo.extend(program.get(name, []))

    def soon():
        while kinds := {kind for kind, _ in todo} & {"tick", "microtask"}:
            kind = max(kinds)  # "tick" > "microtask"
            while one := next((pair for pair in todo if pair[0] == kind), None):
                todo.remove(one)
                sets(one[1])

    sets("main")
    soon()
    phases = ["timer"]
    while phases:
        for phase in phases:
            for one in [pair for pair in todo if pair[0] == phase]:
                todo.remove(one)
                sets(one[1])
                soon()
        phases = ["immediate", "close", "timer"] if todo else []
    return tuple(called)
""",
            """\
class Model:
    def __init__(self, program):
        self.program = program
        self.tick, self.microtask, self.immediate, self.close, self.timer = [], [], [], [], []

    def run(self, name):
        yield name
        for kind, other in self.program.get(name, ()):
            getattr(self, kind).append(other)

    def drained(self, name):
        yield from self.run(name)
        while self.tick or self.microtask:
            while self.tick:
                yield from self.run(self.tick.pop(0))
            while self.microtask:
                yield from self.run(self.microtask.pop(0))

    def phase(self, kind):
        batch = getattr(self, kind)
        setattr(self, kind, [])
        for name in batch:
            yield from self.drained(name)

    def all(self):
        yield from self.drained("main")
        yield from self.phase("timer")
        while self.immediate or self.close or self.timer:
            for kind in ("immediate", "close", "timer"):
                yield from self.phase(kind)

def order(program):
    return list(Model(program).all())
""",
            """\
import heapq
from itertools import count

def order(program):
    \"\"\"One heap: (turn, place in the turn, number).\"\"\"
    heap, soon, names, numbers = [], [], [], count()
    places = {"timer": 0, "immediate": 1, "close": 2}

    def add(name, turn, place):
        names.append(name)
        for kind, other in program.pop(name, ()):
            if kind in places:
                # the phase that runs, or one that is over, comes again in the next turn
                later = places[kind] <= place
                heapq.heappush(heap, (turn + later, places[kind], next(numbers), other))
            else:
                soon.append((kind, other))

    def call(name, turn, place):
        add(name, turn, place)
        while soon:
            kind = "tick" if any(k == "tick" for k, _ in soon) else "microtask"
            while any(k == kind for k, _ in soon):
                at = [k for k, _ in soon].index(kind)
                add(soon.pop(at)[1], turn, place)

    call("main", 0, -1)
    while heap:
        turn, place, _, name = heapq.heappop(heap)
        call(name, turn, place)
    return names
""",
        ),
        "tell_apart": (
            "import time\n"
            + changed("tell_apart", ("Runtime.current().clock.sleep(0.01)", "time.sleep(0.01)")),
            "from time import perf_counter, sleep as busy\n"
            + changed("tell_apart", ("Runtime.current().clock.sleep(0.01)", "busy(0.01)")),
            changed(
                "tell_apart",
                (
                    "Runtime.current().clock.sleep(0.01)",
                    "import time\n        end = time.perf_counter() + 0.01\n"
                    "        while time.perf_counter() < end:\n            pass",
                ),
            ),
            changed(
                "tell_apart",
                (
                    "Runtime.current().clock.sleep(0.01)",
                    "clock = Runtime.current().clock\n        end = clock.now() + 0.01\n"
                    "        while clock.now() < end:\n            pass",
                ),
            ),
            begun("tell_apart")
            + """\
    def breed(left):
        def callback(_):
            print("immediate", left)
            if left:
                set_timeout(1, lambda _: print("timer"))
                set_immediate(breed(left - 1))
                Runtime.current().clock.sleep(0.005)
        return callback
    set_immediate(breed(2))
""",
        ),
    }
)

WRONG: Mapping[str, Sequence[Wrong]] = MappingProxyType(
    {
        "identity_8_bits": (
            (
                changed(
                    "identity_8_bits",
                    (
                        "        return identity\n",
                        "        self.taken.add(identity)\n        return identity\n",
                    ),
                ),
                "your generate_cb_identity put 200 into the set itself. Whoever",
            ),
            (
                changed(
                    "identity_8_bits",
                    (
                        "        return identity\n",
                        "        self.token = identity - 1\n        return identity\n",
                    ),
                ),
                "after 4 comes 5, and yours gave 4, free since a moment ago. An",
            ),
            (
                changed("identity_8_bits", ("self.taken = taken", "self.taken = set(taken)")),
                "200 was added to the set that your class was given, and your",
            ),
            (
                changed("identity_8_bits", ("OverflowError", "ValueError")),
                "your code raised ValueError: all 256 identities are taken",
            ),
            (
                changed(
                    "identity_8_bits", ("def generate_cb_identity", "def generate_id_callback")
                ),
                "your Identities has no `generate_cb_identity`. Is it there, and",
            ),
            (
                changed(
                    "identity_8_bits",
                    (
                        "        return identity\n",
                        "        self.taken.clear()\n        return identity\n",
                    ),
                ),
                "your methods took identities out of the set. Whoever gave an",
            ),
        ),
        "identity_at_rest": (
            (
                changed(
                    "identity_at_rest",
                    ("self.back[identity] = self.given", "self.back[identity] = self.token"),
                ),
                "0 came back a moment ago and must rest while 2 others are",
            ),
            (
                changed("identity_at_rest", ("return self.token\n", "return self.given\n")),
                "the first four of four are [1, 2, 3, 0], and yours were [1, 2,",
            ),
            (
                changed(
                    "identity_at_rest",
                    (
                        "        raise OverflowError",
                        "        return None\n        raise OverflowError",
                    ),
                ),
                "generate gave None. Does it end with `return`?",
            ),
            (
                changed(
                    "identity_at_rest",
                    ("self.back[identity] = self.given", "self.back = {identity: self.given}"),
                ),
                "1, 2 and 3 came back a moment ago, one after the other, and",
            ),
            (
                changed(
                    "identity_at_rest",
                    ("(self.token + 1) % self.count", "self.token % self.count + 1"),
                ),
                "the first four of four are [1, 2, 3, 0], and yours were [1, 2,",
            ),
        ),
        "leaking_downloads": (
            (
                changed(
                    "leaking_downloads", ("append(type(error).__name__)", "append(str(error))")
                ),
                "the report should be ['1 show', '2 show', 'ValueError'], and",
            ),
            (
                changed(
                    "leaking_downloads",
                    ("except Exception as error:", "except ValueError as error:"),
                ),
                "the callback of 1 raised LookupError, and it left your finish,",
            ),
            (
                changed(
                    "leaking_downloads",
                    ("self.waiting.pop(identity)", "self.waiting.pop(identity, print)"),
                ),
                "a second finish(1, ...) should be a KeyError, and yours went",
            ),
            (
                changed(
                    "leaking_downloads",
                    (
                        "            callback(value)\n",
                        "            callback(value)\n            self.last = callback\n",
                    ),
                ),
                "callback 1 has returned, and what it captured is still alive.",
            ),
            (
                changed(
                    "leaking_downloads",
                    (
                        "self.failed.append(type(error).__name__)",
                        "self.failed.append(error.with_traceback(None))\n            error.__context__ = None",
                    ),
                    ("+ self.failed", "+ [type(e).__name__ for e in self.failed]"),
                ),
                "callback 1 caught an error and raised another, and what it",
            ),
            (
                changed(
                    "leaking_downloads",
                    (
                        "            self.failed.append(type(error).__name__)",
                        "            self.failed.append(type(error).__name__)\n            raise",
                    ),
                ),
                "the callback of 2 raised ValueError, and it left your finish,",
            ),
            (
                changed("leaking_downloads", ("callback(value)\n", "callback(identity)\n")),
                "after finish(7, 'sky') the callback had received [7], not",
            ),
        ),
        "box_with_origin": (
            (
                changed("box_with_origin", ("_getframe(1)", "_getframe(2)")),
                "the box was created at",
            ),
            (
                changed("box_with_origin", ("{frame.f_lineno}", "{frame.f_code.co_firstlineno}")),
                "the box was created at",
            ),
            (
                changed("box_with_origin", ("raise RuntimeError(", "raise ValueError(")),
                "your code raised ValueError",
            ),
            (
                changed(
                    "box_with_origin",
                    (
                        "        self.callback = callback\n",
                        "        self.callback = callback\n        self.original = callback\n",
                    ),
                ),
                "the box was called, and what its callback captured is still",
            ),
            (
                changed("box_with_origin", ("return callback(value)", "return callback()")),
                "your code raised TypeError: double() missing 1 required",
            ),
        ),
        "pool_bounded_waiting": (
            (
                changed("pool_bounded_waiting", ("number=number", "")),
                "all 12 functions ran, and done was never called. Who counts how",
            ),
            (
                changed(
                    "pool_bounded_waiting",
                    ("                done([", "                done(done=["),
                ),
                "your code raised TypeError: list.append() takes no keyword",
            ),
            (
                changed("pool_bounded_waiting", ("TaskKind.ENCRYPT", "TaskKind.FILE_READ")),
                "your submit_all hands over File read as the kind of a task. It",
            ),
            (
                changed(
                    "pool_bounded_waiting",
                    ("            rest.pop(0)\n", "            rest.pop()\n"),
                ),
                "of 12 functions, function 0 ran 12 times.",
            ),
            (
                changed(
                    "pool_bounded_waiting",
                    (
                        "done([results[number] for number in range(len(functions))])",
                        "done(results)",
                    ),
                ),
                "done was called with",
            ),
            (
                changed(
                    "pool_bounded_waiting",
                    (
                        "done([results[number] for number in range(len(functions))])",
                        "done([results[number] for number in reversed(range(len(functions)))])",
                    ),
                ),
                "at place 0 of your results stands Int(value=11), and not that",
            ),
            (
                changed(
                    "pool_bounded_waiting",
                    (
                        "results[number] = result\n",
                        "results[number] = result\n                done([])\n",
                    ),
                ),
                "done was called with 0 results of 12: too early.",
            ),
        ),
        "pool_fair": (
            (
                changed("pool_fair", ("passed_over == 5", "passed_over == 4")),
                "the oldest task went after it was passed over 4 times, and not",
            ),
            (
                changed("pool_fair", ("max(", "min(")),
                "1 and 4 had priority 0, 2 and 3 had priority 2, and they went",
            ),
            (
                changed(
                    "pool_fair",
                    (
                        "return max(waiting, key=lambda task: task.kind.priority)",
                        "return max(waiting, key=lambda task: task.identity)",
                    ),
                ),
                "1 and 4 had priority 0, 2 and 3 had priority 2, and they went",
            ),
            (
                changed(
                    "pool_fair",
                    ("        passed_over += 1\n", "        passed_over += len(waiting)\n"),
                ),
                "a task of priority 0 was passed over 50 times, and waits still:",
            ),
            (
                changed(
                    "pool_fair",
                    (
                        "            return first\n",
                        "            passed_over = 0\n            return max(waiting[1:], key=lambda task: task.kind.priority)\n",
                    ),
                ),
                "a task of priority 0 was passed over 50 times, and waits still:",
            ),
            (
                "def fair(waiting):\n    return max(waiting, key=lambda task: task.kind.priority)\n",
                "your code could not be used as the text says: fair() missing 1",
            ),
            (
                changed(
                    "pool_fair",
                    (
                        "        passed_over += 1\n        return max(waiting, key=lambda task: task.kind.priority)",
                        "        best = max(waiting, key=lambda task: task.kind.priority)\n        if len(waiting) > 1:\n            passed_over += 1\n        return best",
                    ),
                    (
                        "        if first.identity != oldest:\n            oldest, passed_over = first.identity, 0\n",
                        "        if passed_over > 5:\n            passed_over = 0\n",
                    ),
                ),
                "after one task had been passed over five times, the next one,",
            ),
        ),
        "timers_refresh": (
            (
                changed(
                    "timers_refresh", ("        return found\n", "        return sorted(found)\n")
                ),
                "3 and 4 ring at 20, 1 at 30, and your due gave [1, 3, 4].",
            ),
            (
                changed("timers_refresh", ("self.heap[0][0] <= now", "self.heap[0][0] == now")),
                "3 and 4 ring at 20, 1 at 30, and your due gave [].",
            ),
            (
                changed("timers_refresh", ("while self.heap", "if self.heap")),
                "3 and 4 ring at 20, 1 at 30, and your due gave [3].",
            ),
            (
                changed(
                    "timers_refresh",
                    ("found.append(identity)", "found.append((deadline, identity))"),
                ),
                "at 10 your due gave [(10, 2)]. Alarm 2 has the deadline 10: it",
            ),
            (
                changed(
                    "timers_refresh",
                    (
                        "self.set(deadline, identity)\n\n",
                        "self.set(self.deadlines[identity] + deadline, identity)\n\n",
                    ),
                ),
                "alarm 1 was refreshed to 30, and at 30 it did not ring, but",
            ),
            (
                changed("timers_refresh", ("heapq.heappop(self.heap)", "self.heap.pop(0)")),
                "3 and 4 ring at 20, 1 at 30, and your due gave [4, 3, 1].",
            ),
        ),
        "timers_wheel": (
            (
                changed("timers_wheel", ("deadline % 8]", "delay % 8]")),
                "at step 7, after advance(1), 'set at step 5' was due, and did",
            ),
            (
                changed(
                    "timers_wheel",
                    ("deadline = self.now + delay", "deadline = (self.now + delay) % 8"),
                ),
                "at step 3, after advance(3), 'in 11' came: too early, or once",
            ),
            (
                changed("timers_wheel", ("found += [identity for", "found = [identity for")),
                "at step 4, after advance(4), 'in 1' was due, and did not come.",
            ),
            (
                changed(
                    "timers_wheel", ("        return found\n", "        return sorted(found)\n")
                ),
                "at step 5, after advance(5), these came: ['the first of four',",
            ),
            (
                changed(
                    "timers_wheel", ("found += [identity for", "found += [(deadline, identity) for")
                ),
                "at step 3, after advance(1), (3, 'in 3') came: too early, or",
            ),
            (
                changed("timers_wheel", ("range(steps)", "range(min(steps, 8))")),
                "at step 30, after advance(30), 'in 9' was due, and did not come.",
            ),
            (
                changed(
                    "timers_wheel",
                    (
                        "self.slots[self.now % 8]\n",
                        "self.slots[self.now % 8]\n            slot.reverse()\n",
                    ),
                ),
                "at step 5, after advance(5), these came: ['the last of four',",
            ),
            (
                changed("timers_wheel", ("self.slots[self.now % 8]\n", "self.slots[self.now]\n")),
                "your code raised IndexError: list index out of range",
            ),
        ),
        "timers_debounce": (
            (
                changed("timers_debounce", ("set_timeout(ms,", "set_timeout(ms / 1000,")),
                "with 50 ms and these calls: 'a' at 100, function was called",
            ),
            (
                changed(
                    "timers_debounce",
                    ("        clear_timeout(timer)\n", "        if timer:\n            return\n"),
                ),
                "with 50 ms and these calls: 'a' at 100, 'b' at 130, 'c' at 160,",
            ),
            (
                changed("timers_debounce", ("        nonlocal timer\n", "")),
                "your code raised UnboundLocalError: cannot access local",
            ),
            (
                changed("timers_debounce", ("lambda _: function(value)", "function(value)")),
                "your code raised NotCallable: a callback must be callable with",
            ),
            (
                changed(
                    "timers_debounce",
                    (
                        "        clear_timeout(timer)\n",
                        "        clear_timeout(timer)\n        function(value)\n",
                    ),
                ),
                "with 50 ms and these calls: 'a' at 100, function was called",
            ),
            (
                changed(
                    "timers_debounce",
                    (
                        "clear_timeout(timer)\n",
                        "clear_timeout(timer)\n        values.append(value)\n",
                    ),
                    ("    timer = None\n", "    timer = None\n    values = []\n"),
                    ("function(value)", "function(values[0])"),
                ),
                "with 50 ms and these calls: 'a' at 100, 'b' at 130, 'c' at 160,",
            ),
        ),
        "timers_throttle": (
            (
                changed("timers_throttle", ("            function(value)\n", "")),
                "with 50 ms and these calls: 'a' at 100, function was called",
            ),
            (
                changed("timers_throttle", ("            is_open = False\n", "")),
                "with 50 ms and these calls: 'a' at 100, 'b' at 110, 'c' at 120,",
            ),
            (
                changed("timers_throttle", ("set_timeout(ms,", "set_timeout(ms * 2,")),
                "with 50 ms and these calls: 'a' at 100, 'b' at 110, 'c' at 120,",
            ),
            (
                changed("timers_throttle", ("        is_open = True\n        if", "        if")),
                "with 50 ms and these calls: 'a' at 100, 'b' at 110, 'c' at 120,",
            ),
            (
                changed(
                    "timers_throttle",
                    ("        nonlocal is_open\n        if is_open", "        if is_open"),
                ),
                "your code raised UnboundLocalError: cannot access local",
            ),
            (
                changed("timers_throttle", ("called(held.pop())", "called(held[0])")),
                "Does what was held back go through again and again?",
            ),
        ),
        "woken_for_nothing": (
            (
                changed("woken_for_nothing", ("poll.poll(left)", "poll.poll(1000 * left)")),
                "with a timeout of 2 s your wait_for came back after 2000 s.",
            ),
            (
                changed("woken_for_nothing", ("poll.poll(left)", "poll.poll()")),
                "your wait_for called poll(None): it sleeps for ever, whatever",
            ),
            (
                changed("woken_for_nothing", ("not condition()", "not condition")),
                "the condition never was true, and your wait_for gave True.",
            ),
            (
                changed(
                    "woken_for_nothing",
                    ("            return False", "            raise TimeoutError"),
                ),
                "your code raised TimeoutError",
            ),
            (
                changed(
                    "woken_for_nothing",
                    ("while not condition():", "found = []\n    while not found:"),
                    ("poll.poll(left)", "found = poll.poll(left)"),
                ),
                "the condition was true before you slept, and your wait_for",
            ),
            (
                changed("woken_for_nothing", ("clock.now()", "clock()")),
                "your code raised TypeError: 'ManualClock' object is not callable",
            ),
            (
                changed(
                    "woken_for_nothing",
                    ("            return False", "            return condition"),
                ),
                "the condition never was true, and your wait_for gave True.",
            ),
            (
                changed(
                    "woken_for_nothing",
                    (
                        "        poll.poll(left)\n",
                        "        if poll.poll(left):\n            return True\n",
                    ),
                ),
                "woken after 0.25 s by somebody else's event, your wait_for gave True.",
            ),
            (
                changed(
                    "woken_for_nothing",
                    ("        if left <= 0:\n            return False\n", ""),
                    ("poll.poll(left)", "poll.poll(abs(left))"),
                ),
                "your wait_for still waits.",
            ),
            (
                """\
def wait_for(condition, timeout, poll, clock):
    deadline = clock.now() + timeout
    while clock.now() < deadline and not condition():
        poll.poll(deadline - clock.now())
    return clock.now() < deadline
""",
                "the condition came true in the last sleep, and your wait_for gave",
            ),
        ),
        "echo_on_poll": (
            (
                changed(
                    "echo_on_poll",
                    ("connection.send(received)", "connection.send(b'echo: ' + received)"),
                ),
                "with a silent client before it, another one sent b'is anybody",
            ),
            (
                changed("echo_on_poll", ("            del self.connections[token]\n", "")),
                "the connection is closed, and `connections` still holds it.",
            ),
            (
                changed("echo_on_poll", ("recv(4096)", "recv(4)")),
                "with a silent client before it, another one sent b'is anybody",
            ),
            (
                changed(
                    "echo_on_poll", ("self.poll.watch(connection", "self.poll.watch(self.door")
                ),
                "a client connected, and after your turn the poll watches the",
            ),
            (
                changed(
                    "echo_on_poll",
                    (
                        "        self.last_token += 1\n",
                        "        self.last_token = (self.last_token + 1) % 2\n",
                    ),
                ),
                "the poll reports to the tokens [0, 0, 1]: two of them are the",
            ),
            (
                changed(
                    "echo_on_poll",
                    (
                        "        self.last_token += 1\n",
                        "        self.last_token += 1\n        self.token = self.last_token\n",
                    ),
                    (
                        "self.connections[token]\n        try",
                        "self.connections[self.token]\n        try",
                    ),
                ),
                "your code raised BlockingIOError: [",
            ),
            (
                changed(
                    "echo_on_poll",
                    (
                        "        self.last_token += 1\n",
                        "        self.last_token = connection.fileno()\n",
                    ),
                ),
                "and left; then Carl came, and got it again",
            ),
            (
                changed(
                    "echo_on_poll",
                    (
                        "            connection.close()\n",
                        "            connection.close()\n            self.door.close()\n",
                    ),
                ),
                "one client has gone, and you closed the door: nobody can come",
            ),
            (
                changed(
                    "echo_on_poll",
                    (
                        "            del self.connections[token]\n",
                        "            self.connections.clear()\n",
                    ),
                ),
                "Bert is there still, and `connections` holds 0.",
            ),
            (
                changed(
                    "echo_on_poll", ("connection.send(received)", "connection.send(received * 2)")
                ),
                "b'is anybody there?is anybody there?' came back.",
            ),
            (
                changed(
                    "echo_on_poll",
                    ("self.poll.unwatch(connection)", "self.poll.unwatch(self.door)"),
                ),
                "you closed the connection and left it watched.",
            ),
        ),
        "cap_per_turn": (
            (
                changed(
                    "cap_per_turn",
                    ("            callback()\n", "            callback()\n            break\n"),
                ),
                "a, b and c waited, and your phase called ['a'].",
            ),
            (
                changed("cap_per_turn", ("min(self.most, len(self.immediates))", "self.most")),
                "your code raised IndexError: pop from empty list",
            ),
            (
                changed(
                    "cap_per_turn",
                    ("            callback()\n", "            self.called = callback\n"),
                ),
                "a, b and c waited, and your phase called [].",
            ),
            (
                changed(
                    "cap_per_turn",
                    (
                        "min(self.most, len(self.immediates))",
                        "min(self.most + 1, len(self.immediates))",
                    ),
                ),
                "with most=2 your first turn called 3: ['a', 'b', 'c'].",
            ),
            (
                changed(
                    "cap_per_turn",
                    (
                        "            callback()\n",
                        "            try:\n                callback()\n            except Exception:\n                self.immediates.clear()\n                raise\n",
                    ),
                ),
                "`a` raised, and `b`, which waited behind it, was never called:",
            ),
            (
                changed(
                    "cap_per_turn",
                    (
                        "            callback()\n",
                        "            try:\n                callback()\n            finally:\n                self.immediates.append(callback)\n",
                    ),
                ),
                "in the next turn nothing waited, and your phase called ['a',",
            ),
            (
                begun("cap_per_turn")
                + """\
        error = None
        for _ in range(min(self.most, len(self.immediates))):
            try:
                self.immediates.pop(0)()
            except Exception as raised:
                error = raised
        if error is not None:
            raise error
""",
                "`a` raised, and you called `b` in the same turn.",
            ),
            (
                begun("cap_per_turn")
                + """\
        batch, self.immediates = self.immediates[: self.most], self.immediates[self.most :]
        while batch:
            try:
                batch.pop(0)()
            except Exception:
                self.immediates[:0] = batch
                raise
""",
                "`a` was interrupted by Ctrl-C, and `b`, which waited behind it,",
            ),
        ),
        "find_the_spin": (
            (
                changed("find_the_spin", ("    rt.start(main)\n", "    rt.run(main)\n")),
                "an immediate set itself again until a timer of 400 ms had",
            ),
            (
                changed("find_the_spin", ("turns > 1000", "turns > 100_000")),
                "an immediate set itself again until a timer of 400 ms had",
            ),
            (
                changed("find_the_spin", ("began + 1", "began + 0.1")),
                "a program was quiet for 600 ms, then took 5,000 turns in 50 ms,",
            ),
            (
                changed("find_the_spin", (", turns = rt.clock.now(), 0", " = rt.clock.now()")),
                "a program made 400 turns every 100 ms, and was said to spin:",
            ),
            (
                changed("find_the_spin", ("    rt.start(main)\n", "    main()\n")),
                "your code raised NoRuntime: no runtime is running here. Call",
            ),
            (
                "import time\n" + changed("find_the_spin", ("rt.clock.now()", "time.monotonic()")),
                "an interval of 10 ms was said to spin.",
            ),
            (
                changed("find_the_spin", ("rt.tick():", "rt.tick(block=False):")),
                "a program that sets three timers and ends was said to spin.",
            ),
            (
                """\
def spins(rt, main):
    rt.start(main)
    last, turns = rt.clock.now(), 0
    while rt.clock.now() < 1 and rt.tick():
        turns = turns + 1 if rt.clock.now() == last else 0
        last = rt.clock.now()
        if turns > 1000:
            return True
    return False
""",
                "an immediate set itself again until a timer of 400 ms had fired",
            ),
            (
                """\
def spins(rt, main):
    rt.start(main)
    for _ in range(1001):
        if not rt.tick():
            return False
    return rt.clock.now() < 0.1
""",
                "An average over the whole time hides it",
            ),
        ),
        "zip_module": (
            (
                changed("zip_module", ("on_the_pool(zlib.decompress", "on_the_pool(zlib.compress")),
                "what your decompress brought is not the text that was",
            ),
            (
                changed("zip_module", ("raise TypeError(", "raise ValueError(")),
                "compress('a text', cb) raised ValueError at the call, and it",
            ),
            (
                changed("zip_module", ("bytes | bytearray", "bytes")),
                "a bytearray is content, too, and yours raised TypeError: bytes",
            ),
            (
                changed("zip_module", ("lambda: Bytes(work(kept))", "Bytes(work(kept))")),
                "your code raised NotCallable: a callback must be callable with",
            ),
            (
                changed(
                    "zip_module",
                    (
                        "on_the_pool(zlib.decompress, content, cb)",
                        "on_the_pool(zlib.decompress, content, lambda value: None)",
                    ),
                ),
                "the program is over, and the cb of your decompress was never",
            ),
            (
                changed(
                    "zip_module",
                    (
                        '        raise TypeError(f"bytes are needed, and {content!r} are none")',
                        "        cb(TypeError())\n        return 0",
                    ),
                ),
                "compress('a text', cb) raised no TypeError at the call. In a",
            ),
            (
                changed(
                    "zip_module",
                    (
                        "def decompress(content, cb):\n    return on_the_pool(zlib.decompress, content, cb)\n",
                        "def decompress(content, cb):\n    content = bytes(content, 'utf-8') if isinstance(content, str) else content\n    return on_the_pool(zlib.decompress, content, cb)\n",
                    ),
                ),
                "decompress('a text', cb) raised no TypeError at the call. In a",
            ),
            (
                changed(
                    "zip_module",
                    (
                        "    return on_the_pool(zlib.decompress, content, cb)",
                        "    return Runtime.current().register_event_threadpool(lambda: Bytes(zlib.decompress(content)), ZIP, cb)",
                    ),
                ),
                "decompress('a text', cb) raised no TypeError at the call. In a",
            ),
            (
                changed(
                    "zip_module",
                    (
                        "    if not isinstance(content, bytes | bytearray):\n"
                        '        raise TypeError(f"bytes are needed, and {content!r} are none")\n'
                        "    kept = bytes(content)\n",
                        "    kept = memoryview(content).tobytes()\n",
                    ),
                ),
                "compress(memoryview(b'la'), cb) raised no TypeError at the call.",
            ),
            (
                changed(
                    "zip_module",
                    (
                        "if not isinstance(content, bytes | bytearray):",
                        "if isinstance(content, str | int) or content is None:",
                    ),
                ),
                "compress([1, 2], cb) raised no TypeError at the call.",
            ),
        ),
        "http_within": (
            (
                changed(
                    "http_within",
                    (
                        "            is_over = True\n            timer.cancel()\n            cb(value)\n",
                        "            timer.cancel()\n            cb(value)\n            is_over = True\n",
                    ),
                ),
                "your timer called cb, an interrupt ended cb, and cb was called",
            ),
            (
                changed(
                    "http_within",
                    (
                        "            timer.cancel()\n            cb(value)\n",
                        "            cb(value)\n            timer.cancel()\n",
                    ),
                ),
                "the answer came, an interrupt ended cb, and the timer was still",
            ),
            (
                changed("http_within", ("        nonlocal is_over\n", "")),
                "your code raised UnboundLocalError: cannot access local",
            ),
            (
                changed("http_within", ("            cb(value)\n", "")),
                "the program is over, and cb was never called.",
            ),
            (
                changed("http_within", ("Error(TimeoutError(", "Error(ConnectionError(")),
                "cb received",
            ),
            (
                changed(
                    "http_within",
                    (
                        "    http.get_slow(url, delay_ms, finish)\n",
                        "    http.get_slow(url, delay_ms, cb)\n",
                    ),
                ),
                "cb was called 2 times, after 0.1 s and after 1.0 s. Answer and",
            ),
            (
                changed(
                    "http_within",
                    ("set_timeout(1000 * seconds, time_out)", "set_timeout(delay_ms, time_out)"),
                ),
                "the time was 1 s, and your timer ended the request after 100",
            ),
            (
                changed(
                    "http_within",
                    (
                        "    timer = set_timeout(1000 * seconds, time_out)\n",
                        "    import threading\n"
                        "    timer = threading.Timer(seconds, time_out, [None])\n",  # not started
                    ),
                ),
                "the time was over after 0.5 s, and after 3.0 s cb received the",
            ),
            (
                changed(
                    "http_within",
                    (
                        "    http.get_slow(url, delay_ms, finish)\n",
                        "    try:\n"
                        "        http.get_slow(url, delay_ms, finish)\n"
                        "    except ValueError as error:\n"
                        "        cb(Error(error))\n"
                        "        return\n",
                    ),
                ),
                "an https:// URL raised no ValueError at the caller's line.",
            ),
        ),
        "phase_order": (
            (
                changed("phase_order", ('in ("tick", "microtask"):', 'in ("microtask", "tick"):')),
                "your order says main, A, C, B, D. All ticks, then all",
            ),
            (
                changed("phase_order", ("popleft()", "pop()")),
                "your order says main, D, B, C, A. All ticks, then all",
            ),
            (
                changed("phase_order", ("    return called", "    return called[1:]")),
                "your order says nothing. Never called: main. Even a program",
            ),
            (
                changed(
                    "phase_order",
                    (
                        '        while waiting["tick"] or waiting["microtask"]:\n            for',
                        "        if True:\n            for",
                    ),
                ),
                "Is something left in a queue that is never emptied?",
            ),
            (
                changed(
                    "phase_order",
                    (
                        '        phase("immediate")\n',
                        '        phase("timer")\n        phase("immediate")\n',
                    ),
                ),
                "B and C are of one phase (timer): C is set when that phase has",
            ),
            (
                changed("phase_order", ('    phase("timer")  # once on entry\n', ""))
                .replace(
                    '        phase("immediate")\n        phase("close")\n        phase("timer")\n',
                    '        phase("timer")\n        phase("immediate")\n        phase("close")\n',
                )
                .replace(
                    "        for _ in range(len(waiting[kind])):",
                    "        for _ in range(len(waiting[kind]) if kind != 'close' else 1):",
                ),
                "your code raised IndexError: pop from an empty deque",
            ),
            (
                changed(
                    "phase_order",
                    (
                        "call(waiting[kind].popleft())\n            drain()",
                        "call(waiting[kind].popleft())\n            if kind != 'close':\n                drain()",
                    ),
                ),
                "Is something left in a queue that is never emptied?",
            ),
            (
                changed("phase_order", ("    return called\n", "    return ' '.join(called)\n")),
                "your order gave 'main', and not a list of names.",
            ),
        ),
        "tell_apart": (
            (
                begun("tell_apart") + "    print('A')\n    print('B')\n",
                "both loops print A, B. What else could run between an immediate",
            ),
            (
                begun("tell_apart") + "    import random\n    print(random.random())\n",
                "on Node's loop your program prints",
            ),
            (
                begun("tell_apart") + "    print(type(Runtime.current()).__name__)\n",
                "on the same loop by another name it prints Runtime, too.",
            ),
            (
                begun("tell_apart")
                + "    set_immediate(print)\n    set_immediate(lambda _: next())\n",
                "your code raised TypeError: next expected at least 1 argument,",
            ),
            (
                changed("tell_apart", ("sleep(0.01)", "sleep(0.0001)")),
                "both loops print bred, timeout. What else could run between an",
            ),
            (
                begun("tell_apart")
                + """\
    lines = ["A", "B"]
    if type(Runtime.current()).__name__ == "ImmediatesUntilEmpty":
        lines.reverse()
    for line in lines:
        print(line)
""",
                "your program asks for the name of the runtime that it runs on.",
            ),
            (
                begun("tell_apart")
                + """\
    def first(_):
        set_immediate(lambda _: print("second"))
        print("first")

    set_immediate(first)
    set_timeout(0, lambda _: print("timer"))
""",
                "It tells seeds apart, not loops.",
            ),
        ),
    }
)
