"""Save every block that `blocks.yaml` declares: `python -m blocks.bootstrap`; run again at will."""

import sys

from blocks.declared import declared_block, declared_names
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings


def save_blocks() -> list[str]:
    """Save the declared blocks on the configured Prefect API, over those that exist.

    Returns:
        Their names, as `type/name`.
    """
    settings = load_settings()
    saved = []
    for name in sorted(declared_names()):
        block = declared_block(name, settings)
        block.save(name, overwrite=True)
        saved.append(f"{block.get_block_type_slug()}/{name}")
    return saved


if __name__ == "__main__":
    try:
        for block_name in save_blocks():
            print(f"saved {block_name}")  # noqa: T201
    except AljibeError as error:
        sys.exit(f"blocks: {error}")
