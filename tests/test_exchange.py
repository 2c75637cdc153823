"""A request that is cancelled, and answers that would hold the loop up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from minirt import Recorder, Runtime, Simulation, String, TaskKind, http, set_immediate
from minirt.core.loop import Loop
from minirt.core.simulation import SimulatedConnection
from minirt.errors import HttpError, IdentityTaken
from minirt.modules.exchange import Request
from minirt.modules.handles import handles_of
from minirt.modules.messages import Answer
from minirt.modules.slices import AT_ONCE, LATER, Slices
from minirt.modules.slowserver import SlowServer

pytestmark = pytest.mark.usefixtures("no_leaks")

PATIENCE = 20  # seconds after which a test that hangs fails
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def serving(answer: bytes, clients: int = 1) -> Iterator[str]:
    """The URL of a server that sends these bytes to each client and then waits for its end."""

    def serve() -> None:
        for _ in range(clients):
            connection, _ = listener.accept()
            connections.append(connection)
            threading.Thread(target=send, args=(connection,), daemon=True).start()

    def send(connection: socket.socket) -> None:
        try:
            connection.settimeout(PATIENCE)
            connection.recv(65536)
            connection.sendall(answer)
            while connection.recv(65536):
                pass
        except OSError:
            pass  # the client hung up in the middle
        finally:
            connection.close()
            ended.release()

    connections: list[socket.socket] = []
    ended = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()
        for _ in range(clients):
            assert ended.acquire(timeout=PATIENCE), "the connection is still open"


# Cancelling (R26)


class Connections(Simulation):
    """A simulation that remembers its connections."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[SimulatedConnection] = []
        self.add_peer("slow", 80, lambda _: [(60.0, OK + b"Content-Length: 2\r\n\r\nhi")])
        self.add_peer("quick", 80, lambda _: [(1.0, OK + b"Content-Length: 2\r\n\r\nhi")])

    def connect(self, address: str, port: int) -> SimulatedConnection:
        self.made.append(super().connect(address, port))
        return self.made[-1]

    @property
    def open(self) -> int:
        """How many of them are open."""
        return sum(connection.fileno() >= 0 for connection in self.made)


def run(main: Callable[[Runtime, list[Any]], object], system: Connections | None = None) -> Any:
    """Run `main`. Returns the runtime and what the callbacks received."""
    log: list[Any] = []
    rt = Runtime(system=system or Connections())
    rt.run(lambda: main(rt, log))
    return rt, log


def test_r26_a_request_is_the_identity_of_its_callback() -> None:
    def main(rt: Runtime, log: list[Any]) -> None:
        request = http.get("http://quick/", log.append)
        assert isinstance(request, int) and isinstance(request, Request)
        assert request == rt.identity_token == 1
        assert {1: "found"}[request] == "found"
        slow = http.get_slow("http://example.com/", 5, log.append)
        assert isinstance(slow, Request) and slow == 2
        assert rt.pending_events == rt.epoll_pending_events == 2
        with pytest.raises(IdentityTaken):
            rt.add_callback(request, print)

    assert len(run(main)[1]) == 2


CANCELS: dict[str, Callable[[Runtime, Request], object]] = {
    "cancel": lambda rt, request: request.cancel(),
    "deregister_event_epoll": lambda rt, request: rt.deregister_event_epoll(request),
    "deregister_event_epoll of its number": lambda rt, request: rt.deregister_event_epoll(
        int(request)
    ),
}


@pytest.mark.parametrize("cancel", CANCELS.values(), ids=CANCELS)
@pytest.mark.parametrize("ms", [None, 100])
def test_r26_a_cancelled_request_closes_its_connection_and_calls_nobody(
    cancel: Callable[[Runtime, Request], object], ms: int | None
) -> None:
    system = Connections()

    def main(rt: Runtime, log: list[Any]) -> None:
        def stop(_: Any) -> None:
            assert system.open == 1
            cancel(rt, request)
            assert (system.open, rt.pending_events, len(handles_of(rt))) == (0, 0, 0)
            cancel(rt, request)

        request = http.get("http://slow/", log.append, timeout=10)
        if ms is None:
            stop(None)
        else:
            rt.set_timeout(ms, stop)

    rt, log = run(main, system)
    assert log == []
    assert rt.clock.now() < 1  # neither the timeout nor the answer is waited for


