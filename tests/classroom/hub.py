"""What does it take to start a hub for a rehearsal, and to leave nothing of it behind?"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from tests.ports import free_ports

OVERLAY = Path(__file__).with_name("overlay.py")
LANDING = "/lab/tree/notebooks/00_start_here.ipynb"
STARTS_WITHIN = 60  # seconds; on an idle machine it takes one
STOPS_WITHIN = 60
LINES_OF_LOG = 40


class HubFailed(Exception):
    """The hub did not start. Says why, with the end of its log."""


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_in(folder: Path) -> dict[psutil.Process, Path]:
    """Every process that works below `folder`, and where: the hub's, and what students start."""
    found = {}
    for process in psutil.process_iter():
        try:
            place = Path(process.cwd())
        except (psutil.Error, OSError):
            continue  # it has ended meanwhile, or is somebody else's
        if place.is_relative_to(folder):
            found[process] = place
    return found


class Hub:
    """JupyterHub with the configuration of `classroom/`, in a temporary folder and on loopback."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="minirt-class-")).resolve()
        self.students = self.folder / "students"
        self.password = secrets.token_urlsafe(16)
        self.log = self.folder / "hub.log"
        self.ports = free_ports(3)
        self.url = f"http://127.0.0.1:{self.ports[0]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return as soon as the hub answers. HubFailed."""
        public, hub, proxy = (f"http://127.0.0.1:{port}" for port in self.ports)
        environment = {
            **os.environ,
            "MINIRT_CLASS_FOLDER": str(self.folder),
            "MINIRT_CLASS_PASSWORD": self.password,
            "MINIRT_CLASS_REHEARSAL": "1",
        }
        command = [
            *(sys.executable, "-m", "jupyterhub", f"--config={OVERLAY}", f"--url={public}"),
            f"--JupyterHub.hub_bind_url={hub}",
            f"--ConfigurableHTTPProxy.api_url={proxy}",
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is ours: it ends the rehearsal in good order
            )
        until = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise HubFailed(f"JupyterHub did not start:\n{self.end_of_log()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            urlopen(f"{self.url}/hub/health", timeout=5).close()
        except (URLError, OSError):
            return False
        return True

    def end_of_log(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES_OF_LOG:])

    def close(self) -> list[str]:
        """Stop it and everything that it started. What is left then, in words; nothing is good."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)  # the hub then stops the servers itself
            try:
                self._process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        left = list(processes_in(self.folder))
        kill(left)
        shutil.rmtree(self.folder, ignore_errors=True)
        survivors = [f"process {one.pid}" for one in processes_in(self.folder)]
        open_ports = [f"port {port}" for port in self.ports if is_open(port)]
        return [*survivors, *open_ports, *([str(self.folder)] if self.folder.exists() else [])]


def kill(processes: Iterable[psutil.Process]) -> None:
    """End them, first with a request."""
    for process in (processes := list(processes)):
        _signal(process.terminate)
    _, stubborn = psutil.wait_procs(processes, timeout=10)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=10)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        pass
