def causes(make_manifest, make_results, nodes, statuses):
    results = make_results(make_manifest(nodes), statuses)
    return {node.name: node.blocked_by for node in results.nodes if node.status == "skipped"}


def test_a_failed_test_upstream_blocks_the_model_and_what_follows(make_manifest, make_results):
    nodes = {
        "model.p.stg": {},
        "model.p.fct": {"parents": ["model.p.stg"]},
        "model.p.mart": {"parents": ["model.p.fct"]},
        "test.p.unique_stg": {"parents": ["model.p.stg"]},
        "test.p.unique_fct": {"parents": ["model.p.fct"]},
    }
    statuses = {
        "model.p.stg": "success",
        "test.p.unique_stg": "fail",
        "model.p.fct": "skipped",
        "model.p.mart": "skipped",
        "test.p.unique_fct": "skipped",
    }
    assert causes(make_manifest, make_results, nodes, statuses) == {
        "fct": ("unique_stg",),
        "mart": ("unique_stg",),
        "unique_fct": ("unique_stg",),
    }


def test_a_test_over_two_models_blocks_only_what_reads_both(make_manifest, make_results):
    nodes = {
        "model.p.a": {},
        "model.p.b": {},
        "model.p.broken": {},
        "model.p.both": {"parents": ["model.p.a", "model.p.b"]},
        "model.p.one": {"parents": ["model.p.a", "model.p.broken"]},
        "test.p.rel": {"parents": ["model.p.a", "model.p.b"]},
    }
    statuses = {
        "model.p.a": "success",
        "model.p.b": "success",
        "model.p.broken": "error",
        "test.p.rel": "fail",
        "model.p.both": "skipped",
        "model.p.one": "skipped",
    }
    assert causes(make_manifest, make_results, nodes, statuses) == {
        "both": ("rel",),
        "one": ("broken",),
    }


def test_a_warning_blocks_nothing(make_manifest, make_results):
    nodes = {
        "model.p.a": {},
        "model.p.broken": {},
        "model.p.b": {"parents": ["model.p.a", "model.p.broken"]},
        "test.p.warns": {"parents": ["model.p.a"]},
    }
    statuses = {
        "model.p.a": "success",
        "test.p.warns": "warn",
        "model.p.broken": "error",
        "model.p.b": "skipped",
    }
    assert causes(make_manifest, make_results, nodes, statuses) == {"b": ("broken",)}


def test_a_unit_test_blocks_its_own_model(make_manifest, make_results):
    nodes = {"model.p.a": {}, "unit_test.p.ut": {"model": "a", "parents": ["model.p.a"]}}
    statuses = {"unit_test.p.ut": "fail", "model.p.a": "skipped"}
    assert causes(make_manifest, make_results, nodes, statuses) == {"a": ("ut",)}


def test_a_cause_is_found_behind_a_model_that_did_not_run(make_manifest, make_results):
    nodes = {
        "model.p.a": {},
        "model.p.ephemeral": {"parents": ["model.p.a"]},
        "model.p.c": {"parents": ["model.p.ephemeral"]},
    }
    statuses = {"model.p.a": "error", "model.p.c": "skipped"}
    assert causes(make_manifest, make_results, nodes, statuses) == {"c": ("a",)}
