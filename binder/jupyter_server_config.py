"""How the server hands out and keeps notebooks, so that opening one changes nothing.

A notebook says which Python has written it. JupyterLab compares that with its kernel's, and marks
the notebook as modified when they differ, though nobody has done anything; then it saves it. So
each notebook of Python is handed out with the version of the Python that is here, and is saved with
the version that its file has. `make lab` and binder/postBuild put this file where the server of
their environment finds it.
"""

import base64
import json
import sys

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class NotebooksOfThisPython(AsyncLargeFileManager):
    """Files as they are, but for the version that a notebook names."""

    async def get(self, *arguments, **options):
        model = await super().get(*arguments, **options)
        if is_of_python(model):
            language_of(model)["version"] = sys.version.split()[0]  # as the kernel writes it
        return model

    async def save(self, model, path=""):
        if is_of_python(model) and await self.file_exists(path):
            version = await self._version_in(path)
            if version is not None:
                language_of(model)["version"] = version
        return await super().save(model, path)

    async def _version_in(self, path):
        """Which Python its file names; None where it names none."""
        file = await super().get(path, type="file", format="base64")
        try:
            metadata = json.loads(base64.b64decode(file["content"]))["metadata"]
            return metadata["language_info"]["version"]
        except (ValueError, LookupError, TypeError):  # no notebook, or a broken one
            return None


def is_of_python(model):
    """Is it a notebook of Python, with what is in it?"""
    is_notebook = model.get("type") == "notebook" and model.get("content")
    return bool(is_notebook) and language_of(model).get("name") == "python"


def language_of(model):
    return model["content"]["metadata"].get("language_info", {})


c.ServerApp.contents_manager_class = NotebooksOfThisPython  # noqa: F821
