"""What can go wrong, in two families: worth another try, or not.

Every retry mechanism asks the class and nothing else. A message says what happened, where
(source, table, file, line) and what the reader can do.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class AljibeError(Exception):
    """Root of every error that Aljibe raises on purpose."""


class PermanentError(AljibeError):
    """The same call would fail again: somebody has to change something first."""


class TransientError(AljibeError):
    """The same call may succeed later: connection lost, time-out, lock held, file in motion."""


class SettingsInvalid(PermanentError):
    """A setting or environment variable has a value that cannot be used."""


class CatalogInvalid(PermanentError):
    """A `_sources.yml` does not say what a source needs; names file, source, table and field."""


class DomainUnknown(PermanentError):
    """No folder of dbt models has this name."""


class BlockInvalid(PermanentError):
    """A connection block is missing, of another type, or incomplete."""


class VariableMissing(BlockInvalid):
    """An environment variable that a declared block needs is not set."""


class LandingFolderMissing(PermanentError):
    """The folder in which deliveries should lie does not exist or cannot be read."""


class RemoteFolderRefused(PermanentError):
    """A server of deliveries answers, but not to this user, key, path or way of speaking."""


class HostKeyUnknown(PermanentError):
    """An SSH server shows a host key that is not the pinned one; nothing was sent to it."""


class RemoteFolderUnavailable(TransientError):
    """A server of deliveries does not answer, or stopped to."""


class DeliveryMoving(TransientError):
    """A file changed while it was being read; its sender is not done yet."""


class DeliveryUnreadable(PermanentError):
    """A file is there, but this user may not read it; the others of its table are loaded."""


class DeliveryRefused(PermanentError):
    """A whole file cannot be loaded; it goes to quarantine with this reason.

    Attributes:
        rows: records the file holds, as far as they could be counted, else 0.
    """

    def __init__(self, message: str, *, rows: int = 0) -> None:
        super().__init__(message)
        self.rows = rows


class ColumnsUnfit(DeliveryRefused):
    """A file's columns are not those of its contract: missing, renamed, doubled or reserved."""


class RowsUnfit(DeliveryRefused):
    """Too many rows of a file do not keep the contract, or none does."""


class RowCountCollapsed(DeliveryRefused):
    """A full replacement holds far fewer rows than the load before it."""


class LakeDamaged(PermanentError):
    """The ledger names a file that is not in the lake."""


class LakeRefused(PermanentError):
    """The bucket of the lake answers, but not to these credentials, name or request."""


class LakeUnavailable(TransientError):
    """The bucket of the lake does not answer, or stopped to."""


class ResourcesExhausted(TransientError):
    """Memory or disk did not suffice; the delivery that was being read is not at fault."""


class WarehouseUnusable(TransientError):
    """A DuckDB file cannot be opened: another process has it, or it is damaged."""


class ExtensionMissing(PermanentError):
    """An extension of DuckDB is not among the installed packages."""


class WarehouseConflict(TransientError):
    """Another process changed the same table of a lake first; nothing of this change was kept."""


class WarehouseMissing(PermanentError):
    """A lake holds nothing of a domain yet."""


class WarehouseRefused(PermanentError):
    """The catalog of a lake answers, but not to this user, name, version or data folder."""


class AuditTooNew(PermanentError):
    """The audit database was migrated by a newer version of Aljibe."""


class PrefectUnavailable(TransientError):
    """The Prefect API that holds the saved blocks does not answer."""


class PrefectRefused(PermanentError):
    """The Prefect API answers, but not to these credentials."""


class AuditRefused(PermanentError):
    """The audit database answers, but not to this user, password or database name."""


class AuditUnavailable(TransientError):
    """The audit database does not answer."""


class LockWaitTooLong(TransientError):
    """Another run held the lock for longer than this one was told to wait."""


class LockLost(TransientError):
    """The session that held a lock ended meanwhile; what it protected was not committed."""


class DbtCouldNotRun(PermanentError):
    """dbt ended without results: project, profile or SQL could not be compiled."""


class DbtTimedOut(PermanentError):
    """dbt took longer than allowed and was killed with its children."""


class DbtKilled(TransientError):
    """The dbt process was killed from outside before it ended."""


