"""How a planner asks it in a browser."""
