from cellular.link import power
from cellular.link.power import PowerSaving
from cellular.link.registration import Registration
from cellular.link.timers import Timers


def registration(text, answer):
    r = Registration()
    assert r.take(text, answer)
    return r


def test_registration_from_answer_and_urc():
    # BC660K-GL bench log, transcripts quectel-bc660k
    r = registration(b'4,5,"0001","0000ABCD",9,,,"00100011","00101010"', True)
    assert r.registered and r.stat == 5 and r.act == 9 and r.cause is None
    assert (r.active_time, r.periodic_tau) == ("00100011", "00101010")
    r = registration(b'1,"0001","0000ABCD",9', False)
    assert r.registered and r.active_time is None


def test_denied_with_cause_is_not_taken_for_roaming():
    r = registration(b"5,3,,,,0,15", True)
    assert not r.registered and r.stat == 3 and r.cause == 15
    assert registration(b"3,,,,0,11", False).cause == 11


def test_a_cause_beside_registered_is_only_information():
    r = registration(b'1,"0001","0000ABCD",9,0,18,"00000000","00111000"', False)
    assert r.registered and r.cause == 18 and r.periodic_tau == "00111000"


def test_nonsense_is_refused():
    assert not Registration().take(b"x,y", True)
    assert not Registration().take(b"", False)


def make():
    p = PowerSaving(Timers(10, 86400))
    changes = []
    p.on_change = changes.append
    return p, changes


def test_granted_is_kept_apart_from_requested_and_reported_once():
    p, changes = make()
    p.take_granted("00001010", "00100001")
    p.take_granted("00001010", "00100001")
    assert (p.granted.t3324_s, p.granted.t3412_s) == (20, 3600)
    assert (p.requested.t3324_s, p.requested.t3412_s) == (10, 86400)
    assert changes == ["granted"]
    p.take_granted("00001010", "00100010")
    assert p.granted.t3412_s == 7200 and changes == ["granted", "granted"]


def test_refused_psm_is_none():
    p, _ = make()
    p.take_granted("11100000", "11100000")
    assert p.granted.t3324_s is None and p.granted.t3412_s is None


def test_unreadable_grant_changes_nothing():
    p, changes = make()
    p.take_granted("0000101x", "00100001")
    assert p.granted is None and changes == []


def test_edrx_grant_survives_a_registration_update():
    p, _ = make()
    p.take_granted("00001010", "00100001", ("0101", "0011"))
    p.take_granted("00001011", "00100001")
    assert p.granted.edrx_s == 81 and p.granted.ptw_s == 10 and p.granted.t3324_s == 22


def test_observed_t3324_is_measured_from_the_release():
    p, changes = make()
    p.rrc(True)
    p.rrc(False)
    p.slept(True)
    assert p.asleep and p.observed.t3324_s == 0 and changes == ["observed"]


def test_our_own_wake_is_not_unexpected():
    p, _ = make()
    p.take_granted("00001010", "00100001")
    p.rrc(False)
    p.slept(True)
    p.use(True)
    p.slept(False)
    p.use(False)
    assert p.unexpected_wakes == 0


def test_early_wake_is_counted():
    p, _ = make()
    p.take_granted("00001010", "00100001")
    p.rrc(False)
    p.slept(True)
    p.slept(False)
    assert p.unexpected_wakes == 1 and p.observed.t3412_s is None
    p.slept(False)
    assert p.unexpected_wakes == 1


def test_connection_says_that_psm_is_left_where_the_event_for_it_gets_lost():
    p, _ = make()
    p.take_granted("00001010", "00100001")
    p.rrc(False)
    p.slept(True)
    p.rrc(True)
    assert not p.asleep and p.connected and p.unexpected_wakes == 1
    p.slept(False)  # it comes all the same
    assert p.unexpected_wakes == 1
    p.rrc(False)
    p.slept(True)
    assert p.asleep and p.observed.t3324_s == 0


def test_network_that_grants_too_little_is_judged_once_a_change():
    told = []
    real = power.trace
    power.trace = lambda ev, **fields: told.append((ev, fields.get("policy")))
    try:
        p, _ = make()  # asks for a day
        for bits in ("00101010", "00101010", "00100110", "00111000"):  # 10 h, again, 6 h, a day
            p.take_granted("00001010", bits)
        p.take_granted(None, None)
    finally:
        power.trace = real
    judged = [t for t in told if t[0] != "granted"]
    short = ("tau_too_short", "stay_registered")
    assert judged == [short, short, ("psm_refused", "stay_registered")], judged


def test_restart_of_the_modem_forgets_what_was_granted_but_not_what_was_observed():
    p, _ = make()
    p.take_granted("00001010", "00100001")
    p.rrc(False)
    p.slept(True)
    p.forget()
    assert p.granted is None and not p.asleep and not p.connected and p.observed.t3324_s == 0
