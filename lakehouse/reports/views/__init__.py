"""What is shown of a run, in one language and without markup, for pages and artifacts alike."""
