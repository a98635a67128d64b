"""What a painter sees: the docker and its parts."""
