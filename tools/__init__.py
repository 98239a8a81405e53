"""Programs that build and prove the project."""
