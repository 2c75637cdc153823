"""How does a class share one machine? `make hub` starts JupyterHub with this configuration.

Each student logs in with a browser, gets a server and kernels of their own, and works in a copy of
the notebooks that stays theirs. There are two ways to run it:

    sudo make hub                                  each student has an account on the machine
    MINIRT_CLASS_PASSWORD=a-password make hub      one password for all, in a closed room

What is to be otherwise on one day is said in the command: make hub HUB_FLAGS="--url=...". The same
decisions for a cluster are in values.yaml.
"""

import os
import shutil
import sys
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub runs this file with the name defined)

CLASSROOM = Path(__file__).resolve().parent
NOTEBOOKS = CLASSROOM.parent / "notebooks"
LAB_SETTINGS = CLASSROOM.parent / "binder"  # overrides.json: Lab as it is on Binder
FOLDER = Path(os.environ.get("MINIRT_CLASS_FOLDER", "~/minirt-class")).expanduser()
PASSWORD = os.environ.get("MINIRT_CLASS_PASSWORD")
IS_ROOT = os.getuid() == 0

# --- who may start it ---

if PASSWORD is None and not IS_ROOT:
    sys.exit(
        "To start servers under the students' accounts the hub has to be root: sudo make hub\n"
        "In a closed room one password will do: MINIRT_CLASS_PASSWORD=a-password make hub"
    )
# `make classroom` is alone on the machine, and may.
if PASSWORD is not None and IS_ROOT and "MINIRT_CLASS_REHEARSAL" not in os.environ:
    sys.exit(
        "With MINIRT_CLASS_PASSWORD every student's server would run as root. Start the hub from "
        "an account made for the class: sudo -u ACCOUNT MINIRT_CLASS_PASSWORD=a-password make hub"
    )
if PASSWORD is not None and (len(PASSWORD) < 8 or not PASSWORD.isascii()):
    sys.exit(
        "MINIRT_CLASS_PASSWORD is too short, or has letters such as ä, which JupyterHub does not "
        "compare. Choose eight characters or more, of ASCII"
    )

# --- where ---

# Loopback: nobody on the network reaches a hub by accident, and no password crosses it in the
# clear. For the class, either a web server with TLS on this machine passes requests on to it, or
# HUB_FLAGS="--url=https://0.0.0.0:443 --ssl-key=KEY --ssl-cert=CERT".
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# The hub's database and cookie secret. Nobody else may read them: who has the secret is anybody.
FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")

# JupyterHub's standard proxy, which `make hub` installs beside Python.
beside_python = Path(sys.executable).with_name("configurable-http-proxy")
c.ConfigurableHTTPProxy.command = str(
    beside_python if beside_python.exists() else shutil.which("configurable-http-proxy")
)

# --- who ---

# A name becomes the name of a folder, so it may be neither `..` nor contain a slash.
c.Authenticator.username_pattern = r"[a-z0-9][a-z0-9._-]{0,31}\Z"
# JupyterHub itself checks as many wrong passwords as it is sent; slow_login.py is beside this file.
sys.path.insert(0, str(CLASSROOM))

if PASSWORD is None:
    # The machine's own accounts: the system keeps students out of each other's files and
    # processes, and a school's directory (LDAP, SSSD) works through PAM as it does elsewhere.
    c.JupyterHub.authenticator_class = "slow_login.SlowPAM"
    c.JupyterHub.spawner_class = "localprocess"
    # Not everybody with an account is in the class: groupadd minirt-class; usermod -aG ...
    c.PAMAuthenticator.allowed_groups = {"minirt-class"}
    # Who may stop any server on the hub's admin page, by name: MINIRT_CLASS_TEACHERS="ada grace"
    c.Authenticator.admin_users = set(os.environ.get("MINIRT_CLASS_TEACHERS", "").split())
else:
    # A closed room, an hour, no accounts: whoever knows the password picks a name. All servers run
    # under the account that started the hub, so every student can read what every other one has,
    # and what that account has. Make an account for it, and do not do it with people who are
    # strangers to each other. There is no admin: anybody could become one.
    c.JupyterHub.authenticator_class = "slow_login.SlowSharedPassword"
    c.SharedPasswordAuthenticator.user_password = PASSWORD
    c.SharedPasswordAuthenticator.allow_all = True
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(FOLDER / "students" / "{username}")

# --- what a student gets ---

# start_server.py copies what is missing of the notebooks, with the student's rights. Copying is not
# the hub's work: root would write into folders whose owners may have put links there.
c.Spawner.cmd = [
    sys.executable,
    str(CLASSROOM / "start_server.py"),
    str(NOTEBOOKS),
    "~/minirt/notebooks",
    sys.executable,
    *("-m", "jupyterhub.singleuser"),
]
c.Spawner.notebook_dir = "~/minirt"  # not all of the home: Lab shows what belongs to the class
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"

# --- limits ---

# The kernel of the greediest chapter (03) takes a quarter of this; the README has the figures. This
# is the limit of one process, a server or a kernel, and start_server.py sets it, for the spawner
# knows none. It keeps `[0] * 10**10` from taking the machine down. A limit for all that a student
# runs takes a container each (values.yaml) or systemd (jupyterhub-systemdspawner).
c.Spawner.mem_limit = "1G"
# Else numpy starts a thread for each processor in each kernel, with memory for each.
c.Spawner.environment = {"OPENBLAS_NUM_THREADS": "1"}

# When the bell rings, thirty servers start at once, each with seconds of work for a processor. The
# patience is for the last of them; the defaults (60 s, 30 s) would call it a failure.
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
# Forty servers are a class and its latecomers. What comes after that would slow down everybody.
c.JupyterHub.active_server_limit = 40

# --- Lab, kernels, and what nobody uses ---

c.Spawner.args = [
    # Thirty students are not asked whether they want Jupyter's news.
    f"--LabApp.app_settings_dir={LAB_SETTINGS}",
    # Each chapter that was opened has a kernel. One whose tab has been closed for twenty minutes
    # goes; one with an open tab stays, however long its reader thinks.
    "--MappingKernelManager.cull_idle_timeout=1200",
    "--MappingKernelManager.cull_interval=60",
    # What a cell prints goes from the kernel to the server over loopback, and there every account
    # of the machine could listen.
    "--KernelManager.transport_encryption=auto",
]
# A server that has done nothing for an hour goes, with its kernels. Files stay; the next click
# starts a new one.
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
