"""Save every block that `blocks.yaml` declares: `python -m blocks.bootstrap`; run again at will."""

import sys

from blocks.declared import declared_block, declared_names
from lakehouse.errors import AljibeError, VariableMissing
from lakehouse.settings import load_settings


def save_blocks() -> list[str]:
    """Save the declared blocks on the configured Prefect API, over those that exist.

    A block whose variables are not set here is left as it is: its domain may not be in use.

    Returns:
        A line for each block.
    """
    settings = load_settings()
    lines = []
    for name in sorted(declared_names()):
        try:
            block = declared_block(name, settings)
        except VariableMissing as missing:
            lines.append(f"left out {name}: {missing}")
            continue
        block.save(name, overwrite=True)
        lines.append(f"saved {block.get_block_type_slug()}/{name}")
    return lines


if __name__ == "__main__":
    try:
        for line in save_blocks():
            print(line)  # noqa: T201
    except AljibeError as error:
        sys.exit(f"blocks: {error}")
