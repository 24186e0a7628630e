"""Whether several processes may build one domain at the same time."""

from lakehouse.errors import SplitRefused
from lakehouse.settings import Settings
from lakehouse.transform.dbt_command import DbtBuild


def builds_side_by_side(settings: Settings) -> bool:
    """Tell whether the target has a place for several writers; a DuckDB file has one."""
    return settings.target == "lake"


def assert_builds_side_by_side(settings: Settings, build: DbtBuild) -> None:
    """Refuse to split a build that only one process can write.

    Raises:
        SplitRefused: it is embedded, or of a project whose target is not ours to know.
    """
    if build.foreign:
        raise SplitRefused(
            f"{build.project_dir} is not a domain of this project, and only these are split: "
            "leave out parts."
        )
    if not builds_side_by_side(settings):
        raise SplitRefused(
            f"{build.domain} is built into one DuckDB file, which has one writer at a time, so "
            "its build cannot be split. Set ALJIBE_TARGET=lake (docs/lake-target.md), or leave "
            "out parts and ALJIBE_BUILD_PARTS."
        )
