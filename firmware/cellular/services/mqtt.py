"""MQTT 3.1.1: one session with a broker, in the module where it has a client, else over a TCP or TLS socket of it.

    client = await mqtt.connect(modem, "broker.example", 8883, "meter-17", tls=Tls(ca=CA, cert=CERT, key=KEY))
    await client.publish("meters/17/up", payload)
    message = await client.receive(10000)

Payloads are bytes and carry anything. Topics are text without control characters and quotes, which the commands of the
modules cannot carry.
"""

from cellular.modem.mqtt import MqttError as MqttError
from cellular.modem.mqtt import topic_of


async def connect(modem, host, port, client_id, user=None, password=None, keepalive_s=120, clean=True, tls=None):
    """Open a session. tls: `cellular.modem.tls.Tls` or None. Ends within `CONNECT_MS` and the time of the commands.

    Raises MqttError (refused, or no way to the broker), TlsError (certificates), NotSupported, whatever CellularError
    the modem raises, ValueError.
    """
    for value in (host, client_id, user, password):
        if value:
            topic_of(value)
    offloaded = "mqtt_tls" if tls else "mqtt"
    if offloaded in modem.capabilities:
        way = modem.dialect(offloaded)
    else:
        from cellular.services import mqtt_stream as way
    return await way.connect(modem, host, port, client_id, user, password, keepalive_s, clean, tls)
