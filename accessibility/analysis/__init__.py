"""Seconds and people -> answers; pure functions on tables and arrays."""
