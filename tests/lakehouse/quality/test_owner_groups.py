from lakehouse.quality.owner_groups import owner_groups

GROUPS = {
    "group.p.ventas": {
        "name": "ventas",
        "owner": {"name": "Ventas", "email": "ventas@example.com"},
        "config": {"meta": {"language": "es", "notify": "slack-webhook/ventas"}},
    }
}
NODES = {
    "source.p.s.raw": {"source_name": "s", "source_meta": {"owner": "ventas"}},
    "model.p.stg": {"group": "ventas", "parents": ["source.p.s.raw"]},
    "model.p.other": {"parents": ["model.p.stg"]},
    "test.p.unique_stg": {"attached_node": "model.p.stg", "parents": ["model.p.stg"]},
    "test.p.over_both": {"parents": ["model.p.stg", "source.p.s.raw"]},
    "test.p.over_two_owners": {"parents": ["model.p.stg", "model.p.other"]},
}


def named(groups):
    return {group.name: set(group.nodes) for group in groups}


def test_an_owner_has_models_sources_and_the_tests_about_them(make_manifest, make_results):
    manifest = make_manifest(NODES, groups=GROUPS)
    built = {key: "pass" for key in NODES if not key.startswith("source")}
    groups = owner_groups(manifest, make_results(manifest, built))
    assert named(groups) == {
        "ventas": {"source.p.s.raw", "model.p.stg", "test.p.unique_stg", "test.p.over_both"},
        "unowned": {"model.p.other", "test.p.over_two_owners"},
    }
    ventas = groups[0]
    assert (ventas.owner, ventas.email, ventas.language, ventas.notify) == (
        "Ventas",
        "ventas@example.com",
        "es",
        "slack-webhook/ventas",
    )


def test_models_without_a_group_and_without_a_test_make_no_sheet(make_manifest, make_results):
    manifest = make_manifest(NODES, groups=GROUPS)
    results = make_results(manifest, {"model.p.stg": "pass", "model.p.other": "pass"})
    assert set(named(owner_groups(manifest, results))) == {"ventas"}


def test_a_project_without_groups_has_one_sheet_for_all(make_manifest, make_results):
    manifest = make_manifest({"model.p.a": {}, "test.p.b": {"parents": ["model.p.a"]}})
    results = make_results(manifest, {"model.p.a": "pass", "test.p.b": "pass"})
    assert named(owner_groups(manifest, results)) == {"unowned": {"model.p.a", "test.p.b"}}
