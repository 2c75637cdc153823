"""Real programs, unmodified, on minirt's loop. Everything stays on this machine."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import dns.asyncquery
import dns.asyncresolver
import dns.message
import dns.rrset
import httpx
import pytest
import trustme
import websockets
from aiohttp import web

from minirt import Simulation
from minirt.aio import MinirtEventLoop, run

HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def _no_leaks(no_leaks: None) -> None:
    """None of these leaves a thread or a descriptor."""


def on_ours() -> None:
    """It is our loop that runs."""
    assert type(asyncio.get_running_loop()) is MinirtEventLoop


@contextlib.asynccontextmanager
async def hello_server(context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """An aiohttp server that knows you; its address."""

    async def hello(request: web.Request) -> web.Response:
        await asyncio.sleep(0.001)
        text = await request.text()
        return web.Response(text=f"hello {request.match_info['name']} {text}".strip())

    app = web.Application()
    app.router.add_route("*", "/{name}", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if context else 'http'}://localhost:{port}"
    finally:
        await runner.cleanup()


def client_session(context: ssl.SSLContext | bool = True) -> aiohttp.ClientSession:
    """Names are looked up on the loop's executor: aiodns, if it is there, leaves a thread."""
    resolver = aiohttp.ThreadedResolver()
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, resolver=resolver))


def test_aiohttp_serves_and_asks() -> None:
    async def main() -> list[str]:
        on_ours()
        async with hello_server() as address, client_session() as session:

            async def ask(number: int) -> str:
                async with session.post(f"{address}/{number}", data="x" * number) as answer:
                    return await answer.text()

            return await asyncio.gather(*map(ask, range(50)))

    assert run(main()) == [f"hello {number} {'x' * number}".strip() for number in range(50)]


def test_httpx_asks() -> None:
    async def main() -> list[str]:
        async with hello_server() as address, httpx.AsyncClient(trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(f"{address}/{n}") for n in range(20)))
            return [answer.text for answer in answers]

    assert run(main()) == [f"hello {number}" for number in range(20)]


