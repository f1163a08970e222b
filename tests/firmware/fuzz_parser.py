"""Fuzz of the AT parser: random and mutated bytes, cut into random reads, must give the events of the uncut stream.

micropython fuzz_parser.py BYTES SEED       (`make fuzz` runs ten million bytes)
"""

import gc
import random
import sys

from at_events import Recorder

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
    b'\r\n+QMTRECV: 0,1,"t",400,"',
    b'\r\n+QMTRECV: 0,1,"t",9999999,"no module gives so much"\r\n',
    b"\r\n+QIRD: 9\r\nOK\r\n> AT\r\r\nOK\r\n",
)
HEADERS = ((b"+QMTRECV: ", 4, True),)
EXPECT = {b"+QIRD: 9": 9}
SPECIAL = b"\r\n>+\"\x00\xff, OKE:"
BUFFER_BYTES = 256
STREAM_BYTES = 2000
HEAP_BYTES = 16000  # lists of events that have grown once; 2,400 are usual


def stream(length):
    """`length` bytes or a few more: pure noise, long lines, and what modems say with up to three faults in it."""
    out = bytearray()
    while len(out) < length:
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


def feed_cut(recorder, data):
    """Hand over `data` in reads of random lengths; returns their number."""
    biggest = (1, 3, 20, 200)[random.randrange(4)]
    at = reads = 0
    while at < len(data):
        n = random.randrange(1, biggest + 1)
        recorder.feed(data[at : at + n])
        at += n
        reads += 1
    return reads


def run(total, seed, report=None):
    """`total` bytes in streams of 2,000 through two parsers, one of which gets them cut; both live through the whole
    run, so that what a stream leaves half done meets the next. Returns (bytes, events, reads); AssertionError else.
    """
    random.seed(seed)
    whole = Recorder(BUFFER_BYTES, HEADERS, False, EXPECT)
    cut = Recorder(BUFFER_BYTES, HEADERS, False, EXPECT)
    done = events = reads = 0
    gc.collect()
    before = gc.mem_alloc()
    most = 0
    while done < total:
        data = memoryview(stream(STREAM_BYTES))
        prompt = bool(random.getrandbits(1))
        whole.expect_prompt(prompt)
        cut.expect_prompt(prompt)
        whole.feed(data)
        reads += feed_cut(cut, data)
        assert whole.got == cut.got, "seed %d, stream at byte %d: cut and uncut differ" % (seed, done)
        assert len(cut.parser.buf) == len(whole.parser.buf) == BUFFER_BYTES
        done += len(data)
        events += len(whole.got)
        whole.got.clear()
        cut.got.clear()
        gc.collect()
        heap = gc.mem_alloc() - before
        most = max(most, heap)
        assert heap < HEAP_BYTES, "seed %d, stream at byte %d: heap grew by %d bytes" % (seed, done, heap)
        if report and done % 500000 < STREAM_BYTES:
            report(done, events, reads, most)
    return done, events, reads


if __name__ == "__main__":

    def report(done, events, reads, heap):
        print("%d bytes, %d events, %d reads, heap at most %d bytes more" % (done, events, reads, heap))

    result = run(int(sys.argv[1]), int(sys.argv[2]), report)
    print("PASS %d bytes, %d events, %d reads, seed %s" % (result + (sys.argv[2],)))
