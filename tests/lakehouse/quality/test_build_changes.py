from lakehouse.quality.build_changes import compare_builds


def test_tests_are_new_still_open_fixed_or_not_checked(make_manifest, make_results):
    names = ["new", "still", "fixed", "skipped", "gone", "fine"]
    manifest = make_manifest({f"test.p.{name}": {} for name in names})
    before = {"still": "warn", "fixed": "fail", "skipped": "error", "gone": "warn"}
    now = {"new": "fail", "still": "fail", "fixed": "pass", "skipped": "skipped"}
    previous = make_results(
        manifest,
        {f"test.p.{name}": before.get(name, "pass") for name in names},
    )
    current = make_results(
        manifest,
        {f"test.p.{name}": now.get(name, "pass") for name in names if name != "gone"},
    )
    changes = compare_builds(previous, current)
    assert {name: changes.of(f"test.p.{name}") for name in names} == {
        "new": "NEW",
        "still": "STILL",
        "fixed": "FIXED",
        "skipped": "NOT CHECKED",
        "gone": "NOT CHECKED",
        "fine": None,
    }
