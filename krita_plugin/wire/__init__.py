"""The way to the server: the client's thread, and starting the server."""
