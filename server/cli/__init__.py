"""The command `limn`; each of its commands is a file."""
