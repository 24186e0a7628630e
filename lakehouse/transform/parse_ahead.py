"""Parse every domain into ALJIBE_PARSE_DIR: `python -m lakehouse.transform.parse_ahead`.

An image does it once, so that the first build of an empty home does not wait for dbt's parser.
"""

import sys

from lakehouse.errors import AljibeError, SettingsInvalid
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import known_domains
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import run_dbt
from lakehouse.transform.parse_cache import parsed_before


def parse_ahead(settings: Settings) -> list[str]:
    """Fill the folder of what dbt has parsed; a domain that is there already is left alone.

    Args:
        settings: whose `parse_dir` is filled; in its home nothing but target folders is written.

    Returns:
        A line for each domain.

    Raises:
        SettingsInvalid: no folder is set.
        DbtCouldNotRun: the project cannot be parsed.
    """
    shared = settings.parse_dir
    if shared is None:
        raise SettingsInvalid("Set ALJIBE_PARSE_DIR to the folder that is to be filled.")
    lines = []
    for domain in known_domains(settings.project_dir):
        build = DbtBuild.of(settings, domain)
        for folder in (build.target_path, build.working_dir):
            folder.mkdir(parents=True, exist_ok=True)
        with parsed_before(build, shared):
            run_dbt(
                [*build.command("parse"), "--profiles-dir", str(build.profiles_dir)],
                build.child_environment(),
                timeout=settings.dbt_timeout_seconds,
                on_line=lambda _line: None,
                working_dir=build.working_dir,
            )
        lines.append(f"parsed {domain}")
    return lines


if __name__ == "__main__":
    try:
        for line in parse_ahead(load_settings()):
            print(line)  # noqa: T201
    except AljibeError as error:
        sys.exit(f"parse_ahead: {error}")
