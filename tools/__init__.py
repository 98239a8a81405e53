"""Programs that build, test and document the project."""
