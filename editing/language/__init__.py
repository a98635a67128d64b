"""An instruction in English: read, and turned into the texts that a method wants."""
