"""What may stand at the cursor, in the line of a magic?"""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from minirt.exercises.registry import exercises
from minirt.extension import load_ipython_extension, unload_ipython_extension
from minirt.magics.node import recorded


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell without a kernel, as in a terminal, with the extension loaded."""
    made = InteractiveShell()
    load_ipython_extension(made)
    yield made
    unload_ipython_extension(made)
    made.history_manager.end_session()


def completed(shell: Any, text: str, after: str = "") -> list[str]:
    """The cell with each completion in its place. The cursor stands between the two texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the interface is provisional
        found = list(shell.Completer.completions(text + after, len(text)))
    return [text[: one.start] + one.text + text[one.end :] for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%minirt --s", ["%%minirt --sim", "%%minirt --seed", "%%minirt --speed"]),
        ("%%minirt --sim --see", ["%%minirt --sim --seed"]),
        ("%%minirt --h", ["%%minirt --help"]),
        ("  %%minirt --pau", ["  %%minirt --paused"]),
        ("%minirt tr", ["%minirt trace"]),
        ("status = %minirt pic", ["status = %minirt picture"]),
        ("%%exercise identity_8", ["%%exercise identity_8_bits"]),
        ("%hint identity_8", ["%hint identity_8_bits"]),
        ("%solution identity_8", ["%solution identity_8_bits"]),
        ("%%node --a", ["%%node --alone"]),
        ("%node_order --c", ["%node_order --compare"]),
    ],
)
def test_options_and_names_are_completed(
    shell: InteractiveShell, text: str, expected: list[str]
) -> None:
    assert completed(shell, text) == expected


def test_without_a_letter_there_is_everything(shell: InteractiveShell) -> None:
    assert completed(shell, "%%exercise ") == [f"%%exercise {name}" for name in exercises()]
    assert completed(shell, "%node_order ") == [f"%node_order {name}" for name in recorded()]
    what = [text.split()[-1] for text in completed(shell, "%minirt ")]
    assert {"status", "trace", "export", "picture", "check"} <= set(what)
    options = {text.split()[-1] for text in completed(shell, "%%minirt ")}
    assert {"--sim", "--seed", "--speed", "--paused", "--trace", "--threads"} <= options


def test_an_option_that_was_given_is_not_offered_again(shell: InteractiveShell) -> None:
    assert completed(shell, "%%minirt --sim --s") == [
        "%%minirt --sim --seed",
        "%%minirt --sim --speed",
    ]


@pytest.mark.parametrize(
    "text", ["%minirt trace m", "%%minirt --trace m", "%%minirt --sim --trace=m"]
)
def test_kept_recordings_are_completed(shell: InteractiveShell, text: str) -> None:
    programs: Any = shell.magics_manager.registry["MinirtMagics"]
    programs.programs |= {"mine": None, "many": None, "other": None}
    names = [one.removeprefix(text.removesuffix("m")) for one in completed(shell, text)]
    assert names == ["mine", "many"]


@pytest.mark.parametrize("begun", ["'my", "'my ", '"my r', "my\\ ", "my\\ r", "'my run"])
def test_a_name_of_two_words_is_completed_within_its_quotation_marks(
    shell: InteractiveShell, begun: str
) -> None:
    programs: Any = shell.magics_manager.registry["MinirtMagics"]
    programs.programs |= {"my run": None, "mine": None}
    for head in ("%minirt trace ", "%%minirt --trace ", "%%minirt --sim --trace="):
        assert f"{head}'my run'" in completed(shell, head + begun)
        assert "--" not in str(completed(shell, head + begun)).replace(head, "")


def test_a_value_that_nobody_knows_is_no_option(shell: InteractiveShell) -> None:
    text = "%%minirt --seed "
    assert not any(one.removeprefix(text).startswith("--") for one in completed(shell, text))


def test_a_file_to_export_to_is_completed_as_a_file(
    shell: InteractiveShell, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recording.json").touch()
    assert "%minirt export recording.json" in completed(shell, "%minirt export rec")


@pytest.mark.parametrize("body", ["x = 1\n", "\n# text\nx\n"])
@pytest.mark.slow
def test_a_cell_magic_is_completed_above_all_code_alone(shell: InteractiveShell, body: str) -> None:
    assert "--sim" not in str(completed(shell, f"{body}%%minirt --s"))
    assert completed(shell, f"{body}%minirt pic") == [f"{body}%minirt picture"]
    assert completed(shell, "\n\n%%minirt --si") == ["\n\n%%minirt --sim"]
    assert completed(shell, "%%minirt --si", f"\n{body}") == ["%%minirt --sim"]


@pytest.mark.slow
def test_pythons_names_are_completed_in_a_program_as_before(shell: InteractiveShell) -> None:
    shell.user_ns["a_long_name"] = 1
    assert completed(shell, "%%minirt\na_long_n") == ["%%minirt\na_long_name"]
    assert "--sim" not in str(completed(shell, "--s"))


def test_other_magics_are_left_alone(shell: InteractiveShell) -> None:
    assert "--sim" not in str(completed(shell, "%%time --s"))
    assert "%config MinirtMagics.speed" in completed(shell, "%config MinirtMagics.sp")


def test_a_terminal_offers_the_same(shell: InteractiveShell) -> None:
    """Through what stands between IPython and the keys in a terminal."""
    from IPython.terminal.ptutils import IPythonPTCompleter
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    of_ipython: Any = IPythonPTCompleter
    offered = of_ipython(shell.Completer).get_completions(Document("%%minirt --s"), CompleteEvent())
    assert [one.text for one in offered] == ["--sim", "--seed", "--speed"]
