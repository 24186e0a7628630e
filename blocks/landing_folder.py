"""The block of the `files` connector: a folder in which deliveries land."""

import re
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import ConfigDict, Field, field_validator

from lakehouse.connectors.file_store import FileStore
from lakehouse.connectors.folder import LocalFolder
from lakehouse.errors import BlockInvalid

# A colon after the host is the one of a port, unless a password that holds a slash follows it.
_PASSWORD = re.compile(r"://[^/]*:(?!\d*(?:/|$)).*@")


class LandingFolder(Block):
    """A folder, of this machine or behind a URL, that senders drop files into.

    Attributes:
        path: the folder; a relative path is taken from the working directory of the run.
        storage_options: what the file system of a URL needs, such as endpoint and keys.
    """

    _block_type_name: ClassVar[str] = "Landing Folder"
    _block_type_slug: ClassVar[str] = "landing-folder"
    _description: ClassVar[str] = "A folder in which the files of a source arrive."

    # What is refused may be a password: not to be repeated in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    path: str = Field(
        description="Absolute path of the folder, or an fsspec URL such as s3://bucket/folder."
    )
    storage_options: SecretDict | None = Field(
        default=None, description="What the file system of a URL needs: endpoint, keys, region."
    )

    @field_validator("path")
    @classmethod
    def _no_credentials(cls, value: str) -> str:
        if _PASSWORD.search(value) or ("://" in value and "?" in value):
            raise ValueError(
                "must be a URL without password and query; credentials belong into storage_options"
            )
        return value

    @property
    def is_local(self) -> bool:
        """Whether the folder is a path of this machine and no URL."""
        return "://" not in self.path

    def folder(self) -> Path:
        """The folder as an absolute path; it need not exist.

        Raises:
            BlockInvalid: it is a URL.
        """
        if not self.is_local:
            raise BlockInvalid("This landing folder is a URL and has no path on this machine.")
        return Path(self.path).expanduser().resolve()

    def store(self, name: str) -> FileStore:
        """The folder as the connector reads it.

        Args:
            name: of this block, for messages.
        """
        if self.is_local:
            return LocalFolder(self.folder())
        # Clients of object stores are imported only where one is used.
        from lakehouse.connectors.remote_folder import RemoteFolder  # noqa: PLC0415

        options = self.storage_options.get_secret_value() if self.storage_options else {}
        return RemoteFolder(self.path, options, name)
