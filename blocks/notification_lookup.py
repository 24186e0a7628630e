"""Notification blocks by name: the saved one of any type, else the one that is declared."""

import re

import httpx
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client

from blocks.declared import api_fault, declared_block, declared_names, saved_block
from blocks.notification import withheld_words
from lakehouse.errors import BlockInvalid, VariableMissing
from lakehouse.settings import Settings

OWNERS = "notify"
OPERATORS = "notify-operators"
_NAME = re.compile(r"(?:(?P<slug>[a-z0-9-]+)/)?(?P<name>[a-z0-9-]+)")
_CAPABILITY = "notify"
_PAGE = 200


def find_notification_block(full_name: str | None, settings: Settings) -> NotificationBlock | None:
    """Load the block that a group names, else the one for all owners.

    Args:
        full_name: `name`, or `type/name` such as `slack-webhook/ventas`; None for `notify`.
        settings: of this machine.

    Returns:
        None if no block is named and `notify` is neither saved nor set.

    Raises:
        BlockInvalid: the name is none, or no notification block has it, or several have.
        PrefectUnavailable: the API that may have it does not answer.
    """
    wanted = _NAME.fullmatch(full_name or OWNERS)
    if wanted is None:
        raise BlockInvalid(
            "A notification block is named as in Prefect's UI, or as type/name: lower case, "
            "digits and dashes. A URL belongs into the block."
        )
    name, slug = wanted["name"], wanted["slug"]
    # What a service's URL looks like may be told by Apprise, with the URL.
    with withheld_words():
        slug = slug or saved_type(name)
        found: Block | None = (
            saved_block(Block, f"{slug}/{name}", f"{slug}/{name}") if slug else None
        )
        if found is None:
            try:
                found = _declared(name, slug, settings)
            except VariableMissing:
                if full_name is None:
                    return None
                raise
    if not isinstance(found, NotificationBlock):
        raise BlockInvalid(f"Block {name} is a {type(found).__name__}, which sends no messages.")
    return found


def saved_type(name: str) -> str | None:
    """Type of the saved notification block of this name; None if there is none.

    Raises:
        BlockInvalid: blocks of several types have the name, or the API refuses to tell.
        PrefectUnavailable: the API does not answer.
    """
    slugs: list[str] = []
    try:
        with get_client(sync_client=True) as client:
            offset = 0
            while page := client.read_block_documents(
                offset=offset, limit=_PAGE, include_secrets=False
            ):
                slugs += [
                    block.block_type.slug
                    for block in page
                    if block.name == name
                    and block.block_type
                    and block.block_schema
                    and _CAPABILITY in block.block_schema.capabilities
                ]
                offset += len(page)
    except httpx.HTTPError as error:
        raise api_fault(name, error) from None
    if len(slugs) > 1:
        raise BlockInvalid(
            f"Several blocks are named {name}: {', '.join(sorted(slugs))}. Name one as type/name, "
            "or delete the others."
        )
    return slugs[0] if slugs else None


def _declared(name: str, slug: str | None, settings: Settings) -> Block:
    declared = declared_names().get(name, {}).get("type")
    if slug and declared and declared != slug:
        raise BlockInvalid(f"There is no block {slug}/{name}; blocks.yaml has {declared}/{name}.")
    return declared_block(name, settings)
