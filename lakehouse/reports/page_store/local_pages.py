"""Pages read from the folder in which a run of this machine writes them."""

from datetime import UTC, datetime
from pathlib import Path

from lakehouse.errors import PagesNotStored
from lakehouse.reports.page_store.pages import Page, folder_prefix, is_page, pages_in


class LocalPages:
    """Reads below one folder, and nothing outside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> Page | None:
        """See `PageReader`."""
        if not is_page(path):
            return None
        root = self._folder.resolve()
        try:
            # A link in the folder could lead anywhere.
            found = (root / path).resolve()
            if not found.is_relative_to(root):
                return None
            changed_at = datetime.fromtimestamp(found.stat().st_mtime, UTC)
            return Page.of(found.read_bytes(), changed_at)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise PagesNotStored(f"{path} cannot be read: {error.strerror or error}.") from error

    def paths(self, domain: str) -> list[str]:
        """See `PageReader`."""
        prefix = folder_prefix(domain)
        return sorted(p for p, _ in pages_in(self._folder, domain) if p.startswith(prefix))
