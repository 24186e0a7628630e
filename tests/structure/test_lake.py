"""RAW is read by views: nothing gives a file to DuckLake, which would delete it one day."""

from pathlib import Path


def test_no_file_is_given_to_ducklake(root: Path) -> None:
    folders = ("lakehouse", "tasks", "flows", "blocks", "cli", "dbt", "demo", "deploy")
    sources = [
        path
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ""} and path.is_file()
    ]
    assert len(sources) > 300
    giving = [str(path) for path in sources if "add_data_files" in path.read_text("utf-8")]
    assert not giving, f"{giving} give files to DuckLake: read them by a view, or insert their rows"
