#!/usr/bin/env python3
"""Run the steps of the Dockerfile one by one in an empty Debian, without a container engine.

    sudo scripts/try_image.py FOLDER            builds FOLDER/runtime, some minutes and 3 GB
    sudo scripts/try_image.py FOLDER -- doctor  runs a command of the image in it

Needs root, debootstrap and unshare. Every step has its own mounts and processes, which are gone
with it. The package index is that of this machine's pip, handed on by variables.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from dockerfile_steps import Stage, Step, read_stages, substituted, taken_files

PROJECT = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
_MOUNT = """
set -eu
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
"""
_READ_ONLY = """
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
"""


class Image:
    """The stages of a Dockerfile as folders.

    Attributes:
        folder: holds one folder for each stage.
        stage: the last one, whose command, user and variables count when it is run.
    """

    def __init__(self, folder: Path, dockerfile: Path = PROJECT / "Dockerfile") -> None:
        self.folder = folder.resolve()
        self.context = dockerfile.parent
        self.stages = read_stages(dockerfile)
        self.stage: Stage = self.stages[-1]

    def root(self, stage: str) -> Path:
        """Folder of a stage."""
        return self.folder / stage

    def build(
        self, environment: Mapping[str, str], binds: Sequence[Path], first: str | None = None
    ) -> None:
        """Run every step of every stage.

        Args:
            environment: added for RUN steps only, such as the address of a package index.
            binds: folders of this machine that RUN steps see, such as that of an index.
            first: stage to begin with, where the earlier ones are built already.

        Raises:
            subprocess.CalledProcessError: a step failed; its output is above.
        """
        names = {stage.name for stage in self.stages}
        began = next((i for i, one in enumerate(self.stages) if one.name == first), 0)
        for stage in self.stages[began:]:
            root = self.root(stage.name)
            if root.exists():
                shutil.rmtree(root)
            if stage.origin in names:
                _run(["cp", "--archive", str(self.root(stage.origin)), str(root)])
            else:
                self._empty_debian(root)
            values = self._inherited(stage)
            for step in stage.steps:
                print(f"==> {stage.name}: {step.word} {step.text[:100]}", flush=True)  # noqa: T201
                self._take(step, root, values, environment, binds)

    def variables(self) -> dict[str, str]:
        """What ENV of the last stage sets."""
        values: dict[str, str] = {}
        for step in self.stage.steps:
            if step.word == "ENV":
                values.update(step.pairs())
        return values

    def command(
        self,
        volumes: Mapping[str, Path],
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        user: str = "",
        capabilities: Sequence[str] = (),
        read_only: bool = True,
    ) -> list[str]:
        """A command line that runs the image as a hardened container would.

        It gains no privilege, and nothing of this process's environment is handed on.

        Args:
            volumes: folders of this machine by their place in the image.
            arguments: behind the entry point.
            variables: added to those of the image.
            user: `uid:gid`; the image's own by default.
            capabilities: that are left, such as `chown`.
            read_only: whether the root is, with a `/tmp` of its own.
        """
        step, entry = self.stage.last("USER"), self.stage.last("ENTRYPOINT")
        uid, _, gid = (user or (step.text if step else "0:0")).partition(":")
        workdir = self.stage.last("WORKDIR")
        given = [f"{k}={v}" for k, v in {**self.variables(), **variables}.items()]
        left = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        inside = [
            "env", "-i", *given, "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
            "--no-new-privs", f"--bounding-set={left}",
            "sh", "-c", f'cd {workdir.text if workdir else "/"} && exec "$@"', "sh",
            *(entry.words() if entry else []), *arguments,
        ]  # fmt: skip
        mounts = "".join(
            f'mkdir -p "$root{place}"; mount --bind "{folder.resolve()}" "$root{place}"\n'
            for place, folder in volumes.items()
        )
        script = _MOUNT + mounts + (_READ_ONLY if read_only else "") + 'exec chroot "$root" "$@"\n'
        return _apart(script, str(self.root(self.stage.name)), *inside)

    def _empty_debian(self, root: Path) -> None:
        kept = self.folder / "debian"
        if not (kept / "bin").exists():
            half = self.folder / "debian.half"
            shutil.rmtree(half, ignore_errors=True)
            _run(["debootstrap", "--variant=minbase", SUITE, str(half)])
            half.rename(kept)
        _run(["cp", "--archive", str(kept), str(root)])

    def _inherited(self, stage: Stage) -> dict[str, str]:
        values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        before = next((one for one in self.stages if one.name == stage.origin), None)
        for step in before.steps if before else []:
            if step.word == "ENV":
                values.update(step.pairs())
        return values

    def _take(
        self,
        step: Step,
        root: Path,
        values: dict[str, str],
        environment: Mapping[str, str],
        binds: Sequence[Path],
    ) -> None:
        if step.word in ("ENV", "ARG"):
            values.update({k: substituted(v, values) for k, v in step.pairs().items()})
        elif step.word == "RUN":
            mounts = "".join(
                f'mkdir -p "$root{path}"; mount --bind "{path}" "$root{path}"\n'
                f'mount -o remount,bind,ro "$root{path}"\n'
                for path in binds
            )
            given = [f"{k}={v}" for k, v in {**values, **environment}.items()]
            command = ["env", "-i", "DEBIAN_FRONTEND=noninteractive", *given, "sh", "-c", step.text]
            shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
            _run(_apart(_MOUNT + mounts + 'exec chroot "$root" "$@"\n', str(root), *command))
            (root / "etc" / "resolv.conf").unlink()
        elif step.word == "COPY":
            self._copy(step, root)
        elif step.word == "WORKDIR":
            (root / step.text.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _copy(self, step: Step, root: Path) -> None:
        words = step.words()
        options = [word for word in words if word.startswith("--")]
        source, target = [word for word in words if not word.startswith("--")]
        place = root / target.lstrip("/")
        if options:
            origin = self.root(options[0].removeprefix("--from=")) / source.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            _run(["cp", "--archive", str(origin), str(place)])
        elif source == ".":
            for name in taken_files(self.context):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / name, place / name)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.context / source, place)


def _apart(script: str, *arguments: str) -> list[str]:
    spaces = ["--mount", "--pid", "--fork", "--kill-child=SIGKILL"]
    return ["unshare", *spaces, "sh", "-c", script, "sh", *arguments]


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def pip_of_this_machine(folder: Path) -> tuple[dict[str, str], list[Path]]:
    """What this machine's pip is told of its index, as variables, and the folders they name.

    Args:
        folder: gets a copy of the certificates, as the image's own package writes their place.
    """
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    values: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        option = name.partition(".")[2].lstrip(".").upper().replace("-", "_")
        values[f"PIP_{option}"] = value.strip("'")
    if certificates := values.get("PIP_CERT"):
        kept = folder.resolve() / "certificates"
        kept.mkdir(parents=True, exist_ok=True)
        values["PIP_CERT"] = str(shutil.copy(certificates, kept / "bundle.pem"))
    words = " ".join(values.values()).replace("file://", "").split()
    paths = [Path(word) for word in words if word.startswith("/") and Path(word).exists()]
    # A page of a local index names files in a folder beside it.
    return values, sorted(
        {path.parent if path.is_file() or path.name == "simple" else path for path in paths}
    )


def main() -> int:
    """Build, or run a command in what was built; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", help="begin with this one; those before it are built")
    parser.add_argument("command", nargs="*", help="run this in the built image instead")
    chosen = parser.parse_args()
    if os.geteuid():
        parser.error("needs root: it mounts folders")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    image = Image(chosen.folder)
    if chosen.command:
        data = chosen.folder / "data"
        if not data.exists():
            data.mkdir(mode=0o750)
            os.chown(data, 10001, 10001)
        return subprocess.run(
            image.command({"/data": data}, chosen.command, {}), check=False
        ).returncode
    image.build(*pip_of_this_machine(chosen.folder), first=chosen.stage)
    print(f"built {image.root(image.stage.name)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
