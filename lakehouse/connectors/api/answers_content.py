"""The answers of an API as `load_delivery` takes them, from the network or out of quarantine."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lakehouse.connectors.api.fetch_records import Answers, KeptAnswer
from lakehouse.connectors.api.request_plan import api_options
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.stage_file import READERS
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.durable_files import make_folder, publish_file, sync
from lakehouse.source_catalog import Table

ANSWERS = "answers"


class AnswersContent:
    """Answers that are one delivery.

    Args:
        answers: on disk.
        table: with its contract.
        file_name: of the delivery.
        limits: of the readers.
    """

    def __init__(
        self, answers: Answers, table: Table, file_name: str, limits: StagingLimits
    ) -> None:
        self.answers = answers
        self._table = table
        self._file_name = file_name
        self._limits = limits
        self._staged: list[StagedFile] | None = None

    def assert_unchanged(self) -> None:
        """Nobody else touches the answers."""

    def stage(self, scratch: Path) -> Sequence[StagedFile]:
        """Parse every answer in the table's format, as a part of its own; once.

        Raises:
            DeliveryRefused: one of them cannot be read without loss.
        """
        if self.answers.refusal:
            raise DeliveryRefused(self.answers.refusal)
        if self._staged is None:
            self._staged = [self._part(page, scratch) for page in self.answers.pages]
        return self._staged

    def keep(self, kept: Path, reason: str) -> None:
        """Copy every answer to `answers/` of the quarantine folder, durably."""
        make_folder(kept)
        final = kept / ANSWERS
        if not final.exists():
            temporary = kept / f"{ANSWERS}.tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            for page in self.answers.pages:
                sync(shutil.copyfile(page.file, temporary / page.file.name))
            sync(temporary)
            publish_file(temporary, final)
        pages = [
            {"file": page.file.name, "name": page.name, "captured": dict(page.captured)}
            for page in self.answers.pages
        ]
        said = {
            "file": self._file_name,
            "sha256": self.answers.sha256,
            "reason": reason,
            "whole": self.answers.is_whole,
            "answers": pages,
        }
        note = kept / "reason.json.tmp"
        note.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
        sync(note)
        publish_file(note, kept / "reason.json")

    def _part(self, page: KeptAnswer, scratch: Path) -> StagedFile:
        read = READERS[self._table.meta.format]
        staged = read(
            page.file,
            _without_captured(self._table),
            scratch,
            name=page.name,
            profile=None,
            limits=self._limits,
        )
        new = tuple(name for name in staged.new_columns if name not in page.captured)
        return replace(staged, name=page.name, captured=page.captured, new_columns=new)


def read_kept_answers(kept: Path) -> Answers | None:
    """The answers that `keep` left in a quarantine folder; None where there are none.

    They are whole only where the folder says so.
    """
    folder = kept / ANSWERS
    if not folder.is_dir():
        return None
    said = json.loads((kept / "reason.json").read_text(encoding="utf-8"))
    answers = Answers(is_whole=said.get("whole") is True)
    for page in said["answers"]:
        file = folder / Path(page["file"]).name
        with file.open("rb") as body:
            sha256 = hashlib.file_digest(body, "sha256").hexdigest()
        answers.pages.append(
            KeptAnswer(file, page["name"], file.stat().st_size, sha256, page["captured"])
        )
    return answers


def _without_captured(table: Table) -> Table:
    """The contract of what one answer holds: the field of `each` may be in it or not."""
    each = api_options(table).each
    columns = tuple(column for column in table.columns if column.name not in each)
    meta = table.meta.model_copy(update={"api": None})
    return table.model_copy(update={"columns": columns, "meta": meta})
