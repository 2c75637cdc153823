"""Can a class work with what is in classroom/? The configuration, the values, and the first step.

What takes a hub and ten students is `make classroom`.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_output
from tornado.web import HTTPError
from traitlets.config import Config, PyFileConfigLoader

from tests.classroom.hub import LANDING, Hub, processes_in
from tests.classroom.seen import SeenOtherwise, compare

ROOT = Path(__file__).resolve().parent.parent
CLASSROOM = ROOT / "classroom"
START_SERVER = CLASSROOM / "start_server.py"
VALUES_TEXT = (CLASSROOM / "values.yaml").read_text(encoding="utf-8")
VALUES: dict[str, Any] = yaml.safe_load(VALUES_TEXT)
SINGLEUSER = VALUES["singleuser"]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="as the Linux kernel counts memory")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub would keep what is its own."""
    monkeypatch.setenv("MINIRT_CLASS_FOLDER", str(tmp_path / "class"))
    monkeypatch.delenv("MINIRT_CLASS_PASSWORD", raising=False)
    monkeypatch.delenv("MINIRT_CLASS_TEACHERS", raising=False)
    monkeypatch.delenv("MINIRT_CLASS_REHEARSAL", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path / "class"


def configuration(name: str = "classroom/jupyterhub_config.py") -> Config:
    """As JupyterHub reads it."""
    return PyFileConfigLoader(str(ROOT / name)).load_config()


@pytest.fixture
def closed_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("MINIRT_CLASS_PASSWORD", "on-the-blackboard")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    return configuration()


@pytest.fixture
def accounts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    return configuration()


# --- the hub of one machine ---


def test_without_a_password_the_machine_says_who_may_log_in(accounts: Config) -> None:
    assert accounts.JupyterHub.authenticator_class == "slow_login.SlowPAM"
    assert accounts.JupyterHub.spawner_class == "localprocess"
    assert accounts.PAMAuthenticator.allowed_groups == {"minirt-class"}
    assert accounts.Authenticator.admin_users == set()


def test_teachers_are_named_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("MINIRT_CLASS_TEACHERS", "ada grace")
    assert configuration().Authenticator.admin_users == {"ada", "grace"}


def test_who_is_not_root_and_gives_no_password_is_told_both_ways(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(SystemExit, match=r"(?s)sudo make hub.*MINIRT_CLASS_PASSWORD="):
        configuration()


def test_one_password_opens_a_closed_room(closed_room: Config, folder: Path) -> None:
    assert closed_room.JupyterHub.authenticator_class == "slow_login.SlowSharedPassword"
    assert closed_room.SharedPasswordAuthenticator.user_password == "on-the-blackboard"
    assert closed_room.JupyterHub.spawner_class == "simple"
    home = closed_room.SimpleLocalProcessSpawner.home_dir_template
    assert home.format(username="ada") == str(folder / "students" / "ada")


def test_root_does_not_start_the_servers_of_a_closed_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("MINIRT_CLASS_PASSWORD", "on-the-blackboard")
    with pytest.raises(SystemExit, match=r"every student's server would run as root\. "):
        configuration()
    assert not folder.exists()


@pytest.mark.parametrize("password", ["", "seven77", "on-the-bläckboard"])
def test_a_password_that_jupyterhub_cannot_use_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setenv("MINIRT_CLASS_PASSWORD", password)
    with pytest.raises(SystemExit, match="eight characters or more, of ASCII"):
        configuration()


def test_nobody_else_may_read_what_belongs_to_the_hub(closed_room: Config, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(closed_room.JupyterHub.cookie_secret_file).parent == folder
    assert closed_room.JupyterHub.db_url == f"sqlite:///{folder}/jupyterhub.sqlite"


def test_the_hub_listens_on_loopback(closed_room: Config) -> None:
    assert closed_room.JupyterHub.bind_url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", ["..", "../ada", ".ssh", "a/b", "ada\n", "", "x" * 33])
def test_a_name_that_is_no_good_folder_is_refused(closed_room: Config, name: str) -> None:
    patterns = [
        closed_room.Authenticator.username_pattern,
        VALUES["hub"]["config"]["Authenticator"]["username_pattern"],
    ]
    for pattern in patterns:
        assert re.match(pattern, name) is None
        assert re.match(pattern, "ada.k-2")


def test_a_rehearsal_by_root_adds_one_flag(
    closed_room: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("MINIRT_CLASS_REHEARSAL", "1")
    rehearsed = configuration("tests/classroom/overlay.py")
    added = {"Spawner": {"args": [*closed_room.Spawner.args, "--allow-root"]}}
    closed_room.merge(Config(added))
    assert rehearsed == closed_room


WITH_THE_HUB = pytest.mark.skipif(
    find_spec("jupyterhub") is None, reason="make classroom installs it"
)


@WITH_THE_HUB
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_jupyterhub_knows_each_name_in_the_configuration(
    accounts: Config, closed_room: Config
) -> None:
    homes = {
        "JupyterHub": "jupyterhub.app",
        "ConfigurableHTTPProxy": "jupyterhub.proxy",
        "Authenticator": "jupyterhub.auth",
        "PAMAuthenticator": "jupyterhub.auth",
        "SharedPasswordAuthenticator": "jupyterhub.authenticators.shared",
        "Spawner": "jupyterhub.spawner",
        "SimpleLocalProcessSpawner": "jupyterhub.spawner",
    }
    configurations = [accounts, closed_room, Config(VALUES["hub"]["config"])]
    assert {name for one in configurations for name in one} == set(homes)
    for one in configurations:
        for name, section in one.items():
            known = getattr(import_module(homes[name]), name).class_trait_names(config=True)
            assert set(section) <= set(known)


# --- wrong passwords ---


class Browser:
    """Tries passwords, on a clock that a test turns."""

    def __init__(self, kind: str, **options: object) -> None:
        module = import_module("slow_login")
        self.authenticator = getattr(module, kind)(**options)
        self.authenticator._tries = module.Tries(lambda: self.now)
        self.now = 0.0

    def tries(self, name: str, password: str = "wrong") -> bool | int:
        """Is one let in? Or the seconds to wait."""
        data = {"username": name, "password": password}
        try:
            return asyncio.run(self.authenticator.authenticate(None, data)) is not None
        except HTTPError as refused:
            error = refused
        (seconds,) = re.findall(r"Wait (\d+) seconds", str(error.log_message))
        assert (error.status_code, error.headers) == (429, {"Retry-After": seconds})
        return int(seconds)


@pytest.fixture
def browser(closed_room: Config) -> Browser:
    return Browser("SlowSharedPassword", user_password="on-the-blackboard", allow_all=True)


@WITH_THE_HUB
def test_a_name_has_five_wrong_passwords_and_one_more_every_ten_seconds(browser: Browser) -> None:
    assert [browser.tries("ada") for _ in range(6)] == [False] * 5 + [10]
    assert browser.tries("ADA", "on-the-blackboard") == 10  # not even looked at
    browser.now = 9.5
    assert browser.tries("ada") == 1
    browser.now = 10
    assert browser.tries("ada") is False
    browser.now = 20
    assert browser.tries("ada", "on-the-blackboard") is True


@WITH_THE_HUB
def test_thirty_students_may_all_mistype_it_twice_and_then_log_in(browser: Browser) -> None:
    names = [f"student-{n}" for n in range(30)]
    assert [browser.tries(name) for _ in range(2) for name in names] == [False] * 60
    browser.now = 30
    assert all(browser.tries(name, "on-the-blackboard") is True for name in names)


@WITH_THE_HUB
def test_right_passwords_cost_nothing(browser: Browser) -> None:
    assert all(browser.tries("ada", "on-the-blackboard") is True for _ in range(1000))
    assert all(browser.tries(f"name-{n}", "on-the-blackboard") is True for n in range(1000))


@WITH_THE_HUB
def test_a_program_that_guesses_under_new_names_gets_one_try_a_second(browser: Browser) -> None:
    tries = browser.authenticator._tries
    guesses = 0
    for tenth in range(36_000):
        browser.now = tenth / 10
        guesses += tries.begin(f"name-{tenth}") == 0
    assert 3600 <= guesses <= 3660
    assert len(tries._by_name) < 200


@WITH_THE_HUB
def test_who_has_logged_in_before_gets_in_while_a_program_guesses(browser: Browser) -> None:
    assert browser.tries("ada", "on-the-blackboard") is True
    assert sum(browser.tries(f"name-{n}") is False for n in range(100)) == 60
    assert browser.tries("grace", "on-the-blackboard") == 1
    assert browser.tries("ada", "on-the-blackboard") is True


@WITH_THE_HUB
def test_tries_that_are_under_way_count(browser: Browser) -> None:
    begin = browser.authenticator._tries.begin
    assert [begin("ada") for _ in range(6)] == [0, 0, 0, 0, 0, 10]


@WITH_THE_HUB
def test_the_accounts_of_the_machine_have_the_same_limit(
    accounts: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(name: str, password: str, **_: object) -> None:
        if password != "right":
            raise pamela.PAMError("no")

    pamela = import_module("pamela")
    monkeypatch.setattr(pamela, "authenticate", check)
    browser = Browser("SlowPAM", open_sessions=False, check_account=False)
    assert browser.tries("ada", "right") is True
    assert [browser.tries("ada") for _ in range(6)] == [False] * 5 + [10]


@WITH_THE_HUB
def test_the_cluster_has_the_same_limit(closed_room: Config) -> None:
    """The chart runs the entries in the order of their names, in one namespace."""
    (entry,) = re.findall(r"--set-file=hub.extraConfig.(\S+)=classroom/slow_login.py", VALUES_TEXT)
    entries = {
        **VALUES["hub"]["extraConfig"],
        entry: (CLASSROOM / "slow_login.py").read_text(encoding="utf-8"),
    }
    c = Config(VALUES["hub"]["config"])
    namespace: dict[str, Any] = {"c": c}
    for _, text in sorted(entries.items()):
        exec(text, namespace)
    chosen = c.JupyterHub.authenticator_class
    assert issubclass(chosen, namespace["SlowLogin"])
    assert "SharedPasswordAuthenticator" in {base.__name__ for base in chosen.__mro__}


@pytest.mark.slow
@WITH_THE_HUB
@pytest.mark.skipif(
    shutil.which("configurable-http-proxy", path=str(Path(sys.executable).parent)) is None,
    reason="make classroom installs it",
)
def test_a_running_hub_tells_a_browser_to_wait() -> None:
    hub = Hub()
    try:
        hub.start()
        pages = asyncio.run(wrong_passwords(hub.url, 6))
    finally:
        left = hub.close()
    assert [status for status, _ in pages] == [403] * 5 + [429]
    assert re.search(r"Too many wrong passwords\. Wait \d+ seconds", pages[-1][1])
    assert left == []


async def wrong_passwords(url: str, times: int) -> list[tuple[int, str]]:
    """The status and the page after each."""
    import aiohttp  # comes with `make classroom`

    from tests.classroom.student import HIDDEN_FIELD, found

    pages = []
    jar = aiohttp.CookieJar(unsafe=True, quote_cookie=False)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(f"{url}/hub/login") as response:
            token = found(HIDDEN_FIELD, await response.text(), "the login page")
        fields = {"username": "ada", "password": "wrong", "_xsrf": token}
        for _ in range(times):
            async with session.post(f"{url}/hub/login", data=fields) as response:
                pages.append((response.status, await response.text()))
    return pages


# --- the values for a cluster ---


def culler(configured: Config) -> list[str]:
    command: list[str] = configured.JupyterHub.services[0]["command"]
    return command


def test_cluster_and_machine_agree(closed_room: Config) -> None:
    spawner = closed_room.Spawner
    assert SINGLEUSER["memory"]["limit"] == spawner.mem_limit
    assert SINGLEUSER["extraEnv"] == spawner.environment
    assert SINGLEUSER["defaultUrl"] == spawner.default_url
    assert SINGLEUSER["startTimeout"] == spawner.start_timeout
    culling = [argument for argument in spawner.args if "cull" in argument]
    assert culling == [word for word in SINGLEUSER["cmd"] if "cull" in word]
    assert VALUES["hub"]["activeServerLimit"] == closed_room.JupyterHub.active_server_limit
    assert f"--timeout={VALUES['cull']['timeout']}" in culler(closed_room)


def test_lab_opens_on_the_first_notebook_of_the_makefile(closed_room: Config) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (first,) = re.findall(r"^FIRST_NOTEBOOK := (.+)$", makefile, re.MULTILINE)
    assert (ROOT / first).is_file()
    assert closed_room.Spawner.default_url == f"/lab/tree/{first}" == LANDING


def test_lab_has_the_settings_that_it_has_on_binder(closed_room: Config) -> None:
    assert f"--LabApp.app_settings_dir={ROOT / 'binder'}" in closed_room.Spawner.args
    assert (ROOT / "binder" / "overrides.json").is_file()


def test_the_image_is_for_the_teacher_to_name() -> None:
    image = SINGLEUSER["image"]
    assert ".example." in image["name"]
    assert f"--image-name={image['name']}:{image['tag']}" in VALUES_TEXT
    assert "password" not in yaml.safe_dump(VALUES).replace("shared-password", "")


def test_every_value_has_a_reason() -> None:
    """Beside it, or in the line above it."""
    lines = VALUES_TEXT.splitlines()
    values = [
        number
        for number, line in enumerate(lines)
        if re.match(r" +[A-Za-z_]+: \S", line) and not re.search(r": *#", line)
    ]
    assert len(values) > 10
    for number in values:
        assert "#" in lines[number] + lines[number - 1], lines[number]


def test_the_images_command_finds_its_files(tmp_path: Path) -> None:
    """The command of the values, with this checkout for the image's and a folder for the volume."""
    command = [
        word.replace("/srv/minirt", str(ROOT)).replace("/home/jovyan", str(tmp_path))
        for word in SINGLEUSER["cmd"]
    ]
    assert command[0] == "python" and "jupyterhub-singleuser" in command
    assert f"--ServerApp.root_dir={tmp_path}/minirt" in command
    assert SINGLEUSER["storage"]["homeMountPath"] == "/home/jovyan"
    server = command.index("jupyterhub-singleuser")
    say = "import pathlib, sys; print(sys.argv[1:], pathlib.Path(sys.argv[1][21:]).is_dir())"
    said = run(*command[1:server], sys.executable, "-c", say, *command[server + 1 :])
    assert said == f"{command[server + 1 :]} True\n"
    assert (tmp_path / "minirt" / SINGLEUSER["defaultUrl"].removeprefix("/lab/tree/")).is_file()


# --- the first step of a student's server ---


def run(*arguments: str | Path, **environment: str) -> str:
    """What start_server.py prints, the command that it becomes included."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A teacher's folder."""
    source = tmp_path / "notebooks"
    (source / "data").mkdir(parents=True)
    (source / "00.ipynb").write_text("zero")
    (source / "data" / "notes.txt").write_text("notes")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "00.ipynb").write_text("the teacher's")
    return source


def test_a_student_gets_every_notebook_and_none_of_the_hidden_files(
    notebooks: Path, tmp_path: Path
) -> None:
    own = tmp_path / "ada" / "minirt" / "notebooks"
    run(START_SERVER, notebooks, own)
    assert (own / "00.ipynb").read_text() == "zero"
    assert (own / "data" / "notes.txt").read_text() == "notes"
    assert sorted(path.name for path in own.iterdir()) == ["00.ipynb", "data"]


def test_a_copy_is_the_students_to_write_even_of_what_the_teacher_may_only_read(
    notebooks: Path, tmp_path: Path
) -> None:
    (notebooks / "00.ipynb").chmod(0o444)
    (notebooks / "data").chmod(0o555)
    own = tmp_path / "ada"
    run(START_SERVER, notebooks, own)
    assert (own / "00.ipynb").stat().st_mode & 0o600 == 0o600
    assert (own / "data").stat().st_mode & 0o700 == 0o700


def test_what_a_student_wrote_stays_and_what_is_missing_comes(
    notebooks: Path, tmp_path: Path
) -> None:
    own = tmp_path / "ada"
    run(START_SERVER, notebooks, own)
    (own / "00.ipynb").write_text("my answers")
    (own / "mine.ipynb").write_text("mine")
    (own / "data" / "notes.txt").unlink()
    (notebooks / "00.ipynb").write_text("zero, corrected")
    (notebooks / "01.ipynb").write_text("one")
    run(START_SERVER, notebooks, own)
    assert (own / "00.ipynb").read_text() == "my answers"
    assert (own / "mine.ipynb").read_text() == "mine"
    assert (own / "data" / "notes.txt").read_text() == "notes"
    assert (own / "01.ipynb").read_text() == "one"


def test_a_student_who_puts_a_file_where_a_folder_was_still_gets_a_server(
    notebooks: Path, tmp_path: Path
) -> None:
    own = tmp_path / "ada"
    own.mkdir()
    (own / "data").write_text("a file of mine")
    run(START_SERVER, notebooks, own)
    assert (own / "data").read_text() == "a file of mine"
    assert (own / "00.ipynb").read_text() == "zero"


def test_a_copy_that_was_cut_short_is_made_again(notebooks: Path, tmp_path: Path) -> None:
    own = tmp_path / "ada"
    own.mkdir()
    (own / ".00.ipynb.part").write_text("ze")
    run(START_SERVER, notebooks, own)
    assert (own / "00.ipynb").read_text() == "zero"
    assert not (own / ".00.ipynb.part").exists()


@ON_LINUX
@pytest.mark.slow
def test_a_program_that_takes_more_than_the_limit_gets_a_memory_error(
    notebooks: Path, tmp_path: Path
) -> None:
    greedy = "try:\n    bytearray(400_000_000)\nexcept MemoryError:\n    print('refused')"
    arguments = (START_SERVER, notebooks, tmp_path / "ada", sys.executable, "-c", greedy)
    assert run(*arguments, MEM_LIMIT=str(300_000_000)) == "refused\n"
    assert run(*arguments, MEM_LIMIT=str(1_000_000_000)) == ""


# --- the rehearsal's own judgement ---


def cell(*tags: str) -> Any:
    kept = [new_output("stream", name="stdout", text="one\ntwo\n")]
    return new_code_cell("print(...)", outputs=kept, metadata={"tags": list(tags)})


def test_what_was_printed_in_two_goes_is_one_output() -> None:
    compare(cell(), [new_output("stream", text="one\n"), new_output("stream", text="two\n")])


def test_another_output_is_noticed_unless_its_tag_says_that_it_differs() -> None:
    another = [new_output("stream", text="one\nthree\n")]
    with pytest.raises(SeenOtherwise, match="three"):
        compare(cell(), another)
    compare(cell("nbval-ignore-output"), another)


def test_an_error_is_noticed_even_where_outputs_differ() -> None:
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    with pytest.raises(SeenOtherwise, match="ValueError: no"):
        compare(cell("nbval-ignore-output"), [error])


def test_the_rehearsal_finds_the_processes_of_its_folder(tmp_path: Path) -> None:
    wait = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        wait, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout and child.stdout.readline()
        assert {one.pid: place for one, place in processes_in(tmp_path.resolve()).items()} == {
            child.pid: tmp_path.resolve()
        }
        child.communicate(b"\n")
    assert processes_in(tmp_path.resolve()) == {}


# --- memory ---


@pytest.mark.slow
@ON_LINUX
def test_a_kernel_with_the_live_view_takes_less_than_500_mb() -> None:
    """Chapter 00: the main example in real time under the view."""
    path = ROOT / "notebooks" / "00_start_here.ipynb"
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        kernel_name="python3",
        timeout=60,
        resources={"metadata": {"path": str(path.parent)}},
    )
    with (
        tempfile.TemporaryDirectory(prefix="ipython-") as profile,
        client.setup_kernel(env={**os.environ, "IPYTHONDIR": profile}),
    ):
        for index, one in enumerate(client.nb.cells):
            client.execute_cell(one, index)
        status = Path(f"/proc/{client.km.provisioner.pid}/status").read_text()
    views = sum(
        "LiveView" in str(output) for one in client.nb.cells for output in one.get("outputs", [])
    )
    (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", status)
    assert views and 30_000 < int(peak) < 500_000
