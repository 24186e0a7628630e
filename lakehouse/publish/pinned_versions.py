"""Which snapshots of a lake publications show: readers may ask for them, and they do not expire."""

from lakehouse.errors import NotPublished, VersionNotPublished
from lakehouse.publish.publication_log import Publication, PublicationLog


def pinned_publications(log: PublicationLog, domain: str, kept: int) -> list[Publication]:
    """Publications whose snapshots stay: what readers have, and those before it.

    Args:
        log: of publications.
        domain: name of the domain.
        kept: how many before the newest.

    Returns:
        One for each build, the one that readers have first.
    """
    newest = log.last(domain)
    if newest is None:
        return []
    others = [one for one in log.builds(domain) if one.build_id != newest.build_id]
    shown = (newest, *others[:kept])
    return [one for one in shown if one.warehouse_version is not None]


def version_to_read(
    log: PublicationLog, domain: str, kept: int, version: int | None = None
) -> Publication:
    """The publication that a reader of the lake gets.

    Args:
        log: of publications.
        domain: name of the domain.
        kept: as for `pinned_publications`.
        version: snapshot that is wanted; default the one that was published last.

    Raises:
        NotPublished: the domain was never published from a lake.
        VersionNotPublished: no publication that is kept shows this snapshot.
    """
    pinned = pinned_publications(log, domain, kept)
    newest = log.last(domain)
    if newest is None or not pinned:
        raise NotPublished(f"{domain} was never published from a lake: run it once.")
    if version is None:
        if newest.warehouse_version is None:
            raise NotPublished(
                f"What readers have of {domain} was not published from a lake: read its serving "
                "copy, or run the domain once."
            )
        return newest
    for one in pinned:
        if one.warehouse_version == version:
            return one
    there = ", ".join(str(one.warehouse_version) for one in pinned)
    raise VersionNotPublished(
        f"{domain}: version {version} was not published or is not kept. There are {there}."
    )
