"""An S3-compatible server (moto) on a free port of this machine."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
from moto.server import ThreadedMotoServer
from servers.child_process import free_port

REGION = "eu-west-1"


@contextmanager
def running_s3(host: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """The standard AWS variables of a server that listens on `host`."""
    port = free_port()
    server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    server.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-the-bucket",
            "AWS_REGION": REGION,
        }
    finally:
        server.stop()


def new_bucket(variables: dict[str, str]) -> str:
    """Make an empty bucket; returns its name."""
    name = f"lake-{uuid.uuid4().hex}"
    files = fsspec.filesystem(
        "s3",
        key=variables["AWS_ACCESS_KEY_ID"],
        secret=variables["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        client_kwargs={"region_name": REGION},
    )
    files.mkdir(name)
    return name
