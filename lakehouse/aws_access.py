"""What the standard AWS variables, files and roles say, for the clients that do not ask themselves.

botocore finds credentials, region and endpoint as every AWS client does; DuckDB is told what it
found, since its own chain is in an extension that no package holds.
"""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from lakehouse.errors import LakeRefused

_CREDENTIALS = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True)
class S3Access:
    """How a bucket is reached.

    Attributes:
        endpoint: host and port, without the bucket's name.
        url_style: `vhost` where the bucket is part of the host's name, else `path`.
        token: of temporary credentials.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    region: str | None
    endpoint: str
    url_style: str
    use_ssl: bool


def aws_region() -> str | None:
    """The region by its variables; None leaves it to files and defaults.

    Other clients know `AWS_REGION`, botocore only the second.
    """
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


def aws_endpoint() -> str | None:
    """Another server than Amazon's, by its variables; None leaves it to files and defaults."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def s3_access(bucket: str) -> S3Access:
    """Ask botocore how a bucket is reached; temporary credentials are renewed as they end.

    Raises:
        LakeRefused: there are no credentials, or what is set cannot be used.
    """
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # noqa: PLC0415

    said = (aws_region(), aws_endpoint(), *map(os.environ.get, _CREDENTIALS))
    try:
        found, region, address = _resolved(bucket, said)
        keys = found.get_frozen_credentials()
    except (BotoCoreError, ValueError) as error:
        raise LakeRefused(
            f"The AWS settings for bucket {bucket} cannot be used ({type(error).__name__}). "
            "Check AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE and the credentials."
        ) from None
    is_host = address.netloc.startswith(f"{bucket}.")
    return S3Access(
        key_id=keys.access_key,
        secret=keys.secret_key,
        token=keys.token,
        region=region,
        endpoint=address.netloc.removeprefix(f"{bucket}.") if is_host else address.netloc,
        url_style="vhost" if is_host else "path",
        use_ssl=address.scheme == "https",
    )


@lru_cache(maxsize=8)
def _resolved(bucket: str, said: tuple[str | None, ...]) -> tuple[Any, str | None, SplitResult]:
    """Credentials, region and address; kept as long as the variables say the same."""
    # A third of a second of imports, which a lake in a folder is spared.
    import botocore.session  # type: ignore[import-untyped]  # noqa: PLC0415

    session = botocore.session.get_session()
    found = session.get_credentials()
    if found is None:
        raise LakeRefused(
            f"There are no AWS credentials for bucket {bucket}. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, a profile, or a role of this machine."
        )
    client = session.create_client("s3", region_name=said[0])
    # Signed for its address alone: so DuckDB speaks to the very host that botocore would.
    signed = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "any"})
    return found, client.meta.region_name, urlsplit(signed)
