"""Short messages as PDUs. Source: 3GPP TS 23.040 (9.2, SUBMIT and DELIVER) and TS 23.038 (alphabets)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

# TS 23.038 6.2.1, by code; 0x1B leads to the extension table.
_GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|",
              0x65: "€"}  # fmt: skip
_CODES: dict[str, tuple[int, ...]] = {character: (code,) for code, character in enumerate(_GSM7)}
_CODES |= {character: (0x1B, code) for code, character in _EXTENSION.items()}
_INTERNATIONAL, _UNKNOWN = 0x91, 0x81


class PduError(ValueError):
    """What should be a PDU is none."""


def septets(text: str) -> list[int] | None:
    """Codes of the GSM alphabet; None if it lacks a character."""
    codes: list[int] = []
    for character in text:
        if character not in _CODES:
            return None
        codes += _CODES[character]
    return codes


def pack(codes: list[int], fill_bits: int = 0) -> bytes:
    """Seven bits each, the lowest first, behind `fill_bits` of zeros."""
    value = sum(code << (7 * index) for index, code in enumerate(codes)) << fill_bits
    return value.to_bytes((7 * len(codes) + fill_bits + 7) // 8, "little")


def unpack(data: bytes, count: int, fill_bits: int = 0) -> str:
    """Text of `count` septets."""
    value = int.from_bytes(data, "little") >> fill_bits
    text, extended = "", False
    for index in range(count):
        code = value >> (7 * index) & 0x7F
        if code == 0x1B and not extended:
            extended = True
            continue
        text += _EXTENSION.get(code, " ") if extended else _GSM7[code]
        extended = False
    return text


def _swapped(digits: str) -> bytes:
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2)))


def _address(number: str) -> bytes:
    digits = re.sub(r"\D", "", number)  # what else was typed has no place in a PDU
    return bytes([len(digits), _INTERNATIONAL if number.startswith("+") else _UNKNOWN]) + _swapped(digits)


def _centre(number: str) -> bytes:
    if not number:
        return b"\x00"
    digits = _swapped(re.sub(r"\D", "", number))
    return bytes([1 + len(digits), _INTERNATIONAL if number.startswith("+") else _UNKNOWN]) + digits


def _user_data(text: str) -> tuple[int, bytes]:
    codes = septets(text)
    if codes is not None:
        return 0x00, bytes([len(codes)]) + pack(codes)
    data = text.encode("utf-16-be")
    return 0x08, bytes([len(data)]) + data


def _stamp(time: datetime, quarters: int) -> bytes:
    local = time + timedelta(minutes=15 * quarters)
    zone = _swapped(f"{abs(quarters):02d}")[0] | (0x08 if quarters < 0 else 0)
    return _swapped(f"{local:%y%m%d%H%M%S}") + bytes([zone])


def encode_deliver(centre: str, sender: str, text: str, time: datetime, quarters: int) -> tuple[bytes, int]:
    """A received message with its service centre, and the length of it without that (<length> of +CMGR)."""
    coding, data = _user_data(text)
    tpdu = b"\x04" + _address(sender) + bytes([0, coding]) + _stamp(time, quarters) + data
    return _centre(centre) + tpdu, len(tpdu)


def encode_submit(number: str, text: str) -> tuple[bytes, int]:
    """A stored message that is to be sent, without service centre, and its length."""
    coding, data = _user_data(text)
    tpdu = b"\x01\x00" + _address(number) + bytes([0, coding]) + data
    return b"\x00" + tpdu, len(tpdu)


def decode_submit(pdu: bytes) -> tuple[str, str]:
    """Number and text of a SUBMIT behind its service centre. Data of 8 bits become latin-1. Raises PduError."""
    try:
        tpdu = pdu[1 + pdu[0]:]
        first, digits, kind = tpdu[0], tpdu[2], tpdu[3]
        if first & 3 != 1:
            raise PduError("no SUBMIT")
        at = 4 + (digits + 1) // 2
        number = "".join(f"{byte & 15:X}{byte >> 4:X}" for byte in tpdu[4:at])[:digits]
        coding = tpdu[at + 1]
        at += 2 + {0: 0, 2: 1}.get(first >> 3 & 3, 7)  # validity period: none, relative, else seven bytes
        text = _text(tpdu[at], tpdu[at + 1:], coding, bool(first & 0x40))
    except IndexError:
        raise PduError("too short") from None
    return ("+" if kind & 0x70 == 0x10 else "") + number, text


def _text(length: int, data: bytes, coding: int, has_header: bool) -> str:
    header = 1 + data[0] if has_header else 0
    alphabet = coding >> 2 & 3 if coding < 0xF0 else coding >> 2 & 1
    if alphabet == 0:
        skipped = (8 * header + 6) // 7
        if len(data) * 8 < length * 7:
            raise PduError("user data too short")
        return unpack(data[header:], length - skipped, 7 * skipped - 8 * header)
    if len(data) < length:
        raise PduError("user data too short")
    body = data[header:length]
    return body.decode("utf-16-be", "replace") if alphabet == 2 else body.decode("latin-1")
