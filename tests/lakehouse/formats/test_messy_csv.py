import duckdb

ROWS = 30_000
BROKEN = 20_000


def messy_line(number: int) -> str:
    if number == BROKEN:
        return f'{number},"open {number},note,{number}.5\n'
    if number % 5:
        return f'{number},"name, {number}",note,{number}.5\n'
    return f"{number},name,note,{number}.5\n"


def test_a_file_that_detection_would_cut_keeps_every_good_row(stage, make_table, tmp_path):
    content = "id,name,note,amount\n" + "".join(map(messy_line, range(ROWS)))
    file = tmp_path / "messy.csv"
    file.write_text(content)
    with duckdb.connect() as session:
        detected = session.execute(
            f"select count(*) from read_csv('{file}', ignore_errors = true)"
        ).fetchone()
    staged = stage(
        content.encode(),
        make_table(
            {"id": "integer", "name": "varchar", "note": "varchar", "amount": "decimal(9,1)"},
            dialects=({"delimiter": ","},),
        ),
    )
    assert detected is not None
    assert detected[0] < ROWS / 2
    with duckdb.connect() as session:
        kept = {row[0] for row in session.execute(f"select id from '{staged.path}'").fetchall()}
    lost = set(map(str, range(ROWS))) - kept
    # The open quote swallows the beginning of the record after it, no more.
    assert lost <= {str(BROKEN), str(BROKEN + 1)}
    assert {reject.line for reject in staged.rejects} <= {BROKEN + 2, BROKEN + 3}
    assert staged.rows + len(lost) == ROWS
    assert staged.rejects
