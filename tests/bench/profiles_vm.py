"""Runs in MicroPython: bytes alive before and after a profile is loaded, as one JSON line.

micropython profiles_vm.py PROFILE

`core`: the modem layer and the link, with the profile `base` by which a modem is addressed until it has said who it is.
`profile`: with the module's own in its place. `udp`: with the dialect of its datagrams as well, which is loaded with
the first socket.
"""

import gc
import json
import sys

from cellular.link.link import Link
from cellular.modem import Modem, loader
from cellular.modem.profiles import base


class NoPort:
    def write(self, data):
        return len(data)


def alive():
    gc.collect()
    gc.collect()  # what the first one's own temporaries held
    return gc.mem_alloc()


modem = Modem(NoPort())
link = Link(modem, {"apn": "test.apn"})
figures = {"core": 0, "profile": 0, "udp": 0}
modem.use(base)
figures["core"] = alive()
profile = loader.load(sys.argv[1])
modem.use(profile)
figures["profile"] = alive()
modem.dialect("udp")
figures["udp"] = alive()
print(json.dumps(figures))
