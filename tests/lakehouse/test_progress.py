from lakehouse.progress import Progress, listen, tell


def test_progress_reaches_every_listener_until_it_stops():
    first, second = [], []
    stop_first, stop_second = listen(first.append), listen(second.append)
    tell(Progress("dbt", "a", 1, 2))
    stop_first()
    stop_first()
    tell(Progress("dbt", "b", 2, 2))
    stop_second()
    tell(Progress("dbt", "c"))
    assert [progress.text for progress in first] == ["a"]
    assert [progress.text for progress in second] == ["a", "b"]


def test_one_listener_may_listen_twice():
    seen = []
    stops = [listen(seen.append), listen(seen.append)]
    tell(Progress("dbt", "a"))
    for stop in stops:
        stop()
    tell(Progress("dbt", "b"))
    assert [progress.text for progress in seen] == ["a", "a"]
