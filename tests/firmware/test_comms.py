"""What the apps have in common on the way to the server."""

from apps.common import comms


def test_the_uarts_buffer_takes_the_longest_line_where_the_port_has_one():
    def known(id, baud, rxbuf):
        return rxbuf

    def unknown(id, baud):
        return baud

    assert comms._uart(known) >= 1280 + 64
    assert comms._uart(unknown) == 115200
