"""A real OpenSSH server with SFTP only, on a free loopback port, gone afterwards."""

import getpass
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers.child_process import dies_with_its_parent, free_port, stop, wait_until_ready

PRIVILEGE_SEPARATION = Path("/run/sshd")


class SshdMissingError(Exception):
    """This machine cannot start an OpenSSH server; the message says what to install."""


@dataclass
class SshServer:
    """A running server that lets one key in.

    Attributes:
        port: on 127.0.0.1.
        username: of this process; others cannot log in.
        private_key: text of the key that is let in.
        host_key: line of the server's public key, `ssh-ed25519 AAAA...`.
        folder: its configuration, keys and log.
        uploads: folder for deliveries.
    """

    port: int
    username: str
    private_key: str
    host_key: str
    folder: Path
    uploads: Path
    _sshd: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, seconds: float = 20) -> None:
        """Start, on the same port as before; raises `ServerStartError`."""
        log = self.folder / "log"
        command = [self._sshd, "-D", "-e", "-f", self.folder / "sshd_config"]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*dies_with_its_parent(signal.SIGTERM), *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        wait_until_ready(self._process, self._answers, log, seconds)

    def stop(self) -> None:
        """Stop listening; sessions end when their connections do."""
        if self._process:
            stop(self._process, signal.SIGTERM)

    def log(self) -> str:
        """What the server said."""
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key pair at `path` and `path.pub`; returns the public line without its comment."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub").read_text().strip()


@contextmanager
def running_sshd() -> Iterator[SshServer]:
    """Start a server in a new folder; at the end stop it and remove the folder.

    Raises:
        SshdMissingError: OpenSSH's server is not installed.
        ServerStartError: with the end of its log.
    """
    sshd = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if not sshd or not shutil.which("ssh-keygen"):
        raise SshdMissingError("OpenSSH is not installed: sudo apt-get install openssh-server")
    # Root's sshd insists on this folder, which the system's own start script would make.
    if Path.home() == Path("/root"):
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="aljibe-sshd-"))
    try:
        uploads = folder / "upload"
        uploads.mkdir()
        server = SshServer(
            port=free_port(),
            username=getpass.getuser(),
            private_key="",
            host_key=make_key(folder / "host_key"),
            folder=folder,
            uploads=uploads,
            _sshd=sshd,
        )
        public = make_key(folder / "user_key")
        server.private_key = (folder / "user_key").read_text()
        (folder / "authorized_keys").write_text(f"{public}\n")
        (folder / "sshd_config").write_text(_configuration(server))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _configuration(server: SshServer) -> str:
    options = {
        "ListenAddress": f"127.0.0.1:{server.port}",
        "HostKey": server.folder / "host_key",
        "AuthorizedKeysFile": server.folder / "authorized_keys",
        "PidFile": "none",
        "AuthenticationMethods": "publickey",
        "PermitRootLogin": "prohibit-password",
        # The folder lies in a temporary one, which others may write to.
        "StrictModes": "no",
        "UsePAM": "no",
        "UseDNS": "no",
        "MaxStartups": "100",
        "Subsystem": "sftp internal-sftp",
        "ForceCommand": "internal-sftp",
        "LogLevel": "VERBOSE",
    }
    return "".join(f"{name} {value}\n" for name, value in options.items())
