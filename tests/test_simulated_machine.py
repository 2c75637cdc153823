"""Does a server in simulated time do what one on the machine does?"""

from collections.abc import Callable
from typing import Any

import pytest

from minirt import Runtime, Simulation, net, set_timeout
from minirt.core.simulated_machine import SimulatedMachine
from minirt.core.simulated_net import FIRST_PORT, ROOM
from minirt.core.system import RealSystem
from minirt.errors import NotPollable, OnlySimulated, SimulationStuck
from minirt.modules.sockets import Socket

pytestmark = pytest.mark.usefixtures("no_leaks")

Log = list[Any]
MUCH = bytes(range(256)) * 40_000  # 10 MB: more than fits on the way


def run(main: Callable[[Log], object], system: Any) -> Log:
    log: Log = []
    Runtime(system=system).run(lambda: main(log))
    return log


def conversation(log: Log) -> None:
    def welcome(guest: Socket) -> None:
        guest.on_data = lambda chunk: guest.write(b"echo " + chunk.value)
        guest.on_end = lambda _: (log.append("the client has ended"), guest.end())

    def heard(chunk: Any) -> None:
        log.append(chunk.value)
        client.end()
        server.close(lambda _: log.append("the server is closed"))

    server = net.create_server(welcome)
    client = net.connect(*server.address, lambda _: log.append("connected"))
    client.on_data = heard
    client.write(b"hello")


def flood(log: Log) -> None:
    arrived = bytearray()

    def welcome(guest: Socket) -> None:
        log.append(guest.write(MUCH))
        guest.on_drain = lambda _: log.append("drained")
        guest.end()
        server.close()

    server = net.create_server(welcome)
    client = net.connect(*server.address)
    client.on_data = lambda chunk: arrived.extend(chunk.value)
    client.on_end = lambda _: log.append(arrived == MUCH)


def closes_early(log: Log) -> None:
    def welcome(guest: Socket) -> None:
        guest.destroy()
        server.close()

    server = net.create_server(welcome)
    client = net.connect(*server.address)
    client.on_end = lambda _: log.append("end")
    client.on_close = lambda _: log.append("close")


def taken(log: Log) -> None:
    server = net.create_server(lambda guest: None)
    try:
        net.create_server(lambda guest: None, *server.address)
    except OSError as error:
        log.append(type(error).__name__)
    server.close()
    again = net.create_server(lambda guest: None, *server.address)
    again.close(lambda _: log.append("free again"))


def refused(log: Log) -> None:
    server = net.create_server(lambda guest: None)
    server.close()
    client = net.connect(*server.address)
    client.on_error = lambda error: log.append(type(error.exception).__name__)


@pytest.mark.parametrize("main", [conversation, flood, closes_early, taken, refused])
def test_it_is_as_on_the_machine(main: Callable[[Log], object]) -> None:
    log = run(main, SimulatedMachine())
    assert log
    assert log == run(main, RealSystem())


def test_what_was_sent_comes_later_and_in_order() -> None:
    def main(log: Log) -> None:
        def welcome(guest: Socket) -> None:
            for number in range(50):
                guest.write(bytes([number]))
            guest.end()
            server.close()

        server = net.create_server(welcome)
        log.append(bytearray())
        client = net.connect(*server.address)
        client.on_data = lambda chunk: log[0].extend(chunk.value)

    for seed in range(5):
        assert run(main, SimulatedMachine(seed)) == [bytearray(range(50))]


def test_no_more_than_so_much_is_on_its_way() -> None:
    system = SimulatedMachine()
    listening = system.listen(("127.0.0.1", 0), object)
    client = system.connect(*listening.getsockname())
    assert client.send(bytes(2 * ROOM)) == ROOM
    with pytest.raises(BlockingIOError):
        client.send(b"more")


def test_one_seed_gives_one_run() -> None:
    def main(log: Log) -> None:
        conversation(log)
        log.append(Runtime.current().clock.now())

    assert run(main, SimulatedMachine(3)) == run(main, SimulatedMachine(3))


def test_ports_are_given_and_every_name_of_this_machine_leads_there() -> None:
    def main(log: Log) -> None:
        server = net.create_server(lambda guest: guest.end(), "0.0.0.0")
        log.append(server.address)
        for host in ("localhost", "127.0.0.1"):
            client = net.connect(host, server.address[1], lambda _: log.append("connected"))
            client.on_data = log.append
        set_timeout(1000, lambda _: server.close())

    assert run(main, SimulatedMachine()) == [("0.0.0.0", FIRST_PORT), "connected", "connected"]


def test_a_server_that_nobody_closes_is_told_where_nothing_else_can_happen() -> None:
    with pytest.raises(SimulationStuck):
        run(lambda log: net.create_server(log.append), SimulatedMachine())


def test_a_file_is_refused_as_a_poll_of_the_machine_refuses_it() -> None:
    from minirt import Interest

    def main() -> None:
        with open(__file__) as file, pytest.raises(NotPollable):
            Runtime.current().epoll_registrator.register(file, 1, Interest.READABLE)

    for system in (SimulatedMachine(), Simulation(), RealSystem()):
        Runtime(system=system).run(main)


def test_a_simulation_whose_seed_is_chosen_has_no_servers() -> None:
    with pytest.raises(OnlySimulated):
        run(lambda log: net.create_server(log.append), Simulation())
