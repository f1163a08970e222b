"""u-blox SARA-N2 (`AT+N…`, with spaces and quotes). Sources: a guide with logs of SARA-N210, integration manual R13."""

SAME_AS = "bc95"

NAME = "SARA-N2"
CAPABILITIES = {"udp": "nso", "coap": "nso", "signal": "", "psm": "", "edrx": "", "rai": "", "clock": ""}  # no TCP

BANNERS = (b"u-blox ", b"u-blox")  # an OK follows
NSO_QUOTE = b'"'
DNS = None
