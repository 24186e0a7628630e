"""How every page is rendered: escaped, and with nothing undefined passed over."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from lakehouse.reports.pages.showable_text import breakable, showable


def template_environment(package: str) -> Environment:
    """The environment of the templates in a package's folder `templates`."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=showable,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["breakable"] = breakable
    return environment
