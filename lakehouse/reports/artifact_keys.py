"""Keys of the artifacts of a build: lower-case letters, digits and dashes, stable over runs."""

import hashlib
import re

_LONGEST = 180
_HASH_LENGTH = 10
# Only of such a name the slug says everything; the second condition keeps it off hashed slugs.
_LOSSLESS = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_LOOKS_HASHED = re.compile(rf"(?:.*-)?[0-9a-f]{{{_HASH_LENGTH}}}")


def build_key(domain: str) -> str:
    """Key of the report of a domain's build."""
    return f"dbt-{_slug(domain)}"


def tests_key(domain: str) -> str:
    """Key of the table of a domain's tests."""
    return f"dbt-tests-{_slug(domain)}"


def test_key(domain: str, test_name: str) -> str:
    """Key of one test's page; two names of a domain never share one.

    Args:
        domain: name of the domain.
        test_name: `NodeResult.label` of the test.

    The slug is the name in lower case with every run of other characters as one dash, at most 180
    long. Where it says less than the name (capitals, doubled underscores, a cut), it ends in a
    short hash of the name.
    """
    return f"dbt-test-{_slug(domain)}-{_slug(test_name)}"


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if _LOSSLESS.fullmatch(name) and len(slug) <= _LONGEST and not _LOOKS_HASHED.fullmatch(slug):
        return slug
    short_hash = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    kept = slug[: _LONGEST - _HASH_LENGTH - 1].strip("-")
    return f"{kept}-{short_hash}" if kept else short_hash
