"""The data context of Quectel modules with an IP layer of their own (`AT+QIACT`, `AT+QICSGP`): Cat.1, BG9x."""


async def bearer(modem):
    """Have context 1 up. The IP layer may go on saying so when the network has taken it, and the network may have given
    its only one to another context, so the bearers are looked at too."""
    await modem.ask(b"AT+QIACT?", b"+QIACT")
    up = any([line.startswith(b"1,1") for line in modem.channel.lines])
    await modem.ask(b"AT+CGACT?", b"+CGACT")
    active = [line.split(b",")[0] for line in modem.channel.lines if line.endswith(b",1")]
    if up and (b"1" in active or not active):
        return
    if up:
        await modem.try_command(b"AT+QIDEACT=1")
    for cid in active:
        if cid != b"1":
            await modem.try_command(b"AT+CGACT=0,%s" % cid)
    await modem.channel.cmd(b"AT+QIACT=1", None, 150000)


async def set_apn(modem, apn):
    """Set the APN of context 1, of the network's side and of the IP layer's."""
    await modem.try_command(b'AT+QICSGP=1,1,"%s","","",1' % apn)
    await modem.channel.cmd(b'AT+CGDCONT=1,"IP","%s"' % apn)
    return False
