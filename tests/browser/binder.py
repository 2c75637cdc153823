"""minirt as Binder serves it: its own environment and home, by a user who is not root."""

import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.ports import free_port

from .conftest import end, wait_for_server

ROOT = Path(__file__).parents[2]
PREFIX = "/user/someone-minirt-abc123/"
NOT_OURS = shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__", "shots", "results")


class BinderServer:
    """Built by binder/postBuild, started by binder/start with the arguments of BinderHub.

    Where the tests run as root, everything is built and runs as the user nobody. That user may not
    be able to look into root's home, where Python or .venv may be: what is needed of them is linked
    into `folder`, file by file.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="binder-"))
        self.folder.chmod(0o755)
        self.home = self._own(self.folder / "home")
        self.checkout = self.home / "minirt"
        self.log = self.folder / "server.log"
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.environment = self.folder / "environment"
        self.variables = {
            "HOME": str(self.home),
            "PATH": f"{self.environment / 'bin'}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        }
        self.process: subprocess.Popen[bytes] | None = None

    # Who runs it

    @property
    def user(self) -> dict[str, Any]:
        """What makes subprocess run something as a user who is not root."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def attempt(
        self, *command: str | Path, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as that user."""
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=110,
            check=False,
            **self.user,
        )

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """Run a command as that user; gives what it said. AssertionError with that if it fails."""
        done = self.attempt(*command, cwd=cwd)
        assert done.returncode == 0, f"{command}:\n{done.stdout}"
        return done.stdout

    def _own(self, path: Path) -> Path:
        """A folder, new or not, that belongs to that user."""
        path.mkdir(exist_ok=True)
        self._give(path)
        return path

    def _give(self, path: str | Path) -> None:
        if self.user:
            os.chown(path, self.user["user"], self.user["group"], follow_symlinks=False)

    def _link(self, source: Path, target: Path, *left_out: str) -> None:
        """The tree again: its files are the same ones, its folders belong to that user."""
        for folder, folders, files in os.walk(source):
            folders[:] = [name for name in folders if name not in left_out]
            here = self._own(target / Path(folder).relative_to(source))
            for name in files:
                path, copy = Path(folder, name), here / name
                if copy.exists() or copy.is_symlink():
                    continue
                try:
                    os.link(path, copy, follow_symlinks=False)
                except OSError:  # another file system, or one without links
                    shutil.copy2(path, copy, follow_symlinks=False)

    # What Binder builds

    def _make_environment(self) -> None:
        """An environment that has what this one has. Binder would get it from environment.yml."""
        python = Path(sys._base_executable)  # type: ignore[attr-defined]
        try:
            subprocess.run([python, "-c", ""], check=True, **self.user)
        except (PermissionError, subprocess.CalledProcessError):
            self._link(Path(sys.base_prefix), self.folder / "python", "site-packages", "test")
            python = self.folder / "python" / python.relative_to(sys.base_prefix)
            self.variables["LD_LIBRARY_PATH"] = str(self.folder / "python" / "lib")
        self._own(self.environment)
        self.run(python, "-m", "venv", "--without-pip", self.environment)
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        theirs = self.run(self.environment / "bin" / "python", "-c", code).strip()
        self._link(Path(sysconfig.get_path("purelib")), Path(theirs))
        for shared in ("share/jupyter", "etc/jupyter"):
            self._own(self.environment / Path(shared).parent)
            # the settings here are those of `make lab`; postBuild brings Binder's
            self._link(Path(sys.prefix, shared), self.environment / shared, "settings")

    def _build(self) -> None:
        """What the image's build does after the environment is there: copy, and postBuild."""
        shutil.copytree(ROOT, self.checkout, symlinks=True, ignore=NOT_OURS)
        for folder, _, files in os.walk(self.checkout):
            for name in (folder, *(os.path.join(folder, file) for file in files)):
                self._give(name)
        of_pip = Path(".config", "pip", "pip.conf")  # where this machine gets its packages from
        if (Path.home() / of_pip).exists():
            for folder in reversed(of_pip.parents[:-1]):
                self._own(self.home / folder)
            shutil.copy(Path.home() / of_pip, self.home / of_pip)
            self._give(self.home / of_pip)
        self.run("binder/postBuild", cwd=self.checkout)

    def _close_home(self) -> None:
        """From now on only the checkout can be written to."""
        for folder, folders, files in os.walk(self.home, topdown=True):
            if Path(folder) == self.home:
                folders.remove(self.checkout.name)
            for name in (folder, *(os.path.join(folder, file) for file in files)):
                mode = stat.S_IMODE(os.lstat(name).st_mode)
                if not os.path.islink(name):
                    os.chmod(name, mode & ~0o222)

    # The server

    def _start(self) -> None:
        of_binderhub = {  # binderhub/binderspawner_mixin.py; there the address is 0.0.0.0
            "base_url": PREFIX,
            "token": self.token,
            "trust_xheaders": "True",
        }
        command = [
            *(self.checkout / "binder" / "start", "python", "-m", "jupyterlab"),
            *("--ip=127.0.0.1", f"--port={self.port}", "--no-browser"),
            *(f"--NotebookApp.{name}={value}" for name, value in of_binderhub.items()),
            *(f"--ServerApp.{name}={value}" for name, value in of_binderhub.items()),
            "--expose-app-in-browser",  # the tests' handle; changes nothing else
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.checkout,
                env=self.variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.user,
            )
        wait_for_server(self)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}{path}?token={self.token}"

    def get(self, path: str) -> Any:
        """What the server's own interface answers."""
        with urllib.request.urlopen(self.url(path), timeout=20) as answer:
            return json.load(answer)

    @staticmethod
    def status(url: str) -> int:
        """The status of the answer, good or bad."""
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                code: int = answer.status
                return code
        except urllib.error.HTTPError as error:
            return error.code

    def __enter__(self) -> "BinderServer":
        try:
            self._make_environment()
            self._build()
            self._close_home()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            end(self.process)
        for folder, _, _ in os.walk(self.home):
            os.chmod(folder, 0o755)
        shutil.rmtree(self.folder)
