"""The documentation names what exists: settings, blocks, links, make targets, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from cli.main import app
from lakehouse.settings import PROJECT_ROOT, Settings

CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
ROW = re.compile(r"^\| `(?P<name>ALJIBE_\w+)` \| (?P<default>.+?) \|", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)|\$(\w+)")


@pytest.fixture(scope="module")
def pages(root: Path, project_files: list[Path]) -> dict[Path, str]:
    """Every Markdown file by its path."""
    return {
        path: (root / path).read_text("utf-8") for path in project_files if path.suffix == ".md"
    }


@pytest.fixture(scope="module")
def operate(pages: dict[Path, str]) -> str:
    """The page for operators."""
    return pages[Path("docs/operate.md")]


def anchors(text: str) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}


def broken_links(root: Path, path: Path, text: str) -> Iterator[str]:
    """Relative links whose file or heading does not exist."""
    for target in LINK.findall(CODE.sub("", text)):
        name, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", name):
            continue
        page = root / path.parent / name if name else root / path
        if not page.exists():
            yield f"{path}: {target} does not exist"
        elif anchor and anchor not in anchors(page.read_text("utf-8")):
            yield f"{path}: {target}: {page.name} has no such heading"


def named_in_code(text: str, command: str) -> set[str]:
    """Words that follow `command` in code, such as the targets of `make`."""
    found: set[str] = set()
    for part in CODE.findall(text):
        found.update(re.findall(rf"(?<![\w-]){command} ([a-z][a-z-]*)", part))
    return found


def make_targets(root: Path) -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", (root / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    """Subcommands of `aljibe`."""
    return set(typer.main.get_command(app).commands)


def test_the_table_of_settings_holds_every_setting_with_its_default(operate: str) -> None:
    documented = {row["name"]: row["default"] for row in ROW.finditer(operate)}
    fields = {f"ALJIBE_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(documented) == set(fields)
    for name, field in fields.items():
        if field.default is None:
            continue
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = default.relative_to(PROJECT_ROOT)
        assert documented[name].split("`")[1] == str(default), name


def test_every_block_and_variable_of_a_block_is_explained(root: Path, operate: str) -> None:
    blocks = yaml.safe_load((root / "blocks" / "blocks.yaml").read_text("utf-8"))
    named = set(blocks)
    for fields in blocks.values():
        for value in fields.values():
            named |= {first or second for first, second in VARIABLE.findall(str(value))}
    assert named
    missing = {name for name in named if name not in operate}
    assert not missing, f"docs/operate.md does not name {sorted(missing)}"


def test_every_relative_link_leads_somewhere(root: Path, pages: dict[Path, str]) -> None:
    broken = [fault for path, text in pages.items() for fault in broken_links(root, path, text)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    "link", ["[a](gone.md)", "![b](images/gone.png)", "[c](operate.md#gone)", "[d](#gone)"]
)
def test_a_broken_link_is_found(root: Path, link: str) -> None:
    text = f"`[x](y.md)` [site](https://example.com/) [own](#settings) {link}"
    (fault,) = broken_links(root, Path("docs/operate.md"), text)
    assert link[link.index("(") + 1 : -1] in fault


def test_every_make_target_in_the_docs_exists(root: Path, pages: dict[Path, str]) -> None:
    named = {(path, target) for path, t in pages.items() for target in named_in_code(t, "make")}
    assert (Path("README.md"), "demo") in named
    known = make_targets(root)
    unknown = [f"{path}: make {target}" for path, target in named if target not in known]
    assert not unknown, "\n".join(unknown)


def test_every_command_in_the_docs_exists(pages: dict[Path, str]) -> None:
    named = {(path, word) for path, text in pages.items() for word in named_in_code(text, "aljibe")}
    assert (Path("README.md"), "run") in named
    unknown = [f"{path}: aljibe {word}" for path, word in named if word not in commands()]
    assert not unknown, "\n".join(unknown)


def test_every_command_is_documented(operate: str) -> None:
    assert commands() <= named_in_code(operate, "aljibe")


def test_words_after_a_command_are_read_from_code_only() -> None:
    text = "make sense of `make demo`\n```sh\n.venv/bin/aljibe run x\nremake it\n```\n"
    assert named_in_code(text, "make") == {"demo"}
    assert named_in_code(text, "aljibe") == {"run"}