def test_r26_cancelling_after_the_end_does_nothing_not_even_to_the_next_owner() -> None:
    requests: list[Request] = []

    def main(rt: Runtime, log: list[Any]) -> None:
        def answered(value: Any) -> None:
            log.append(value)
            requests[0].cancel()
            rt.identity_token = requests[0] - 1  # the count has come round
            again = http.get("http://quick/", log.append)
            assert again == requests[0]
            requests[0].cancel()
            assert rt.pending_events == 1

        requests.append(http.get("http://quick/", answered))

    assert run(main)[1] == [String("hi")] * 2
    requests[0].cancel()  # nor after the end of the runtime


def test_r26_a_request_is_no_task_of_the_pool() -> None:
    def main(rt: Runtime, log: list[Any]) -> None:
        assert rt.cancel_task(http.get("http://quick/", log.append)) is False

    assert run(main)[1] == [String("hi")]


def test_r26_cancelling_takes_the_look_up_back() -> None:
    def main(rt: Runtime, log: list[Any]) -> None:
        go = threading.Event()
        rt.register_event_threadpool(
            lambda: String(str(go.wait(PATIENCE))), TaskKind("Busy"), log.append
        )
        before = (rt.pending_events, len(handles_of(rt)))
        request = http.get("http://localhost:9/", log.append)
        assert rt.pending_events == before[0] + 2
        request.cancel()
        assert (rt.pending_events, len(handles_of(rt))) == before
        go.set()

    log: list[Any] = []
    rt = Runtime(threads=1)
    rt.run(lambda: main(rt, log))
    assert log == [String("True")]


def test_r26_cancelled_in_real_time_the_server_hears_the_end() -> None:
    log: list[Any] = []

    def main() -> None:
        request = http.get(url, log.append)
        rt.set_timeout(5, lambda _: request.cancel())

    with serving(OK + b"Content-Length: 100\r\n\r\nhalf") as url:
        rt = Runtime()
        rt.run(main)
    assert log == []


def test_r26_a_request_cancelled_by_another_s_callback_is_not_answered_in_the_same_turn() -> None:
    def main(rt: Runtime, log: list[Any]) -> None:
        def answered(value: Any) -> None:
            log.append(value)
            for request in requests:
                request.cancel()

        requests.extend(http.get("http://both/", answered) for _ in range(3))

    requests: list[Request] = []
    system = Connections()
    page = OK + b"Content-Length: 2\r\n\r\nhi"
    system.random.uniform = lambda *_: 0.0  # type: ignore[method-assign,assignment]
    system.add_peer("both", 80, lambda _: [(1.0, page)])
    assert run(main, system)[1] == [String("hi")]


def test_the_trace_shows_one_event_that_is_boxed_ready_and_dropped() -> None:
    recorder = Recorder()
    log: list[Any] = []
    rt = Runtime(system=Connections(), trace=recorder)
    rt.run(lambda: http.get("http://quick/", log.append))
    kinds = [event.kind for event in recorder if event.identity == 1]
    assert kinds == ["identity", "boxed", "queued", "ready", "run", "dropped", "returned"]


# Answers that would hold the loop up (A2, A3, R15)


