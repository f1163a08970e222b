"""u-blox SARA-N2 (`AT+N…`, with spaces and quotes). Sources: a guide with logs of SARA-N210, integration manual R13."""

from cellular.modem.profiles.bc95 import *

NAME = "SARA-N2"

BANNERS = (b"u-blox ", b"u-blox")  # an OK follows
URCS = URCS + (b"+UFOTAS:",)
NSO_QUOTE = b'"'
DNS = None
ICCID = (b"AT+NCCID", b"+NCCID")
