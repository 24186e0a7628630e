"""The worker of a deployment: pulls runs, and takes care of those that broke off."""
