"""Answers -> what people look at."""
