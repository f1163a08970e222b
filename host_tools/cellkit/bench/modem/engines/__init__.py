"""What modems do behind their commands: sockets, TLS, MQTT, HTTP, SMS, position. No AT syntax in here."""
