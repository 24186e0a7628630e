"""A Dockerfile as its stages and steps, and what of the project its COPY would take."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True)
class Step:
    """One instruction.

    Attributes:
        word: such as RUN, in capitals.
        text: what follows it, continued lines joined.
        line: where it begins.
    """

    word: str
    text: str
    line: int

    def pairs(self) -> dict[str, str]:
        """Names and values of an ENV, LABEL or ARG; an ARG without a value is left out."""
        parts = (part.partition("=") for part in shlex.split(self.text))
        return {name: value for name, sign, value in parts if sign}

    def words(self) -> list[str]:
        """Arguments: of the JSON form, or split as a shell does."""
        text = self.text.strip()
        return [str(one) for one in json.loads(text)] if text[:1] == "[" else shlex.split(text)


@dataclass
class Stage:
    """What stands between one FROM and the next.

    Attributes:
        name: behind `AS`.
        origin: an image, or the name of an earlier stage.
        steps: in their order.
    """

    name: str
    origin: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> Step | None:
        """The step of this word that counts."""
        return next((step for step in reversed(self.steps) if step.word == word), None)


def read_stages(dockerfile: Path) -> list[Stage]:
    """Read a Dockerfile without here-documents.

    Raises:
        ValueError: a step stands before the first FROM, or a FROM has no name.
    """
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for step in _steps(dockerfile.read_text("utf-8")):
        if step.word == "FROM":
            origin, *rest = substituted(step.text, arguments).split()
            if len(rest) != 2 or rest[0].upper() != "AS":
                raise ValueError(f"{dockerfile.name}:{step.line}: FROM needs AS and a name")
            stages.append(Stage(rest[1], origin))
        elif stages:
            stages[-1].steps.append(step)
        elif step.word == "ARG":
            arguments.update(step.pairs())
        else:
            raise ValueError(f"{dockerfile.name}:{step.line}: {step.word} stands before FROM")
    return stages


def _steps(text: str) -> Iterator[Step]:
    joined, began = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#") or (not joined and not line.strip()):
            continue
        began = began or number
        if line.rstrip().endswith("\\"):
            joined += line.rstrip()[:-1] + " "
            continue
        word, _, rest = (joined + line).strip().partition(" ")
        yield Step(word.upper(), rest.strip(), began)
        joined, began = "", 0


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Fill in `$NAME` and `${NAME}`; one that is not known becomes empty, as Docker does."""
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], ""), text)


def taken_files(folder: Path) -> list[PurePosixPath]:
    """Files below a folder that its .dockerignore lets through, relative to it.

    The rules are Docker's: the last pattern that matches a path or a folder above it decides.
    """
    patterns = [
        line.strip()
        for line in (folder / ".dockerignore").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return sorted(_walk(folder, PurePosixPath(), patterns))


def _walk(folder: Path, at: PurePosixPath, patterns: list[str]) -> Iterator[PurePosixPath]:
    for entry in (folder / at).iterdir():
        path = at / entry.name
        if entry.is_dir() and not entry.is_symlink():
            # No pattern lets anything through below a folder of the root that is left out.
            if len(path.parts) > 1 or not is_left_out(path, patterns):
                yield from _walk(folder, path, patterns)
        elif not is_left_out(path, patterns):
            yield path


def is_left_out(path: PurePosixPath, patterns: list[str]) -> bool:
    """Whether a .dockerignore of these patterns leaves a path out."""
    left_out = False
    for pattern in patterns:
        body = pattern.removeprefix("!").strip("/")
        names = [path, *(parent for parent in path.parents if parent.parts)]
        if any(_matches(name.parts, body.split("/")) for name in names):
            left_out = not pattern.startswith("!")
    return left_out


def _matches(parts: tuple[str, ...], pattern: list[str]) -> bool:
    if not pattern or not parts:
        return not pattern and not parts
    if pattern[0] == "**":
        rests = range(len(parts) + 1)
        return any(_matches(parts[rest:], pattern[1:]) for rest in rests)
    return fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
