"""HTTP APIs: ask politely, follow pages, keep the answers, stage them, load them."""
