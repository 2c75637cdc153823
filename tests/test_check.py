"""What does `%minirt check` say of an environment?"""

import importlib.util
import select
import sys

import pytest

from minirt.magics import check


def test_it_is_one_line_when_nothing_is_missing() -> None:
    if not hasattr(select, "epoll"):
        pytest.skip("there is no epoll here, and that is said")
    assert check.report() == "Everything that the chapters use is here."


def test_it_names_what_is_missing_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    assert check.findings()[0] == (
        "matplotlib is missing: the plots will not show. "
        "Run `make lab`, or: pip install 'minirt[lab]'"
    )


def test_it_says_plainly_what_works_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "WSL" in check.report() and "Binder" in check.report()


def test_it_says_which_cells_are_passed_over_without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll", raising=False)
    assert "chapter 05" in check.report()
