"""What stands in for the machine where there is none, in a web page?

A simulation in which a program may also be a server: its own clients reach it, and nobody else.
"""

from collections.abc import Callable

from minirt.core.simulated_net import End, Listening, Ports
from minirt.core.simulation import SimulatedConnection, Simulation
from minirt.core.system import Place


class SimulatedMachine(Simulation):
    """A simulation with ports to listen on."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._ports = Ports(self)

    def listen(self, place: Place, start: Callable[[], object]) -> Listening:
        """A server at this place, for the clients of this program."""
        return self._ports.listen(*place)

    def connect(self, address: str, port: int) -> SimulatedConnection | End:
        listening = self._ports.find(address, port)
        return super().connect(address, port) if listening is None else listening.connect()
