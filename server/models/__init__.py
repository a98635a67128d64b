"""Models on this machine: what can be fetched, what is there, which is used."""
