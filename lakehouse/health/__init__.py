"""Whether what has to go on by itself goes on: machine, sources, builds, backups."""
