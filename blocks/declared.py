"""Blocks by name: the saved one wins, else the one that `blocks.yaml` and the environment give."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import yaml
from prefect.blocks.core import Block
from pydantic import ValidationError

from blocks.database_url import connection_components
from lakehouse.errors import AljibeError, BlockInvalid, PrefectUnavailable, VariableMissing
from lakehouse.settings import Settings

DECLARATIONS = Path(__file__).with_name("blocks.yaml")
# Imported when needed: a run of files does not pay for the clients of databases and servers.
BLOCK_TYPES: Mapping[str, str] = {
    "landing-folder": "blocks.landing_folder:LandingFolder",
    "sftp-server": "blocks.sftp_server:SftpServer",
    "http-api": "blocks.http_api:HttpApi",
    "sqlalchemy-connector": "prefect_sqlalchemy:SqlAlchemyConnector",
    "apprise-notification": "blocks.notification:AppriseNotification",
    "slack-webhook": "prefect.blocks.notifications:SlackWebhook",
}
BlockKind = TypeVar("BlockKind", bound=Block)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


def find_block(name: str, kind: type[BlockKind], settings: Settings) -> BlockKind:
    """Load the saved block, or build the declared one.

    Raises:
        BlockInvalid: no such block, of another type, or a variable it needs is not set.
        PrefectUnavailable: the API that may have it does not answer.
    """
    slug = kind.get_block_type_slug()
    found: object = saved_block(kind, name, f"{slug}/{name}")
    if found is None:
        found = declared_block(name, settings)
    if not isinstance(found, kind):
        raise BlockInvalid(f"Block {name} is a {type(found).__name__}, not a {slug}.")
    return found


def saved_block(kind: type[BlockKind], name: str, full_name: str) -> BlockKind | None:
    """Load a block that is saved; None if there is none.

    Args:
        kind: its class; `Block` itself finds one of any type by `type/name`.
        name: as `kind.load` takes it.
        full_name: `type/name`, for messages.

    Raises:
        BlockInvalid: it does not fit its type, or the API refuses to give it.
        PrefectUnavailable: the API does not answer.
    """
    try:
        return cast(BlockKind, kind.load(name))
    except ValueError:
        # Prefect's word for a block that is not saved; one that is but does not fit is below.
        return None
    except httpx.HTTPError as error:
        raise api_fault(full_name, error) from None
    except RuntimeError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise api_fault(full_name, error) from None
        raise BlockInvalid(
            f"The saved block {full_name} lacks what this version needs. Save it again, or "
            "delete it, and blocks.yaml is used."
        ) from None


def api_fault(full_name: str, error: Exception) -> AljibeError:
    """What it means that the Prefect API did not give a block."""
    what = f"The Prefect API was asked for the block {full_name}"
    if isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error:
        return BlockInvalid(
            f"{what} and refused with {error.response.status_code}. Check PREFECT_API_URL and "
            "PREFECT_API_AUTH_STRING or PREFECT_API_KEY."
        )
    cause = str(error) or type(error).__name__
    return PrefectUnavailable(f"{what} and does not answer: {cause}. Check PREFECT_API_URL.")


def declared_block(name: str, settings: Settings, declarations: Path = DECLARATIONS) -> Block:
    """Build a block from its entry in `blocks.yaml`.

    Raises:
        BlockInvalid: naming the entry, and the field or variable that is missing.
    """
    entries = declared_names(declarations)
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise BlockInvalid(
            f"There is no block {name}: it is neither saved nor declared in {declarations.name}. "
            f"Declared: {known}."
        )
    fields = dict(entries[name])
    slug = fields.pop("type", None)
    if slug not in BLOCK_TYPES:
        raise BlockInvalid(
            f"{declarations.name}, {name}: type {slug!r} is not one of {', '.join(BLOCK_TYPES)}."
        )
    environment = {**os.environ, "ALJIBE_HOME": str(settings.root)}
    if settings.notify_url:
        environment["ALJIBE_NOTIFY_URL"] = settings.notify_url.get_secret_value()
    if settings.serving_url:
        environment["ALJIBE_SERVING_URL"] = settings.serving_url.get_secret_value()
    values = {key: _expand(value, environment, name, key) for key, value in fields.items()}
    # An optional variable that is not set leaves its field at the block's own default.
    values = {key: value for key, value in values.items() if value != ""}
    if slug == "sqlalchemy-connector" and isinstance(values.get("connection_info"), str):
        values["connection_info"] = connection_components(str(values["connection_info"]))
    try:
        return block_type(slug)(**values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise BlockInvalid(f"{declarations.name}, {name}: {faults}.") from None


def block_type(slug: str) -> type[Block]:
    """The class of a block type, imported now."""
    module, _, name = BLOCK_TYPES[slug].partition(":")
    found: type[Block] = getattr(import_module(module), name)
    return found


def declared_names(declarations: Path = DECLARATIONS) -> dict[str, dict[str, Any]]:
    """Read the entries of `blocks.yaml`, by block name.

    Raises:
        BlockInvalid: the file is not a mapping of mappings.
    """
    try:
        content = yaml.safe_load(declarations.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        cause = " ".join(str(error).split())
        raise BlockInvalid(f"{declarations.name} cannot be read: {cause}.") from None
    if not isinstance(content, dict):
        raise BlockInvalid(f"{declarations.name}: must be a mapping from block names to fields.")
    for name, fields in content.items():
        if not isinstance(fields, dict):
            raise BlockInvalid(f"{declarations.name}, {name}: must be a mapping with a type.")
    return {str(name): dict(fields) for name, fields in content.items()}


def _expand(value: object, environment: Mapping[str, str], name: str, field: str) -> object:
    if isinstance(value, dict):
        return {
            key: _expand(inner, environment, name, f"{field}.{key}") for key, inner in value.items()
        }
    if not isinstance(value, str):
        return value

    def _one(match: re.Match[str]) -> str:
        variable = match[1] or match[3]
        if environment.get(variable):
            return environment[variable]
        if match[2] is not None:
            return str(_expand(match[2], environment, name, field))
        raise VariableMissing(f"Block {name}, field {field}: the variable {variable} is not set.")

    return _VARIABLE.sub(_one, value)
