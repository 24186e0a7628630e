"""How each step behaves under Prefect: retries, cache keys, time-outs, artifacts."""
