"""Each probe is asked of the standard loop too: what it says is the promise."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from minirt.aio import MinirtEventLoop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "standard": asyncio.SelectorEventLoop,
    "minirt": MinirtEventLoop,
}


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes a loop."""
    return LOOPS[request.param]


@pytest.fixture
def loop(
    new_loop: Callable[[], asyncio.AbstractEventLoop], no_leaks: None
) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop, closed in the end."""
    made = new_loop()
    yield made
    if not made.is_closed():
        made.run_until_complete(made.shutdown_default_executor())
    made.close()


@pytest.fixture
def ours(no_leaks: None) -> Iterator[MinirtEventLoop]:
    """A MinirtEventLoop, for what only it does."""
    made = MinirtEventLoop()
    yield made
    if not made.is_closed():
        made.run_until_complete(made.shutdown_default_executor())
    made.close()
