"""What several Quectel families share: sockets (QI), MQTT (QMT), HTTP, TLS, files, cell and state queries."""
