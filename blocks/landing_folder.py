"""The block of the `files` connector: a folder in which deliveries land."""

from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field


class LandingFolder(Block):
    """A local folder that senders drop files into.

    Attributes:
        path: the folder; a relative path is taken from the working directory of the run.
    """

    _block_type_name: ClassVar[str] = "Landing Folder"
    _block_type_slug: ClassVar[str] = "landing-folder"
    _description: ClassVar[str] = "A folder in which the files of a source arrive."

    path: str = Field(description="Absolute path of the folder.")

    def folder(self) -> Path:
        """The folder as an absolute path; it need not exist."""
        return Path(self.path).expanduser().resolve()
