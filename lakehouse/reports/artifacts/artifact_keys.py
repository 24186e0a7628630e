"""Keys of the artifacts of a build: lower-case letters, digits and dashes, stable over runs."""

import hashlib
import re
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_LONGEST = 180
_HASH_LENGTH = 10


def build_key(domain: str) -> str:
    """Key of the report of a domain's build."""
    return f"dbt-{slug(domain)}"


def tests_key(domain: str) -> str:
    """Key of the table of a domain's tests."""
    return f"dbt-tests-{slug(domain)}"


def test_key(domain: str, test_name: str) -> str:
    """Key of one test's page."""
    return f"dbt-test-{slug(domain)}-{slug(test_name)}"


def models_key(domain: str) -> str:
    """Key of the table of a domain's models and sources."""
    return f"models-{slug(domain)}"


def owner_key(domain: str, group: str) -> str:
    """Key of the sheet of a group's owner."""
    return f"owner-{slug(domain)}-{slug(group)}"


def lineage_key(domain: str) -> str:
    """Key of the picture of a domain's lineage."""
    return f"lineage-{slug(domain)}"


def quarantine_key(domain: str | None, number: int | None = None) -> str:
    """Key of the list of deliveries in quarantine, or of the page of one."""
    if number is not None:
        return f"quarantine-delivery-{number}"
    return f"quarantine-{slug(domain)}" if domain else "quarantine"


def alert_key(domain: str) -> str:
    """Key of what operators were told last of a domain."""
    return f"alert-{slug(domain)}"


def arrivals_key(domain: str | None) -> str:
    """Key of the board of expected files of a domain, or of all."""
    return f"arrivals-{slug(domain)}" if domain else "arrivals-board"


@lru_cache(maxsize=4096)
def folder_name(domain: str) -> str:
    """Folder of a domain's pages: its name, or the slug of one that would leave the folder."""
    return domain if _PLAIN.fullmatch(domain) else slug(domain)


def slug(name: str) -> str:
    """A name for keys and for files of pages.

    It is the name in lower case with every run of other characters as one dash; a longer one is
    cut to 180 and ends in a short hash of the name.
    """
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if made and len(made) <= _LONGEST:
        return made
    short_hash = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    kept = made[: _LONGEST - _HASH_LENGTH - 1].strip("-")
    return f"{kept}-{short_hash}" if kept else short_hash


def receipt_key(domain: str) -> str:
    """Key of the table of a domain's receipts."""
    return f"receipt-{slug(domain)}"


def balance_key(domain: str) -> str:
    """Key of the receipt of a domain's publication in PostgreSQL."""
    return f"balance-{slug(domain)}"
