"""The declarations of the domains that a command is about."""

import sys

from lakehouse.errors import CatalogInvalid
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Catalog, known_domains, load_catalog


def chosen_catalogs(domain: str | None) -> list[Catalog]:
    """Load the catalog of a domain, or of all; of all, one that is invalid is said and left out.

    Raises:
        DomainUnknown: there is no such domain.
        CatalogInvalid: its declarations cannot be used.
    """
    project = load_settings().project_dir
    if domain:
        return [load_catalog(project, domain)]
    found = []
    for name in known_domains(project):
        try:
            found.append(load_catalog(project, name))
        except CatalogInvalid as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found
