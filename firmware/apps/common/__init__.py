"""What all apps share: configuration, identity, and the way to the server."""
