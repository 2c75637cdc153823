"""Is this version ready to be released, and what is left to do by hand?

    python -m tests.release [FOLDER]

Builds the sdist, and from it the wheel, into FOLDER (dist), has twine check both, and says what to
tag. It uploads nothing. Status 1 when something is missing: the sentences say what.
"""

import re
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SECTION = re.compile(r"^## \[(?P<version>[^]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)


class Built(NamedTuple):
    sdist: Path
    wheel: Path


def build(folder: Path, root: Path = ROOT) -> Built:
    """Build both into the folder: the wheel from the sdist, so that what is missing there shows."""
    name = f"minirt-{version_of(root)}"
    both = Built(folder / f"{name}.tar.gz", folder / f"{name}-py3-none-any.whl")
    hatch(root, "sdist", folder)
    with TemporaryDirectory() as made:
        hatch(unpacked(both.sdist, Path(made)), "wheel", folder)
    return both


def hatch(root: Path, target: str, folder: Path) -> None:
    """Build one of the two, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder.resolve()]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"The {target} could not be built:\n{ran.stderr}")


def unpacked(sdist: Path, folder: Path) -> Path:
    """The root of the project, as somebody has it who unpacks the sdist."""
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def version_of(root: Path) -> str:
    text = (root / "minirt" / "__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"', text, re.MULTILINE)
    return str(found)


def missing(root: Path = ROOT) -> list[str]:
    """What is to be done before this version is tagged, a sentence each."""
    version = version_of(root)
    return [*missing_in_changelog(root, version), *missing_in_git(root, version)]


def missing_in_changelog(root: Path, version: str) -> list[str]:
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    found = []
    sections = {one["version"]: one for one in SECTION.finditer(changes)}
    _, _, unreleased = changes.partition("\n## [Unreleased]\n")
    if re.match(r"\s*(?!## )\S", unreleased):
        found.append(
            "CHANGELOG.md has entries under Unreleased. Write their number into "
            "minirt/__init__.py, and give them a heading: ## [NUMBER] - YYYY-MM-DD"
        )
    date = sections[version]["date"] if version in sections else None
    if date is None:
        found.append(f"CHANGELOG.md has no dated section for {version}. Write one")
    elif f'version: "{version}"' not in citation or f'date-released: "{date}"' not in citation:
        found.append(
            f"CITATION.cff names another version or day. Write version: "
            f'"{version}" and date-released: "{date}"'
        )
    return found


def missing_in_git(root: Path, version: str) -> list[str]:
    if git(root, "rev-parse", "--git-dir").returncode:
        return ["this folder is not a git repository, so nothing can be tagged. Use a checkout"]
    found = []
    if git(root, "status", "--porcelain").stdout:
        found.append("git status shows changes. Commit them first")
    if git(root, "tag", "--list", f"v{version}").stdout:
        found.append(f"v{version} is tagged already. Raise __version__ in minirt/__init__.py")
    return found


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def main(arguments: list[str]) -> int:
    both = build(Path(arguments[0] if arguments else "dist"))
    for file in both:
        print(f"{file} ({file.stat().st_size / 1000:.0f} kB)")
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, both)]
    if status := subprocess.run(check, check=False).returncode:
        return status
    if sentences := missing():
        print("\nNot ready yet:")
        print(*(f"- {sentence}." for sentence in sentences), sep="\n")
        return 1
    version = version_of(ROOT)
    print(
        f"\nNothing has been uploaded. Next, by hand:\n"
        f"  git tag --annotate v{version} --message 'minirt {version}'\n"
        f"  git push origin v{version}\n"
        f"  {sys.executable} -m twine upload {both.sdist} {both.wheel}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
