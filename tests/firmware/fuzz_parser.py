"""Fuzz of the AT parser: random and mutated bytes, cut into random reads, must give the events of the uncut stream.

micropython fuzz_parser.py BYTES SEED
"""

import gc
import random
import sys

from at_events import events

# What real modems say, to be mutated. Sources: transcripts quectel-bc660k and quectel-bg9x.
SEEDS = (
    b'\r\n+CEREG: 5,5,"0001","0000ABCD",9,,,"00100011","00101010"\r\n\r\nOK\r\n',
    b"\r\n+QENG: 0,6254,12,299,\"0000ABCD\",-102,-8,-94,5,20,\"0001\",0,21,2\r\n\r\nOK\r\n",
    b"AT+CSQ\r\r\n+CSQ: 11,0\r\n\r\nOK\r\n",
    b'\r\n+QIURC: "recv",0,12,"48656C6C6F20776F726C6421"\r\n',
    b"\r\n> ",
    b"\r\nOK\r\n\r\nSEND OK\r\n",
    b"\r\n+CME ERROR: 10\r\n",
    b"\r\nERROR\r\n",
    b"\r\n\r\n+QPING: 569\r\n",
    b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n",
    b'\r\n+QMTRECV: 0,1,"topic",20,"OK\r\nERROR\r\n> +CEREG"\r\n',
    b"\r\n+QIRD: 9\r\nOK\r\n> AT\r\r\nOK\r\n",
)
HEADERS = ((b"+QMTRECV: ", 4, True),)
EXPECT = {b"+QIRD: 9": 9}
SPECIAL = b"\r\n>+\"\x00\xff, OKE:"


def stream(rng_bytes):
    out = bytearray()
    while len(out) < rng_bytes:
        dice = random.randrange(10)
        if dice < 2:
            out.extend(bytes(random.getrandbits(8) for _ in range(random.randrange(1, 40))))
        elif dice == 2:
            out.extend(b"y" * random.randrange(150, 400))
        else:
            piece = bytearray(SEEDS[random.randrange(len(SEEDS))])
            for _ in range(random.randrange(4)):
                i = random.randrange(len(piece))
                if random.randrange(2):
                    piece[i] = SPECIAL[random.randrange(len(SPECIAL))]
                else:
                    piece = piece[:i] + piece[i + random.randrange(1, 4) :] or bytearray(b"\r")
            out.extend(piece)
    return bytes(out)


def cut(data):
    chunks = []
    at = 0
    biggest = (1, 3, 20, 200)[random.randrange(4)]
    while at < len(data):
        n = random.randrange(1, biggest + 1)
        chunks.append(data[at : at + n])
        at += n
    return chunks


def run(total, seed, report=None):
    """Feed `total` bytes in streams of 2,000; returns the number of events. AssertionError names the seed."""
    random.seed(seed)
    done = count = 0
    while done < total:
        data = stream(2000)
        prompt = bool(random.getrandbits(1))
        whole = events([data], 256, HEADERS, prompt, EXPECT)
        parts = events(cut(data), 256, HEADERS, prompt, EXPECT)
        assert whole == parts, "seed %d after %d bytes: cut and uncut differ" % (seed, done)
        done += len(data)
        count += len(whole)
        if report and done % 100000 < 2000:
            gc.collect()
            report(done, count, gc.mem_alloc())
    return count


if __name__ == "__main__":
    total, seed = int(sys.argv[1]), int(sys.argv[2])
    first = []

    def report(done, count, heap):
        first.append(heap)
        print("%d bytes, %d events, heap %d" % (done, count, heap))

    n = run(total, seed, report)
    assert max(first) - first[0] < 20000, "heap grew: %s" % first
    print("PASS %d bytes, %d events, seed %d" % (total, n, seed))
