import pytest

from lakehouse.settings import Settings


def test_help_names_every_command(aljibe):
    shown = aljibe("--help")
    assert shown.returncode == 0
    for command in ("run", "doctor", "dbt", "ui", "worker"):
        assert f" {command} " in shown.stdout


@pytest.mark.parametrize("domain", ["nowhere", "../x"])
def test_an_unknown_domain_ends_with_1_and_the_domains_that_exist(aljibe, domain):
    ended = aljibe("run", domain)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"Failed: There is no domain {domain!r}")
    assert "Known: " in ended.stdout
    assert ended.stderr == ""


def test_dbt_by_hand_on_an_unknown_domain_ends_without_a_traceback(aljibe):
    ended = aljibe("dbt", "nowhere", "--", "ls")
    assert ended.returncode == 1
    assert ended.stderr.startswith("aljibe: There is no domain 'nowhere'")
    assert "Traceback" not in ended.stderr


def test_a_setting_that_cannot_be_used_ends_every_command_with_its_name(aljibe):
    ended = aljibe("doctor", ALJIBE_DBT_THREADS="many")
    assert ended.returncode == 1
    assert "ALJIBE_DBT_THREADS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_without_an_api_says_what_to_set(aljibe):
    ended = aljibe("worker")
    assert ended.returncode == 1
    assert "PREFECT_API_URL" in ended.stderr


def test_doctor_finds_a_fresh_home_fit_once_its_landing_folders_exist(aljibe, tmp_path):
    first = aljibe("doctor")
    assert first.returncode == 1
    assert "does not exist; create it" in first.stdout
    for domain in ("pharma_latam", "olist", "wells", "bioreactor"):
        Settings(home=tmp_path / "home").landing(domain).mkdir(parents=True)
    second = aljibe("doctor")
    assert second.returncode == 0, second.stdout
    assert "broken" not in second.stdout


def test_doctor_goes_on_after_a_check_that_cannot_be_made(aljibe, tmp_path):
    (tmp_path / "home").write_text("a file, not a folder")
    ended = aljibe("doctor")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    for check in ("home", "audit database", "dbt", "Prefect"):
        assert check in ended.stdout


def test_doctor_does_not_show_the_password_of_the_audit_database(aljibe):
    ended = aljibe("doctor", ALJIBE_AUDIT_URL="postgresql://ana:s3cr3t@127.0.0.1:9/x")
    assert ended.returncode == 1
    assert "127.0.0.1:9" in ended.stdout
    assert "s3cr3t" not in ended.stdout + ended.stderr


def test_doctor_says_when_the_prefect_api_does_not_answer(aljibe):
    ended = aljibe("doctor", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert ended.returncode == 1
    assert "http://127.0.0.1:9/api does not answer" in ended.stdout
