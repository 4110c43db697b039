"""Road segments -> a network under a speed profile."""
