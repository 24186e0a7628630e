"""dbt's parse cache, which is trusted for the same files only.

After a macro changed, dbt 1.11 can leave out the YAML of singular tests: one that is to warn then
stops a publication.
"""

from pathlib import Path

_CACHE = "partial_parse.msgpack"
_MADE_FROM = "partial_parse.files"


def trust_parse_of(files_hash: str, target_path: Path) -> bool:
    """Remove the parse cache of a target folder unless it was made from these files.

    Args:
        files_hash: of all files of the project.
        target_path: dbt's target folder.

    Returns:
        Whether the cache may be used.
    """
    made_from = target_path / _MADE_FROM
    if made_from.is_file() and made_from.read_text("utf-8") == files_hash:
        return True
    (target_path / _CACHE).unlink(missing_ok=True)
    target_path.mkdir(parents=True, exist_ok=True)
    made_from.write_text(files_hash, "utf-8")
    return False
