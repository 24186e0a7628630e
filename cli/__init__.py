"""The command `aljibe`."""
