"""From a good build to what readers see."""
