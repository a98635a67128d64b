"""The command `limn`; each of its commands is a file."""

INTERRUPTED = 130
"""The exit status after Ctrl+C, as shells have it."""
