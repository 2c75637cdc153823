"""Does the README's Binder badge lead to this repository, whatever its address looks like?"""

import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.binder_link import (
    PLACES,
    ROOT,
    Missing,
    Place,
    addresses,
    badge,
    filled,
    link,
    main,
    pages_link,
    parse,
)

TAIL = "/HEAD?urlpath=lab/tree/notebooks/00_start_here.ipynb"
FILES = {
    "README.md": "# A title\n\n{begin}\n{end}\n\nMore.\n",
    "pyproject.toml": '[project]\nname = "x"\n\n{begin}\n{end}\n\n[tool.x]\n',
    "CITATION.cff": "type: software\n{begin}\n{end}\nversion: 1\n",
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    write_files(tmp_path)
    return tmp_path


def write_files(folder: Path) -> None:
    for place in PLACES:
        text = FILES[place.file].format(begin=place.begin, end=place.end)
        (folder / place.file).write_text(text, encoding="utf-8")


def texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}


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


@pytest.mark.parametrize(
    ("remote", "where"),
    [
        ("git@github.com:Ann/minirt.git", "https://ann.github.io/minirt/"),
        ("https://github.com/Ann/ann.github.io", "https://ann.github.io/"),
        ("https://gitlab.com/ann/minirt", None),
    ],
)
def test_the_pages_have_a_link_where_a_workflow_publishes_them(
    remote: str, where: str | None
) -> None:
    assert pages_link(parse(remote)) == where
    assert ("pages that run" in badge(parse(remote))) == (where is not None)


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
    once = texts(repository)
    url = f"https://mybinder.org/v2/gh/ann/minirt{TAIL}"
    badge = f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({url})"
    assert f"{PLACES[0].begin}\n{badge}" in once["README.md"]
    assert once["README.md"].startswith("# A title\n")
    assert once["README.md"].endswith(f"{PLACES[0].end}\n\nMore.\n")
    said = capsys.readouterr().out
    assert url in said and said.count("has it now") == 3
    assert "secret" not in "".join(once.values())
    assert main(repository) == 0
    assert texts(repository) == once
    assert capsys.readouterr().out.count("has it already") == 3


def test_pypi_and_citations_get_the_addresses_too(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "git@github.com:ann/minirt.git")
    main(repository)
    home = "https://github.com/ann/minirt"
    after = texts(repository)
    assert tomllib.loads(after["pyproject.toml"]) == {
        "project": {
            "name": "x",
            "urls": {
                "Source": home,
                "Issues": f"{home}/issues",
                "Changelog": f"{home}/blob/HEAD/CHANGELOG.md",
            },
        },
        "tool": {"x": {}},
    }
    assert yaml.safe_load(after["CITATION.cff"]) == {
        "type": "software",
        "repository-code": home,
        "version": 1,
    }


def test_where_a_host_keeps_its_issues_is_not_guessed() -> None:
    home = "https://gitlab.com/a/b"
    assert addresses(parse("git@gitlab.com:a/b"))["Issues"] == f"{home}/-/issues"
    assert addresses(parse("https://codeberg.org/a/b")) == {"Source": "https://codeberg.org/a/b"}


def test_a_new_address_takes_the_place_of_the_old_one(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/minirt")
    main(repository)
    git(repository, "remote", "set-url", "origin", "https://github.com/bert/minirt")
    assert main(repository) == 0
    assert all("bert/minirt" in text and "ann" not in text for text in texts(repository).values())


def refusal(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says where it has no link. It leaves the files as they were."""
    before = texts(folder)
    assert main(folder) == 1
    assert texts(folder) == before
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
    write_files(tmp_path)
    assert "Next: git init" in refusal(tmp_path, capsys)


def test_a_repository_around_the_folder_is_not_the_folder_s_own(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/other")
    inner = repository / "minirt"
    inner.mkdir()
    write_files(inner)
    assert "not a git repository" in refusal(inner, capsys)


def test_without_git_the_command_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert "git is not there" in refusal(repository, capsys)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.file)
def test_a_file_without_the_place_for_it_is_told_what_to_write(
    repository: Path, capsys: pytest.CaptureFixture[str], place: Place
) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/ann/minirt")
    (repository / place.file).write_text("# A title\n", encoding="utf-8")
    said = refusal(repository, capsys)
    assert f"{place.file} has 0 places" in said and place.begin in said


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.file)
def test_our_own_files_have_the_place_for_it(place: Place) -> None:
    address = parse("https://github.com/ann/minirt")
    text = filled((ROOT / place.file).read_text(encoding="utf-8"), place, address)
    assert place.text(address) in text
    if place.file == "pyproject.toml":
        assert tomllib.loads(text)["project"]["urls"] == addresses(address)
