"""What axe finds on a page that keeps somebody from reading it."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RUN_AXE = "options => axe.run(options).then(results => results.violations)"
_SERIOUS = ("serious", "critical")
# Dark differs from light in its colours alone.
_OPTIONS: dict[Literal["light", "dark"], dict[str, object]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


def axe_findings(page: Page, name: str) -> list[tuple[object, ...]]:
    """Serious faults and too little contrast, in light and dark, with everything unfolded.

    Args:
        page: under no policy that forbids scripts.
        name: of the page, for messages.
    """
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(Axe().axe_script)
    found: list[tuple[object, ...]] = []
    for scheme, options in _OPTIONS.items():
        page.emulate_media(color_scheme=scheme)
        found += [
            (name, scheme, one["id"], [node["html"][:200] for node in one["nodes"][:3]])
            for one in page.evaluate(_RUN_AXE, options)
            if one["impact"] in _SERIOUS or one["id"] == "color-contrast"
        ]
    return found
