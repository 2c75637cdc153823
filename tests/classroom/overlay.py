"""What does the rehearsal change in the class's configuration? Where root runs it, one flag."""

import os
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub runs this file with the name defined)
load_subconfig(  # noqa: F821
    str(Path(__file__).resolve().parents[2] / "classroom" / "jupyterhub_config.py")
)

if os.getuid() == 0:
    # With one password for all, servers run as whoever started the hub, and a Jupyter server
    # refuses to be root unless it is told. A class has no business there; a rehearsal may.
    c.Spawner.args.append("--allow-root")