class SparkMissing(PermanentError):
    """A build on Spark was asked for where Spark or Java is not installed."""


class SparkUnreachable(TransientError):
    """Nobody listens at the address of the Spark master."""


class SparkNotReady(PermanentError):
    """A Spark session did not start, or no executor answered in time."""


class SparkNeverBuilt(PermanentError):
    """A part of a domain is to be built on Spark, which holds nothing of the rest."""


class RawUnfitForSpark(PermanentError):
    """Files of a RAW table have types that Spark does not read, or does not read as one table."""


class SplitRefused(PermanentError):
    """A run cannot be split: its target has one writer, or no worker could take a part."""


class PartRefused(PermanentError):
    """A part of a run was started by itself, or the run that it belongs to is over."""


class PartFailed(PermanentError):
    """A part of a run ended with an error that is not one of ours."""


class PartLost(TransientError):
    """No run that was to take a part came to its end."""


class WarnBudgetInvalid(PermanentError):
    """A test declares a budget that says nothing: an unknown word, or a number out of range."""


class BackfillRangeInvalid(PermanentError):
    """The days to build anew are no range."""


class BackfillUnread(PermanentError):
    """Nothing that a domain builds reads the range of days, so that it would be built as always."""


class PublishRefused(PermanentError):
    """The last results of the domain do not allow its tables to be published."""


class PublishUnverified(PermanentError):
    """What was written for publishing differs from the warehouse."""


class NotPublished(PermanentError):
    """A domain has no published tables that this reader may see."""


class VersionNotPublished(PermanentError):
    """No publication that is kept shows this snapshot of a lake."""


class PublicationUnreadable(TransientError):
    """Published tables are there, or should be, and cannot be read."""


class PagesNotStored(TransientError):
    """The pages of the reports could not be copied to where they are served from, or be read."""


class RollBackRefused(PermanentError):
    """There is no earlier publication to go back to, or its copy is not what was published."""


class ServingRefused(PermanentError):
    """The serving database answers, but not to this user, password, name, right or object."""


class ServingUnavailable(TransientError):
    """The serving database does not answer, went away, or its readers hold what is replaced."""


class RelationMissing(PermanentError):
    """A database has no table or view of this name; names those it has."""


class SchemaChanged(PermanentError):
    """A declared column is not on the server any more; names those that are."""


class DatabaseRefused(PermanentError):
    """A database answers, but not to this user, password, name, right, query or type."""


class DatabaseUnavailable(TransientError):
    """A database does not answer, went away while it was read, or makes others wait."""


class SourceNotRecognised(PermanentError):
    """A look at a file or table does not show how it could be declared."""


class AlreadyDeclared(PermanentError):
    """A scaffold would write over something that exists; names it."""


class ApiRefused(PermanentError):
    """An HTTP API answers, but not to this token, path or way of asking."""


class ApiUnavailable(TransientError):
    """An HTTP API does not answer, is too busy, or stops in the middle.

    Attributes:
        asked_wait: seconds after which the API asks to be tried again, where it does.
    """

    def __init__(self, message: str, *, asked_wait: float | None = None) -> None:
        super().__init__(message)
        self.asked_wait = asked_wait


class QuarantineRefused(PermanentError):
    """Nothing can be decided about this delivery: it is unknown, settled, or was not kept."""


class BackupRefused(PermanentError):
    """A place of backups cannot be used, or holds no such backup."""


class BackupDamaged(PermanentError):
    """A backup is not what was written: a file is missing, cut or changed."""


class BackupUnavailable(TransientError):
    """A place of backups does not answer now."""


class RestoreRefused(PermanentError):
    """A home is not empty, or in use; restoring would mix two ledgers."""


class MoveRefused(PermanentError):
    """A lake cannot be moved from where it is, or to where it should go."""


class ErrorNotOpen(PermanentError):
    """Nothing can be decided about this error: there is none of this number, or it is settled."""


@contextmanager
def about(where: str, *kinds: type[AljibeError]) -> Iterator[None]:
    """Say in front of an error's message where it happened.

    Args:
        where: source, table or block.
        kinds: errors whose message does not say so yet.
    """
    try:
        yield
    except kinds as error:
        raise type(error)(f"{where}: {error}") from None
