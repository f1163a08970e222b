"""Commands that u-blox modules share: sockets, files, certificates, MQTT, HTTP, position."""
