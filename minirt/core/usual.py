"""On which system does a program run that names none?

On the machine's own, in real time. Where that has no threads, in a web page, time is simulated: the
order is one that a machine with threads could have shown as well.
"""

from minirt.core.machine import HAS_THREADS
from minirt.core.system import RealSystem, System


def usual_system() -> System:
    """A system for one program."""
    if HAS_THREADS:
        return RealSystem()
    from minirt.core.simulated_machine import SimulatedMachine  # who has threads needs none

    return SimulatedMachine()
