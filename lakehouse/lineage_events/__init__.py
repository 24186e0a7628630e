"""What a run read and wrote, as OpenLineage events.

Facts come in as values; nothing here looks for a source, and nothing knows of flows.
Only `client_events` and `sender` import the client, and only when events are sent.
"""
