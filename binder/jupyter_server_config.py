"""How the server hands out notebooks, so that opening one changes nothing.

A notebook says which Python has written it. JupyterLab compares that with its kernel's, and marks
the notebook as modified when they differ, though nobody has done anything; then it saves it. So
each notebook of Python is handed out with the version of the Python that is here. `make lab` and
binder/postBuild put this file where the server of their environment finds it.
"""

import sys

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class NotebooksOfThisPython(AsyncLargeFileManager):
    """Files as they are, but for the version that a notebook names."""

    async def get(self, *arguments, **options):
        model = await super().get(*arguments, **options)
        if model["type"] == "notebook" and model["content"]:
            language = model["content"]["metadata"].get("language_info", {})
            if language.get("name") == "python":
                language["version"] = sys.version.split()[0]  # as the kernel writes it
        return model


c.ServerApp.contents_manager_class = NotebooksOfThisPython  # noqa: F821
