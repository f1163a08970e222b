"""Runs bytes through the parser and gives the list of its events; DATA pieces are joined."""

from cellular.at import parser as p


def events(chunks, size=1280, headers=(), prompt=False, expect=None):
    """expect: {line: number of payload bytes behind it}. A prompt is expected again after each prompt."""
    out = []

    def sink(kind, a, b):
        text = bytes(parser.buf[a:b])
        if kind == p.DATA and out and out[-1][0] == p.DATA and out[-1][2]:
            last = out[-1]
            out[-1] = (kind, last[1] + text, True)
            return
        if kind == p.LINE and expect and text in expect:
            parser.expect_data(expect[text])
        if kind == p.PROMPT:
            parser.prompt = prompt
        out.append((kind, text, kind == p.DATA))

    parser = p.Parser(sink, size, headers)
    parser.prompt = prompt
    for chunk in chunks:
        at = 0
        while at < len(chunk):
            room = parser.room()
            n = min(len(room), len(chunk) - at)
            room[:n] = chunk[at : at + n]
            parser.feed(n)
            at += n
    return [(kind, text) for kind, text, _ in out]
