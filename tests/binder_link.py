"""Which links open this repository on mybinder.org and as pages, and where does it live?

Puts the links into the README, and the addresses into pyproject.toml and CITATION.cff.

    python -m tests.binder_link

The repository's address is that of its remote `origin`. mybinder.org clones it over the public
internet, so a folder or a host of the local network will not do; the command then says what is
missing, changes nothing and ends with status 1.
"""

import ipaddress
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BINDER = "https://mybinder.org"
OPENS = "lab/tree/notebooks/00_start_here.ipynb"
FILLS = "`make binder-link` fills this"

SCP_LIKE = re.compile(r"(?:[^/@]+@)?(?P<host>[^/:@]{2,}|\[[^]]+\]):(?P<path>(?!//).+)")
ALSO_KNOWN_AS = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}  # for port 443
LOCAL = ("localhost", "local", "lan", "home", "internal", "intranet", "corp", "arpa", "test")
PUBLIC = (
    "mybinder.org clones over the public internet. Push the repository to GitHub, GitLab or "
    "another public host, then: git remote set-url origin ADDRESS, and make binder-link"
)


class Missing(Exception):
    """There is no link yet; the message says why, and what to do next."""


class Address(NamedTuple):
    """Where a repository is: `https://{host}/{path}`, or http."""

    scheme: str
    host: str  # with its port, if that is not the scheme's own
    path: str  # no slash at either end, no .git


def parse(remote: str) -> Address:
    """The address that a remote means, in any form that git takes. Credentials are left out."""
    if "://" in remote:
        parts = urlsplit(remote)
        if parts.scheme == "file":
            raise Missing(f"the remote origin is a folder: {remote}. {PUBLIC}")
        scheme = "http" if parts.scheme == "http" else "https"
        host = parts.hostname or ""
        # the port of another protocol says nothing about the one of https
        port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
        path = parts.path
    else:
        match = SCP_LIKE.fullmatch(remote)
        if not match:
            raise Missing(f"the remote origin is a folder: {remote}. {PUBLIC}")
        scheme, host, port, path = "https", match["host"].strip("[]").lower(), "", match["path"]
    host = ALSO_KNOWN_AS.get(host, host)
    if not is_public(host):
        raise Missing(f"nobody outside of your network finds the host {host!r}. {PUBLIC}")
    path = path.strip("/").removesuffix(".git")
    if not path:
        raise Missing(f"the remote origin names a host and no repository. {PUBLIC}")
    return Address(scheme, f"[{host}]{port}" if ":" in host else f"{host}{port}", path)


def is_public(host: str) -> bool:
    """Could the name, or the number, be one of the public internet?"""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.strip(".") and host.rstrip(".").rpartition(".")[2] not in LOCAL


def link(address: Address) -> str:
    """The address on mybinder.org, for the newest commit of the repository's main branch."""
    if address.host == "github.com":
        where = f"gh/{quote(address.path)}"
    elif address.host == "gitlab.com":  # groups may be nested
        where = f"gl/{quote(address.path, safe='')}"
    else:
        where = f"git/{quote(f'{address.scheme}://{address.host}/{address.path}', safe='')}"
    return f"{BINDER}/v2/{where}/HEAD?urlpath={OPENS}"


def origin(folder: Path) -> str:
    """The address of the remote `origin`, as git would use it."""
    try:
        inside = git(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        raise Missing("git is not there. Install it, then: make binder-link") from None
    if "dubious ownership" in inside.stderr:
        raise Missing(inside.stderr.strip())
    if inside.returncode != 0 or Path(inside.stdout.strip()).resolve() != folder.resolve():
        raise Missing(
            "this folder is not a git repository, so it has no address. Next: git init, git add ., "
            "git commit, then push it to a public host and name that with git remote add origin "
            "ADDRESS"
        )
    found = git(folder, "remote", "get-url", "origin")
    if found.returncode != 0:
        others = git(folder, "remote").stdout.split()
        there = f" There is {' and '.join(others)}: is it that one?" if others else ""
        raise Missing(
            f"the repository has no remote named origin.{there} Make an empty public repository on "
            "GitHub, GitLab or elsewhere, then: git remote add origin ADDRESS, git push -u origin "
            "HEAD, make binder-link"
        )
    return found.stdout.strip()


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def badge(address: Address) -> str:
    """What the README says at its top: Binder's link and, if they have a place, the pages'."""
    binder = (
        f"[![Open in Binder]({BINDER}/badge_logo.svg)]({link(address)}) "
        "The notebooks in your browser, with nothing to install."
    )
    pages = pages_link(address)
    if pages is None:
        return binder
    return f"{binder} Or [the chapters as pages that run]({pages}): at once, in simulated time."


def pages_link(address: Address) -> str | None:
    """Where the workflow of GitHub Pages puts the site; None for another host."""
    if address.host != "github.com":
        return None
    owner, _, name = address.path.partition("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{quote(name)}/"


def addresses(address: Address) -> dict[str, str]:
    """{label on PyPI: address}; where a host keeps its issues is known of GitHub and GitLab."""
    home = f"{address.scheme}://{address.host}/{quote(address.path)}"
    below = {"github.com": f"{home}/", "gitlab.com": f"{home}/-/"}.get(address.host)
    if below is None:
        return {"Source": home}
    return {
        "Source": home,
        "Issues": f"{below}issues",
        "Changelog": f"{below}blob/HEAD/CHANGELOG.md",
    }


def table(address: Address) -> str:
    """The addresses in TOML."""
    lines = [f'{label} = "{url}"' for label, url in addresses(address).items()]
    return "\n".join(["[project.urls]", *lines])


def citation(address: Address) -> str:
    """The address in the YAML of CITATION.cff."""
    return f'repository-code: "{addresses(address)["Source"]}"'


class Place(NamedTuple):
    """Two lines of a file, and what the command writes between them."""

    file: str
    begin: str
    end: str
    text: Callable[[Address], str]


PLACES = (
    Place("README.md", f"<!-- {FILLS} -->", "<!-- end -->", badge),
    Place("pyproject.toml", f"# {FILLS}", "# end", table),
    Place("CITATION.cff", f"# {FILLS}", "# end", citation),
)


def filled(content: str, place: Place, address: Address) -> str:
    """The file's text with the place filled."""
    begin, end = place.begin, place.end
    marked = re.compile(f"^{re.escape(begin)}\n(?:.*\n)*?{re.escape(end)}$", re.MULTILINE)
    text, count = marked.subn(lambda _: f"{begin}\n{place.text(address)}\n{end}", content)
    if count != 1:
        raise Missing(
            f"{place.file} has {count} places for the address. Give it one, two lines: "
            f"{begin} and {end}"
        )
    return text


def main(folder: Path = ROOT) -> int:
    try:
        address = parse(origin(folder))
        before = {place.file: (folder / place.file).read_text(encoding="utf-8") for place in PLACES}
        after = {place.file: filled(before[place.file], place, address) for place in PLACES}
    except Missing as reason:
        print(f"No Binder link: {reason}.", file=sys.stderr)
        return 1
    print(link(address))
    for file, text in after.items():
        if text == before[file]:
            print(f"{file} has it already.")
        else:
            (folder / file).write_text(text, encoding="utf-8")
            print(f"{file} has it now.")
    if after != before:
        print("It works once this is pushed, and the repository is public.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