def hostile(size: int) -> dict[str, bytes]:
    """Answers of some `size` bytes that take long to read, as one piece."""
    punycode = b"Content-Type: text/plain; charset=punycode\r\nContent-Length: %d\r\n\r\n" % size
    return {
        "chunks of one byte": CHUNKED + b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n",
        "chunks with extensions": CHUNKED + b"1;a=b\r\nx\r\n" * (size // 10) + b"0\r\n\r\n",
        "hints without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * (size // 28),
        "short headers": OK + b"a:\r\n" * (size // 4),
        "one long header": OK + b"a: " + b"x" * size,
        "blanks in a header": OK + b"a:" + b" " * size + b"\0\r\n\r\n",
        "punycode": OK + punycode + b"a" * size,
        "many trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * (size // 6),
        "line ends": b"\r\n" * (size // 2),
        "a chunk size without end": CHUNKED + b"0" * size,
        "half a megabyte in one piece": OK + b"Content-Length: 500000\r\n\r\n" + b"x" * 500_000,
    }


class Turns:
    """How long the turns of a loop are, in CPU seconds of its thread: others may be busy, too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        turn = Loop.turn

        def measured(loop: Loop, *arguments: Any) -> None:
            began = time.thread_time()
            turn(loop, *arguments)
            self.longest = max(self.longest, time.thread_time() - began)

        monkeypatch.setattr(Loop, "turn", measured)


@pytest.mark.parametrize("answer", hostile(400_000).values(), ids=hostile(0))
@pytest.mark.slow
def test_a3_no_server_holds_the_loop_for_10_ms(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns(monkeypatch)
    values: list[Any] = []
    with serving(answer) as url:
        Runtime().run(lambda: http.get(url, values.append, timeout=10))
    assert len(values) == 1
    assert turns.longest < 0.010


@pytest.mark.parametrize("name", ["chunks of one byte", "short headers", "hints without end"])
@pytest.mark.slow
def test_a3_fifty_such_servers_hold_it_no_longer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns(monkeypatch)
    values: list[Any] = []
    late: list[float] = []

    def main() -> None:
        rt = Runtime.current()
        for _ in range(50):
            http.get(url, values.append, timeout=60)
        asked = rt.clock.now()
        rt.set_timeout(10, lambda _: late.append(rt.clock.now() - asked - 0.01))

    with serving(hostile(12_000)[name], clients=50) as url:
        Runtime().run(main)
    assert len(values) == 50
    assert turns.longest < 0.015
    assert late[0] < 0.5  # on a machine with other work


def test_r15_a_greeting_of_another_protocol_is_an_error_at_once() -> None:
    values: list[Any] = []
    with serving(b"220 smtp.example.com ESMTP\r\n") as url:
        Runtime().run(lambda: http.get(url, values.append))
    assert isinstance(values[0].exception, HttpError)


@pytest.mark.slow
def test_a_long_answer_in_many_chunks_arrives_whole_and_in_order() -> None:
    chunks = [b"%d," % number for number in range(20_000)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    values: list[Any] = []
    with serving(CHUNKED + coded + b"0\r\n\r\n") as url:
        Runtime().run(lambda: http.get(url, values.append))
    assert values == [String(b"".join(chunks).decode())]


def test_while_an_answer_is_worked_off_the_loop_turns_and_reads_no_more_of_it() -> None:
    system = Connections()
    system.add_peer("chunks", 80, lambda _: [(0.0, CHUNKED + b"1\r\nx\r\n" * 2000 + b"0\r\n\r\n")])
    turns: list[int] = []

    def main(rt: Runtime, log: list[Any]) -> None:
        http.get("http://chunks/", log.append)

        def again(_: Any) -> None:
            turns.append(rt.ticks)
            if not log:
                set_immediate(again)

        again(None)

    _, log = run(main, system)
    assert log == [String("x" * 2000)]
    assert len(turns) > 10


def test_a_timeout_ends_an_answer_that_is_being_worked_off() -> None:
    values: list[Any] = []

    def main() -> None:
        http.get(url, values.append, timeout=0.05)

    with serving(CHUNKED + b"1\r\nx\r\n" * 1_000_000) as url:
        rt = Runtime()
        rt.run(main)
    assert type(values[0].exception).__name__ == "HttpTimeout"
    assert rt.pending_events == 0


def test_an_answer_that_came_in_time_is_in_time_however_long_the_work_takes() -> None:
    """It is complete in the idle phase, and the timeout is due in the same turn."""
    system = Connections()
    system.add_peer("chunks", 80, lambda _: [(0.0, CHUNKED + b"1\r\nx\r\n" * 2000 + b"0\r\n\r\n")])
    step = Answer.step

    def main(rt: Runtime, log: list[Any]) -> None:
        def slow_step(answer: Answer) -> Any:
            progress = step(answer)
            rt.clock.spend(0.001 if progress.name == "HAS_MORE_WORK" else 50)  # seconds
            return progress

        Answer.step = slow_step  # type: ignore[method-assign]
        http.get("http://chunks/", log.append, timeout=10)

    try:
        _, log = run(main, system)
    finally:
        Answer.step = step  # type: ignore[method-assign]
    assert log == [String("x" * 2000)]


# Slices


def test_slices_are_worked_off_in_turn_a_few_in_each_turn() -> None:
    rt = Runtime(system=Simulation())
    done: list[tuple[int, str]] = []  # (turn, whose)

    def work(name: str, slices: int) -> Callable[[], bool]:
        left = [slices]

        def one() -> bool:
            done.append((rt.ticks, name))
            left[0] -= 1
            return left[0] > 0

        return one

    def main() -> None:
        line = Slices(rt.loop)
        for name in "abcdef":
            line.add(work(name, 2))
        rt.set_timeout(1000, lambda _: None)

    rt.run(main)
    assert "".join(name for _, name in done) == "abcdefabcdef"
    turns = [turn for turn, _ in done]
    assert max(turns.count(turn) for turn in turns) == LATER


def test_a_few_slices_are_worked_off_at_once_and_nobody_overtakes_who_waits() -> None:
    with Runtime(system=Simulation()) as rt:
        line = Slices(rt.loop)
        assert [line.may_work_now() for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
        rt.loop.turns += 1
        assert line.may_work_now()
        line.add(lambda: False)
        assert not line.may_work_now()


def test_many_answers_in_the_simulation_cost_in_proportion() -> None:
    """Counted and not timed: how often a connection is asked whether it is ready."""

    def asked(requests: int) -> int:
        system = Connections()
        count = 0

        class Counted(SimulatedConnection):
            @property
            def readiness(self) -> int:
                nonlocal count
                count += 1
                return SimulatedConnection.readiness.fget(self)  # type: ignore[attr-defined,no-any-return]

        def main(rt: Runtime, log: list[Any]) -> None:
            for _ in range(requests):
                http.get("http://quick/", log.append)

        original = SimulatedConnection.__new__
        assert original is object.__new__
        import minirt.core.simulation as module

        before = module.SimulatedConnection
        module.SimulatedConnection = Counted  # type: ignore[misc]
        try:
            _, log = run(main, system)
        finally:
            module.SimulatedConnection = before  # type: ignore[misc]
        assert len(log) == requests
        return count

    assert asked(400) < 5 * asked(100)


def test_the_slow_server_is_found_however_much_is_open() -> None:
    values: list[Any] = []

    def main() -> None:
        for _ in range(3):
            http.get_slow("http://example.com/", 1, values.append)
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("slowserver") == 1

    Runtime().run(main)
    assert len(values) == 3


def test_a_slow_server_that_gets_no_thread_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"):
        SlowServer().start()


def test_many_requests_at_once_are_answered_each() -> None:
    values: list[Any] = []
    with ExitStack() as stack:
        slow = stack.enter_context(SlowServer())

        def main() -> None:
            for number in range(100):
                http.get(f"{slow.url}/delay/1/{number}", values.append)

        Runtime().run(main)
    assert len({value.into_string() for value in values}) == 100
