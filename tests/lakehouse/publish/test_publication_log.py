from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import Settings


def test_the_newest_publication_of_a_domain_is_its_last(tmp_path):
    log = PublicationLog(audit_engine(Settings(home=tmp_path)))
    assert log.last("shop") is None
    log.record("shop", "b1", {"marts.sales": 1}, "run")
    written = log.record("shop", "b2", {"marts.añejo": 2}, None)
    log.record("mill", "b3", {}, None)
    assert log.last("shop") == written
    assert (written.build_id, dict(written.tables)) == ("b2", {"marts.añejo": 2})
