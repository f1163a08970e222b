"""TLS of SIMCom SIM7080, SIM7070 and SIM7000: files by `AT+CFS…`, made into certificates by `AT+CSSLCFG="CONVERT"`."""

from cellular.at.fields import number, split
from cellular.errors import ATError
from cellular.modem.tls import name_of
from micropython import const

_FOLDER = const(3)  # /customer/


async def convert(modem, tls):
    """Upload what is not there, and convert it; returns {kind: name}."""
    ask = modem.channel.cmd
    names = {}
    await modem.try_command(b"AT+CFSINIT")
    try:
        for kind, pem in tls.items():
            name = names[kind] = name_of(kind, pem).encode()
            try:
                line = await ask(b'AT+CFSGFIS=%d,"%s"' % (_FOLDER, name), b"+CFSGFIS")
                if number(split(line or b""), 0) == len(pem):
                    continue
            except ATError:
                pass  # it is not there
            await ask(b'AT+CFSWFILE=%d,"%s",0,%d,10000' % (_FOLDER, name, len(pem)), None, 20000, data=pem)
    finally:
        await modem.try_command(b"AT+CFSTERM")
    await ask(b'AT+CSSLCFG="SSLVERSION",0,3')
    await modem.try_command(b'AT+CSSLCFG="IGNORERTCTIME",0,1')
    if "ca" in names:
        await ask(b'AT+CSSLCFG="CONVERT",2,"%s"' % names["ca"])
    if "cert" in names:
        await ask(b'AT+CSSLCFG="CONVERT",1,"%s","%s"' % (names["cert"], names["key"]))
    return names
