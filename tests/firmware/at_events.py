"""Runs bytes through the parser and keeps the list of its events; DATA pieces are joined."""

from cellular.at import parser as p


class Recorder:
    """A parser whose events go into `got` as (kind, text).

    expect: {line: number of payload bytes behind it}. `prompt`: a prompt is expected, and again after each prompt.
    """

    def __init__(self, size=1280, headers=(), prompt=False, expect=None):
        self.got = []
        self.parser = p.Parser(self._event, size, headers)
        self._expect = expect or {}
        self.expect_prompt(prompt)

    def expect_prompt(self, prompt):
        self._prompt = self.parser.prompt = 62 if prompt else 0

    def _event(self, kind, a, b):
        text = bytes(self.parser.buf[a:b])
        got = self.got
        if kind == p.DATA and got and got[-1][0] == p.DATA:
            got[-1] = (kind, got[-1][1] + text)
            return
        if kind == p.LINE and text in self._expect:
            self.parser.expect_data(self._expect[text])
        if kind == p.PROMPT:
            self.parser.prompt = self._prompt
        got.append((kind, text))

    def feed(self, data):
        """Hand over `data` (a memoryview) in pieces no longer than the parser's room."""
        parser = self.parser
        while len(data):
            room = parser.room()
            n = min(len(room), len(data))
            room[:n] = data[:n]
            parser.feed(n)
            data = data[n:]


def events(chunks, size=1280, headers=(), prompt=False, expect=None):
    """The events of the bytes in `chunks`, each of which is one read."""
    recorder = Recorder(size, headers, prompt, expect)
    for chunk in chunks:
        recorder.feed(memoryview(chunk))
    return recorder.got
