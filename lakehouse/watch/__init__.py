"""What arrives in the folders of a domain, and when a run is to be woken for it."""
