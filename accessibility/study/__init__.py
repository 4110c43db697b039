"""One territory with everything loaded that a question about it needs."""
