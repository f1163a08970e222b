"""The smoke alarm's configuration file: what is wrong is named, and never in the way."""

import os

from apps.smoke import config


def load(content):
    """Load from a file with `content` (bytes; None: no file)."""
    path = "config_test.json"
    if content is not None:
        with open(path, "wb") as f:
            f.write(content)
    try:
        return config.load(path)
    finally:
        if content is not None:
            os.remove(path)


def test_no_file_means_alone_without_a_problem():
    settings, problems = load(None)
    assert problems == [] and settings == config.defaults() and settings["server"] is None


def test_good_file():
    settings, problems = load(
        b'{"server": "coap://192.0.2.1:5683/alarm", "apn": "iot", "pin": "1234", "t3324_s": 6, "edrx_s": 20.48,'
        b' "heartbeat_s": 3600, "search_s": 60}'
    )
    assert problems == []
    assert settings["server"] == "coap://192.0.2.1:5683/alarm" and settings["t3324_s"] == 6
    assert settings["edrx_s"] == 20.48 and settings["hush_s"] == 600


def test_null_where_it_makes_sense():
    settings, problems = load(b'{"edrx_s": null, "apn": null}')
    assert problems == [] and settings["edrx_s"] is None
    settings, problems = load(b'{"hush_s": null}')
    assert len(problems) == 1 and settings["hush_s"] == 600


def test_a_bad_value_is_named_with_what_was_expected_and_the_others_hold():
    settings, problems = load(b'{"heartbeat_s": "daily", "t3324_s": 6}')
    assert problems == ["heartbeat_s: expected a number from 60 to 604800, got 'daily'; the default 86400 holds"]
    assert settings["heartbeat_s"] == 86400 and settings["t3324_s"] == 6


def test_bad_values_of_every_kind():
    bad = (
        b"1e99", b"-1", b"true", b"[]", b"{}", b'"x"', b"1.5", b"601",
    )
    for value in bad:
        settings, problems = load(b'{"hush_s": ' + value + b"}")
        assert len(problems) == 1 and problems[0].startswith("hush_s: expected"), (value, problems)
        assert settings == config.defaults()


def test_limits_of_the_standards():
    for key, value in (("hush_s", 601), ("silence_s", 21599), ("silence_s", 28801)):
        settings, problems = load(('{"%s": %d}' % (key, value)).encode())
        assert len(problems) == 1 and settings[key] == config.defaults()[key]


def test_unknown_key_is_a_problem():
    _, problems = load(b'{"hush": 10}')
    assert problems[0].startswith("hush is no key; known are ack_timeout_ms, alarm_mv, apn")


def test_server_must_be_a_coap_uri():
    for uri in ("http://x/", "coap://", "coap://host:99999/a", "coap://h/" + 180 * "p", "coap://" + 190 * "n"):
        settings, problems = load(('{"server": "%s"}' % uri).encode())
        assert settings["server"] is None and "expected" in problems[0] and problems[0].endswith("nothing is sent")


def test_text_that_would_break_an_at_command_is_refused():
    settings, problems = load(b'{"apn": "iot\\",\\"x", "pin": "12\\r3"}')
    assert settings["apn"] is None and settings["pin"] is None and len(problems) == 2


def test_a_pin_is_4_to_8_digits():
    for pin in ("123", "123456789", "12a4", "1234 "):
        settings, problems = load(('{"pin": "%s"}' % pin).encode())
        assert settings["pin"] is None and problems[0].startswith("pin: expected text of 4 to 8 digits"), problems
        assert pin not in problems[0]
    assert load(b'{"pin": "12345678"}')[1] == []


def test_a_pin_never_stands_in_a_problem():
    for content in (b'{"pin": 1234}', b'{"pin": "123412341234"}', b'{"pin": "1234"', b'{"pin": ["1234"]}'):
        _, problems = load(content)
        assert problems and "1234" not in "".join(problems), problems


def test_a_file_that_is_no_json_object_gives_the_defaults():
    long = (b'{"a":' * 300, b" " * 3000, b"\x00" * 100)
    for content in (b"", b"{", b'{"t3324_s": 6', b"[]", b"null", b"\xff\xfe\x00") + long:
        settings, problems = load(content)
        assert settings == config.defaults() and len(problems) == 1, (content[:10], problems)


def test_a_folder_in_place_of_the_file():
    os.mkdir("config_folder")
    try:
        settings, problems = config.load("config_folder")
    finally:
        os.rmdir("config_folder")
    assert settings == config.defaults() and len(problems) == 1
