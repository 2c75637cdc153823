"""Does the README's Binder badge lead to this repository, whatever its address looks like?"""

import subprocess
from pathlib import Path

import pytest

from tests import binder_link
from tests.binder_link import BEGIN, END, ROOT, Missing, filled, link, main, parse

TAIL = "/HEAD?urlpath=lab/tree/notebooks/00_start_here.ipynb"
README = f"# A title\n\n{BEGIN}\n{END}\n\nMore.\n"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/ann/minirt",
        "https://github.com/ann/minirt.git",
        "https://github.com/ann/minirt/",
        "http://GitHub.com/ann/minirt.git",
        "https://ann:secret@github.com/ann/minirt.git",
        "git@github.com:ann/minirt.git",
        "github.com:ann/minirt",
        "ssh://git@github.com/ann/minirt.git",
        "ssh://git@github.com:22/ann/minirt.git",
        "ssh://git@ssh.github.com:443/ann/minirt.git",
        "git://github.com/ann/minirt.git",
    ],
)
def test_every_form_of_a_github_address_leads_to_the_same_place(remote: str) -> None:
    assert link(parse(remote)) == f"https://mybinder.org/v2/gh/ann/minirt{TAIL}"


@pytest.mark.parametrize(
    ("remote", "where"),
    [
        ("https://gitlab.com/ann/minirt.git", "gl/ann%2Fminirt"),
        ("git@gitlab.com:group/part/minirt.git", "gl/group%2Fpart%2Fminirt"),
        ("ssh://git@altssh.gitlab.com:443/ann/minirt", "gl/ann%2Fminirt"),
        ("https://codeberg.org/ann/minirt.git", "git/https%3A%2F%2Fcodeberg.org%2Fann%2Fminirt"),
        ("git@git.example.org:minirt.git", "git/https%3A%2F%2Fgit.example.org%2Fminirt"),
        ("http://git.example.org:3000/a/b", "git/http%3A%2F%2Fgit.example.org%3A3000%2Fa%2Fb"),
        ("ssh://git@git.example.org:2222/a/b", "git/https%3A%2F%2Fgit.example.org%2Fa%2Fb"),
        ("https://8.8.8.8/a/b", "git/https%3A%2F%2F8.8.8.8%2Fa%2Fb"),
        ("https://[2001:4860::8]/a/b", "git/https%3A%2F%2F%5B2001%3A4860%3A%3A8%5D%2Fa%2Fb"),
    ],
)
def test_gitlab_and_any_other_host_have_forms_of_their_own(remote: str, where: str) -> None:
    assert link(parse(remote)) == f"https://mybinder.org/v2/{where}{TAIL}"


@pytest.mark.parametrize("remote", ["/srv/minirt.git", "../minirt", "file:///srv/x", "C:\\x", "x"])
def test_a_folder_is_no_address_for_binder(remote: str) -> None:
    with pytest.raises(Missing, match=r"is a folder: .*git remote set-url origin ADDRESS"):
        parse(remote)


@pytest.mark.parametrize(
    "remote",
    [
        "https://localhost:3000/ann/minirt",
        "git@192.168.1.7:minirt.git",
        "ssh://git@[fe80::1]/minirt",
        "https://127.0.0.1/x",
        "https://git.lan/x",
        "work-alias:ann/minirt.git",  # of ~/.ssh/config
    ],
)
def test_a_host_that_only_this_network_knows_is_none_either(remote: str) -> None:
    with pytest.raises(Missing, match="nobody outside of your network finds the host"):
        parse(remote)


def test_a_host_alone_is_not_enough() -> None:
    with pytest.raises(Missing, match="no repository"):
        parse("https://github.com/")


def test_the_command_fills_the_readme_once(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "remote", "add", "origin", "https://ann:secret@github.com/ann/minirt.git")
    assert main(repository) == 0
    once = (repository / "README.md").read_text(encoding="utf-8")
    url = f"https://mybinder.org/v2/gh/ann/minirt{TAIL}"
    assert f"{BEGIN}\n[![Open in Binder](https://mybinder.org/badge_logo.svg)]({url})" in once
    assert once.startswith("# A title\n") and once.endswith(f"{END}\n\nMore.\n")
    assert url in capsys.readouterr().out
    assert "secret" not in once
    assert main(repository) == 0
    assert (repository / "README.md").read_text(encoding="utf-8") == once
    assert "has it already" in capsys.readouterr().out


def test_a_new_address_takes_the_place_of_the_old_one(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/minirt")
    main(repository)
    git(repository, "remote", "set-url", "origin", "https://github.com/bert/minirt")
    assert main(repository) == 0
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert "gh/bert/minirt" in text and "ann" not in text


def refusal(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says where it has no link. It leaves the README as it was."""
    before = (folder / "README.md").read_text(encoding="utf-8")
    assert main(folder) == 1
    assert (folder / "README.md").read_text(encoding="utf-8") == before
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_what_is_missing_is_said_with_what_to_do_next(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no remote named origin. Make an empty" in refusal(repository, capsys)
    git(repository, "remote", "add", "upstream", "https://github.com/ann/minirt")
    assert "There is upstream: is it that one?" in refusal(repository, capsys)
    git(repository, "remote", "add", "origin", str(tmp_path))
    assert "is a folder" in refusal(repository, capsys)


def test_a_folder_that_git_does_not_know_is_told_to_begin_with_git_init(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    assert "Next: git init" in refusal(tmp_path, capsys)


def test_a_repository_around_the_folder_is_not_the_folder_s_own(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/other")
    inner = repository / "minirt"
    inner.mkdir()
    (inner / "README.md").write_text(README, encoding="utf-8")
    assert "not a git repository" in refusal(inner, capsys)


def test_without_git_the_command_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert "git is not there" in refusal(repository, capsys)


def test_a_readme_without_the_place_for_it_is_told_what_to_write(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/minirt")
    (repository / "README.md").write_text("# A title\n", encoding="utf-8")
    assert BEGIN in refusal(repository, capsys)


def test_our_own_readme_has_the_place_for_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert binder_link.badge("X") in filled(text, "X")
