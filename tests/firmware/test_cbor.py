"""CBOR against the test vectors of RFC 8949 appendix A (working group file [S49]; excerpt in facts A10)."""

import random
from binascii import hexlify, unhexlify

from cellular.services.cbor import CborError, CborOverflow, Simple, Tag, Writer, decode

# What the writer must make byte for byte, and the reader must read: (hex, method, value).
PLAIN = (
    ("00", "int", 0),
    ("0a", "int", 10),
    ("17", "int", 23),
    ("1818", "int", 24),
    ("1864", "int", 100),
    ("1903e8", "int", 1000),
    ("1a000f4240", "int", 1000000),
    ("1b000000e8d4a51000", "int", 1000000000000),
    ("1bffffffffffffffff", "int", 18446744073709551615),
    ("3bffffffffffffffff", "int", -18446744073709551616),
    ("20", "int", -1),
    ("3863", "int", -100),
    ("3903e7", "int", -1000),
    ("f90000", "float", 0.0),
    ("f93c00", "float", 1.0),
    ("f93e00", "float", 1.5),
    ("fa47c35000", "float", 100000.0),
    ("fb7e37e43c8800759c", "float", 1e300),
    ("f90400", "float", 6.103515625e-05),
    ("fbc010666666666666", "float", -4.1),
    ("fa7f7fffff", "float", (2 - 2**-23) * 2.0**127),
    ("f97bff", "float", 65504.0),
    ("f97c00", "float", float("inf")),
    ("f9fc00", "float", -float("inf")),
    ("f4", "bool", False),
    ("f5", "bool", True),
    ("4401020304", "bytes", b"\x01\x02\x03\x04"),
    ("40", "bytes", b""),
    ("6161", "text", "a"),
    ("62225c", "text", '"\\'),
    ("63e6b0b4", "text", "\u6c34"),
)

# What is only read.
READ = (
    ("f6", None),
    ("fa7f800000", float("inf")),
    ("faff800000", -float("inf")),
    ("f0", Simple(16)),
    ("f8ff", Simple(255)),
    ("f7", Simple(23)),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("a56161614161626142616361436164614461656145", {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}),
    ("7f657374726561646d696e67ff", "streaming"),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
    ("9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", list(range(1, 26))),
    ("826161bf61626163ff", ["a", {"b": "c"}]),
    ("c249010000000000000000", 18446744073709551616),
    ("c349010000000000000000", -18446744073709551617),
)

TAGGED = (
    ("c11a514b67b0", 1, 1363896240),
    ("d74401020304", 23, b"\x01\x02\x03\x04"),
    ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", 32, "http://www.example.com"),
)

# Each with a word that its error must have, so that it is refused for the right reason.
BAD = (
    ("", "expected"),
    ("0000", "follow"),
    ("18", "expected"),
    ("1a0001", "expected"),
    ("62c328", "UTF-8"),
    ("4401", "expected"),
    ("5b7fffffffffffffff", "expected"),
    ("7affffffff", "expected"),
    ("9b7fffffffffffffff", "announced"),
    ("9affffffff", "announced"),
    ("bb7fffffffffffffff", "announced"),
    ("ba00ffffff00", "announced"),
    ("8201", "announced"),
    ("a101", "announced"),
    ("a201010102", "twice"),
    ("a18001", "container"),
    ("f818", "RFC 8949"),
    ("1c", "meaning"),
    ("fc", "meaning"),
    ("ff", "meaning"),
    ("1f", "indefinite"),
    ("df00ff", "indefinite"),
    ("9f01", "expected"),
    ("5f6161ff", "string of parts"),
    ("5f5f4101ffff", "string of parts"),
    ("c201", "bignum"),
    ("81" * 20 + "01", "deep"),
    ("c1" * 20 + "01", "deep"),
    ("bf01ff", "meaning"),
)


def test_vectors_are_written_in_their_shortest_form():
    w = Writer(bytearray(64))
    for text, method, value in PLAIN:
        w.pos = 0
        getattr(w, method)(value)
        assert hexlify(w.view()).decode() == text, (text, value, hexlify(w.view()))


def test_nan_and_null_are_written():
    w = Writer(bytearray(8))
    w.float(float("nan"))
    w.null()
    assert bytes(w.view()) == b"\xf9\x7e\x00\xf6"


def test_containers_are_written():
    w = Writer(bytearray(64))
    w.map(2)
    w.text("a")
    w.uint(1)
    w.text("b")
    w.array(2)
    w.uint(2)
    w.uint(3)
    assert hexlify(w.view()) == b"a26161016162820203"


def test_vectors_are_read():
    for text, _, value in PLAIN:
        assert decode(unhexlify(text)) == value, text
    for text, value in READ:
        got = decode(bytearray(unhexlify(text)))
        assert got == value and type(got) is type(value), (text, got)
    for text in ("f97e00", "fa7fc00000", "fb7ff8000000000000"):
        got = decode(unhexlify(text))
        assert got != got, text


def test_tags_are_kept():
    for text, number, value in TAGGED:
        got = decode(unhexlify(text))
        assert isinstance(got, Tag) and got.number == number and got.value == value, text


def test_bad_input_is_refused_for_the_right_reason():
    for text, word in BAD:
        try:
            got = decode(unhexlify(text))
        except CborError as e:
            assert word in str(e), (text, str(e))
        else:
            raise AssertionError((text, got))


def test_bounds_of_size_and_depth():
    assert decode(b"\x81" * 8 + b"\x01") == [[[[[[[[1]]]]]]]]
    for data, kw in ((b"\x81" * 9 + b"\x01", {}), (b"\x81\x81\x01", {"max_depth": 1}), (b"\x43abc", {"max_bytes": 3})):
        try:
            decode(data, **kw)
        except CborError:
            continue
        raise AssertionError(data)


def test_overflow_says_what_is_needed_and_writes_nothing():
    w = Writer(bytearray(4))
    w.uint(1)
    for write, needed in (
        (lambda: w.text("abc"), 5),
        (lambda: w.uint(1000000), 6),
        (lambda: w.bytes(bytes(300)), 304),
        (lambda: w.float(1e300), 10),
    ):
        try:
            write()
        except CborOverflow as e:
            assert e.needed == needed, (e.needed, needed)
            assert w.pos == 1
        else:
            raise AssertionError(needed)
    w.text("ab")
    assert bytes(w.view()) == b"\x01\x62ab"


def test_arguments_beyond_64_bit_are_refused():
    w = Writer(bytearray(16))
    for value in (1 << 64, -(1 << 64) - 1):
        try:
            w.int(value)
        except ValueError:
            continue
        raise AssertionError(value)


def test_random_bytes_raise_nothing_but_cbor_errors():
    random.seed(11)
    read = 0
    for _ in range(6000):
        data = bytes(random.getrandbits(8) for _ in range(random.randrange(1, 24)))
        try:
            decode(data)
            read += 1
        except CborError:
            pass
    assert read > 100  # else the bytes never got past the first check
