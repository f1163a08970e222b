"""What to do where a module lacks a capability."""

_INSTEAD = {
    "udp": "use a module that has sockets",
    "tcp": "use CoAP over UDP (cellular.services.coap)",
    "tls": "use CoAP over UDP in a private APN, or a module with TLS",
    "mqtt": "cellular.services.mqtt speaks MQTT over its TCP socket, where it has one; else use CoAP",
    "mqtt_tls": "cellular.services.mqtt speaks MQTT over its TLS socket, where it has one; else use CoAP",
    "http": "cellular.services.http speaks HTTP over its TCP socket, where it has one; else use CoAP",
    "https": "cellular.services.http speaks HTTP over its TLS socket, where it has one; else use CoAP",
    "sms": "use a downlink of the server",
    "gnss": "use cell_location, or a receiver of its own",
    "cell_location": "send +CEREG's cell to the server and look it up there",
    "clock": "use the server's time (cellular.services.clock)",
    "psm": "switch the modem off between reports",
    "edrx": "ask for PSM",
    "rai": "the network's inactivity timer releases the connection",
}


def alternative(capability):
    """A sentence for NotSupported."""
    return _INSTEAD.get(capability, "see docs/modules.md for modules that have it")
