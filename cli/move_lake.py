"""`aljibe move-lake`: an embedded lake to a bucket and PostgreSQL."""

from pydantic import SecretStr, ValidationError

from cli.backup import said_size, told_progress
from lakehouse.errors import MoveRefused
from lakehouse.move.move_lake import move_lake as move
from lakehouse.settings import Settings


def move_lake(settings: Settings, to: str, audit_url: str) -> None:
    """Move, and print what was moved and what to set now."""
    given = settings.model_dump(exclude={"raw_url", "audit_url"})
    try:
        target = Settings.model_validate(
            {**given, "raw_url": to, "audit_url": SecretStr(audit_url)}
        )
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors(include_input=False))
        raise MoveRefused(f"The target cannot be used: {faults}.") from None
    with told_progress():
        done = move(settings, target)
    if done.done_before:
        print(f"Nothing to move: {to} and its ledger hold this lake, {done.files} files.")
    else:
        print(
            f"Moved to {to}: {done.files} files, {said_size(done.bytes)}, each read back and "
            f"compared; sent now {done.sent}. Ledger: {done.rows['batches']} batches, "
            f"{done.rows['deliveries']} deliveries, {sum(done.rows.values())} rows in all, the "
            "same in both."
        )
    print(
        f"On every host set ALJIBE_RAW_URL={to} and ALJIBE_AUDIT_URL to the PostgreSQL database. "
        f"What lies in {settings.root} was only read."
    )
