"""Keys of the artifacts of a build: lower-case letters, digits and dashes, stable over runs."""

import hashlib
import re

_LONGEST = 180
_HASH_LENGTH = 10


def build_key(domain: str) -> str:
    """Key of the report of a domain's build."""
    return f"dbt-{_slug(domain)}"


def tests_key(domain: str) -> str:
    """Key of the table of a domain's tests."""
    return f"dbt-tests-{_slug(domain)}"


def test_key(domain: str, test_name: str) -> str:
    """Key of one test's page.

    The slug is the name in lower case with every run of other characters as one dash; a longer one
    is cut to 180 and ends in a short hash of the name.
    """
    return f"dbt-test-{_slug(domain)}-{_slug(test_name)}"


def quarantine_key(domain: str | None, number: int | None = None) -> str:
    """Key of the list of deliveries in quarantine, or of the page of one."""
    if number is not None:
        return f"quarantine-delivery-{number}"
    return f"quarantine-{_slug(domain)}" if domain else "quarantine"


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if slug and len(slug) <= _LONGEST:
        return slug
    short_hash = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    kept = slug[: _LONGEST - _HASH_LENGTH - 1].strip("-")
    return f"{kept}-{short_hash}" if kept else short_hash
