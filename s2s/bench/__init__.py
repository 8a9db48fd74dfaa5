"""What a deployment costs its callers: simulated callers with real speech, what they saw, and how it is told."""
