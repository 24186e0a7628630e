"""What our SFTP downloads cost against OpenSSH's sftp and paramiko's get(): wall time.

Run: python -m benchmarks.sftp_download [--megabytes 500] [--files 500] [--rounds 3] [--json FILE]
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import paramiko
from rich.console import Console
from rich.table import Table

from benchmarks.measurements import MeasurementError, Spread, ratios, timed
from benchmarks.side_by_side import conclude, in_turns, option_parser

ROOT = Path(__file__).resolve().parent.parent
# The server is the one of the tests: real OpenSSH on a free loopback port.
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from servers.sshd import SshServer, running_sshd  # noqa: E402

SMALL_BYTES = 10_000


def openssh(server: SshServer, source: Path, target: Path) -> None:
    """OpenSSH's sftp, in batch mode, one session for all files."""
    folder = target.parent
    (folder / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    (folder / "batch").write_text(f"get {source}/* {target}/\n")
    options = [f"-oUserKnownHostsFile={folder / 'known'}", f"-oIdentityFile={key_of(server)}"]
    command = ["sftp", "-q", *options, "-oIdentitiesOnly=yes", f"-oPort={server.port}"]
    timed(
        [*command, "-b", folder / "batch", f"{server.username}@127.0.0.1"],
        environment=os.environ,
        folder=folder,
        log=folder / "sftp.log",
    )


def aljibe(server: SshServer, source: Path, target: Path) -> None:
    """Our store: list, then fetch with its usual connections, verified."""
    from servers.sftp_load import PAYMENTS, folder_of  # noqa: PLC0415 - not before its turn

    key = key_of(server).read_text()
    store = folder_of(server.port, server.username, key, server.host_key, str(source))
    found = store.listing(PAYMENTS)
    store.close()
    for fetched in store.fetch(found, target, lambda _text: None):
        if fetched.fault:
            raise MeasurementError(str(fetched.fault))


def paramiko_get(server: SshServer, source: Path, target: Path) -> None:
    """`SFTPClient.get` of one file after the other, with its defaults."""
    transport = paramiko.Transport(("127.0.0.1", server.port))
    try:
        key = paramiko.Ed25519Key.from_private_key_file(str(key_of(server)))
        transport.connect(username=server.username, pkey=key)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise MeasurementError("no session")
        for name in client.listdir(str(source)):
            client.get(f"{source}/{name}", str(target / name))
    finally:
        transport.close()


def key_of(server: SshServer) -> Path:
    """The private key that the server lets in."""
    return server.folder / "user_key"


RUNS: dict[str, Callable[[SshServer, Path, Path], None]] = {
    "openssh": openssh,
    "aljibe": aljibe,
    "paramiko": paramiko_get,
}


def measure(server: SshServer, source: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way to download the folder, in turns."""

    def measure_one(name: str) -> float:
        with TemporaryDirectory(prefix="aljibe-sftp-download-") as folder:
            target = Path(folder) / "target"
            target.mkdir()
            began = time.perf_counter()
            RUNS[name](server, source, target)
            return time.perf_counter() - began

    return in_turns(list(RUNS), rounds, measure_one)


def report(
    seconds: dict[str, list[float]], title: str, unit: str, parts: float, console: Console
) -> None:
    """Show seconds, time against OpenSSH's, and `unit` of `parts`."""
    table = Table("median (min-max)", "seconds", "x sftp", unit, title=title)
    for name, values in seconds.items():
        rate = [parts / one if unit == "MB/s" else one / parts * 1000 for one in values]
        ratio = ratios(values, seconds["openssh"]).shown()
        table.add_row(name, Spread(tuple(values)).shown(), ratio, Spread(tuple(rate)).shown(1))
    console.print(table)


def main() -> None:
    """Read the options, generate the files, measure in turns."""
    parser = option_parser(__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--files", type=int, default=500)
    options = parser.parse_args()
    console = Console()
    version = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    with running_sshd() as server:
        large, small = server.uploads / "large", server.uploads / "small"
        large.mkdir()
        small.mkdir()
        with (large / "large.csv").open("wb") as file:
            for _ in range(options.megabytes):
                file.write(os.urandom(1_000_000))
        for number in range(options.files):
            (small / f"{number:05d}.csv").write_bytes(os.urandom(SMALL_BYTES))
        one = measure(server, large, options.rounds)
        many = measure(server, small, options.rounds)
    report(one, f"One file of {options.megabytes} MB", "MB/s", options.megabytes, console)
    title = f"{options.files} files of {SMALL_BYTES / 1000:.0f} kB"
    report(many, title, "ms each", options.files, console)
    conclude(options, console, {"large": one, "small": many}, version.strip())


if __name__ == "__main__":
    main()