def test_websockets_talk() -> None:
    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message[::-1])

    async def main() -> list[Any]:
        async with websockets.serve(echo, HOST, 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with websockets.connect(f"ws://{HOST}:{port}", proxy=None) as connection:
                answers = []
                for message in ("abc", b"\x01\x02", "x" * 100_000):
                    await connection.send(message)
                    answers.append(await connection.recv())
                pong = await connection.ping()
                await asyncio.wait_for(pong, 5)
                return answers

    assert run(main()) == ["cba", b"\x02\x01", "x" * 100_000]


class NameServer(asyncio.DatagramProtocol):
    """Knows one address for every name."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        answer.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", "10.1.2.3"))
        self.transport.sendto(answer.to_wire(), peer)


def test_a_dns_client_asks_a_dns_server() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=(HOST, 0))
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [HOST]
        resolver.port = transport.get_extra_info("sockname")[1]
        names = (f"host{number}.example." for number in range(10))
        answers = await asyncio.gather(*(resolver.resolve(name, "A") for name in names))
        transport.close()
        await asyncio.sleep(0)
        return [answer[0].address for answer in answers]

    assert run(main()) == ["10.1.2.3"] * 10


@pytest.fixture
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For a server and for its clients, with a certificate made now."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", HOST).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def test_tls_by_streams(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    for_server, for_client = contexts

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(echo, HOST, 0, ssl=for_server)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            HOST, port, ssl=for_client, server_hostname="localhost"
        )
        writer.write(bytes(1_000_000))
        received = await reader.readexactly(1_000_000)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return received

    assert run(main()) == bytes(1_000_000)


def test_https_by_aiohttp(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    for_server, for_client = contexts

    async def main() -> str:
        async with (
            hello_server(for_server) as address,
            client_session(for_client) as session,
            session.get(f"{address}/you") as answer,
        ):
            text = await answer.text()
        await asyncio.sleep(0.05)  # the transports' goodbye
        return text

    assert run(main()) == "hello you"


# The standard library's own


def test_task_groups_and_timeouts() -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def sleeps() -> None:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                order.append("cancelled")
                raise

        async def raises() -> None:
            await asyncio.sleep(0.001)
            raise ValueError("one of them")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(sleeps())
                group.create_task(raises())
        except* ValueError:
            order.append("group")
        try:
            async with asyncio.timeout(0.001):
                await sleeps()
        except TimeoutError:
            order.append("timeout")
        return order

    assert run(main()) == ["cancelled", "group", "cancelled", "timeout"]


def test_subprocesses_talk_and_end() -> None:
    async def main() -> tuple[bytes, int, int]:
        program = "import sys; print(sys.stdin.read()[::-1]); sys.exit(3)"
        one = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await one.communicate(b"abc")
        other = await asyncio.create_subprocess_shell("exec sleep 30")
        other.terminate()
        assert one.returncode is not None
        return out, one.returncode, await other.wait()

    assert run(main()) == (b"cba\n", 3, -signal.SIGTERM)


def test_signals_are_heard() -> None:
    async def main() -> list[str]:
        loop, heard = asyncio.get_running_loop(), list[str]()
        ended = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, heard.append, "one")
        loop.add_signal_handler(signal.SIGUSR2, ended.set_result, None)
        os.kill(os.getpid(), signal.SIGUSR1)
        loop.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR2)
        await asyncio.wait_for(ended, 5)
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert loop.remove_signal_handler(signal.SIGUSR2)
        assert not loop.remove_signal_handler(signal.SIGUSR2)
        return heard

    assert run(main()) == ["one"]


def test_ctrl_c_cancels_main_and_leaves_run() -> None:
    ended: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert ended == ["cancelled"]


def test_ctrl_c_ends_a_sleep_that_nothing_else_would_end() -> None:
    async def main() -> None:
        killer.start()
        await asyncio.get_running_loop().create_future()

    killer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        run(main())
    killer.join()


def test_a_foreign_thread_runs_a_coroutine_here() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0.001)
        return number * 2

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()

        def elsewhere() -> list[int]:
            futures = [asyncio.run_coroutine_threadsafe(double(n), loop) for n in range(20)]
            return [future.result(5) for future in futures]

        return await asyncio.to_thread(elsewhere)

    assert run(main()) == [2 * number for number in range(20)]


def test_async_generators_are_closed_with_the_loop() -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    async def main() -> None:
        generators.append(numbers())
        await anext(generators[0])

    generators: list[Any] = []
    run(main())
    assert closed == ["closed"]


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="from Python 3.12 on")
def test_eager_tasks_begin_at_once() -> None:
    async def main() -> list[str]:
        loop, order = asyncio.get_running_loop(), list[str]()
        factory: Any = asyncio
        loop.set_task_factory(factory.eager_task_factory)

        async def one() -> None:
            order.append("in the task")

        task = loop.create_task(one())
        order.append("after create_task")
        await task
        return order

    assert run(main()) == ["in the task", "after create_task"]


def test_sockets_by_hand() -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        listener = socket.create_server((HOST, 0))
        listener.setblocking(False)
        client = socket.socket()
        client.setblocking(False)
        with listener, client:
            connecting = asyncio.create_task(loop.sock_connect(client, listener.getsockname()))
            served, _ = await loop.sock_accept(listener)
            await connecting
            with served:
                sending = asyncio.create_task(loop.sock_sendall(client, bytes(3_000_000)))
                received = bytearray()
                while len(received) < 3_000_000:
                    received += await loop.sock_recv(served, 65536)
                await sending
        return bytes(received)

    assert run(main()) == bytes(3_000_000)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.slow
def test_a_child_of_a_fork_leaves_the_parents_loop_alone() -> None:
    """It runs a loop of its own, and closes the one that it inherited."""
    from tests.forks import exit_code

    async def child() -> int:
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: 5)

    async def main() -> int:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        heard = loop.create_future()
        loop.add_reader(one, heard.set_result, None)
        await asyncio.to_thread(int)  # a thread, which the child will not have
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                asyncio._set_running_loop(None)
                loop.remove_reader(one)
                status = 0 if run(child()) == 5 else 2
            finally:
                os._exit(status)
        status = await asyncio.to_thread(exit_code, pid)
        other.send(b"x")  # the child took nothing away from the parent
        await asyncio.wait_for(heard, 5)
        loop.remove_reader(one)
        one.close()
        other.close()
        return status

    for _ in range(10):
        assert run(main()) == 0


# In simulated time


def test_a_program_without_sockets_runs_in_simulated_time_the_same_each_time() -> None:
    async def main() -> list[str]:
        loop, lines = asyncio.get_running_loop(), list[str]()

        def say(text: str) -> None:
            lines.append(f"{loop.time():.4f} {text}")

        async def worker(name: str, queue: "asyncio.Queue[int]") -> None:
            while True:
                number = await queue.get()
                await asyncio.sleep(number)
                result = await asyncio.to_thread(lambda: number * 2)
                say(f"{name} {result}")
                queue.task_done()

        queue: asyncio.Queue[int] = asyncio.Queue()
        for number in range(12):
            queue.put_nowait(number * 100)
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(worker(f"worker {n}", queue)) for n in range(3)]
            await queue.join()
            for one in workers:
                one.cancel()
        return lines

    first, again = (run(main(), system=Simulation(seed=4)) for _ in range(2))
    assert first == again
    assert len(first) == 12
    assert float(first[-1].split()[0]) > 2000
    assert run(main(), system=Simulation(seed=5)) != first


def test_run_gives_the_status_of_a_program_that_exits() -> None:
    program = (
        "import asyncio, sys, minirt.aio\nasync def main(): sys.exit(4)\nminirt.aio.run(main())\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert answer.returncode == 4
    assert not answer.stderr
