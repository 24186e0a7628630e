"""What a flow does for the runs inside it."""

from prefect.settings import get_current_settings

from flows.run_states import one_heartbeat


def test_runs_inside_another_send_no_heartbeat_of_their_own():
    before = get_current_settings().flows.heartbeat_frequency
    assert before
    with one_heartbeat():
        assert get_current_settings().flows.heartbeat_frequency is None
    assert get_current_settings().flows.heartbeat_frequency == before
