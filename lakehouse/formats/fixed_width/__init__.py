"""Text files whose columns stand at fixed places."""
