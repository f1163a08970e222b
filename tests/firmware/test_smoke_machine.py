"""The smoke alarm's behaviours, by their numbers F1 to F17 in docs/smoke.md."""

from apps.smoke import machine as sm
from apps.smoke.signals import PATTERNS
from smoke_run import CLEAN_MV, SMOKE_MV, Run

DAY = 86400


def quiet(**settings):
    """A run past its warm-up, with nothing noted yet."""
    run = Run(**settings).warm()
    run.seen = []
    return run


# --- battery ----------------------------------------------------------------------------------------------------------


def test_f1_battery_is_measured_first_and_then_within_24_hours():
    run = Run(phase=70000)
    assert run.battery_read_s == [0]
    run.wait(10 * DAY)
    gaps = [b - a for a, b in zip(run.battery_read_s, run.battery_read_s[1:])]
    assert len(gaps) >= 10 and max(gaps) <= DAY, gaps


def test_f1_battery_is_measured_daily_even_if_the_heartbeat_is_rare():
    run = Run(heartbeat_s=7 * DAY, phase=5 * DAY).wait(10 * DAY)
    gaps = [b - a for a, b in zip(run.battery_read_s, run.battery_read_s[1:])]
    assert len(gaps) >= 10 and max(gaps) <= DAY, gaps


def test_f1_battery_is_not_measured_under_the_siren_but_right_after():
    run = quiet(phase=70000)
    run.smoke()
    steps = run.steps
    run.wait(2 * DAY)
    assert run.battery_read_s == [0] and run.steps - steps <= 5
    run.clear().wait(10)
    assert len(run.battery_read_s) == 2


def test_f2_f10_low_battery_chirps_once_a_minute_unlike_a_fire():
    run = Run(battery_mv=2900).warm()
    assert run.m.state == sm.FAULT and run.m.siren == "low_battery" and run.m.yellow == "fault"
    assert run.m.green is None and run.m.red is None
    for tone in ("low_battery", "fault", "end_of_life"):
        pattern = PATTERNS[tone]
        assert sum(pattern) == 60000 and pattern[-1] > 59000
    assert PATTERNS["alarm"] == (500, 500, 500, 500, 500, 1500)


def test_f2_f4_low_battery_is_reported_once_and_its_end_with_hysteresis():
    run = quiet()
    run.battery_mv = 2999
    run.wait(3 * DAY)
    assert [v for _, v in run.of("low_battery")] == [True]
    run.battery_mv = 3050
    run.wait(DAY)
    assert len(run.of("low_battery")) == 1 and run.m.siren == "low_battery"
    run.battery_mv = 3100
    run.wait(DAY)
    assert [v for _, v in run.of("low_battery")] == [True, False] and run.m.state == sm.NORMAL
    assert [e[1] for e in run.seen if e[2] == "low_battery"] == [sm.P_ALARM] * 2


def test_f3_fault_tone_is_silent_for_seven_hours_and_comes_back():
    run = Run(battery_mv=2900).warm()
    at_s = run.now_s
    run.press()
    assert run.m.siren is None and run.m.yellow == "fault" and run.m.state == sm.FAULT
    assert not run.of("test")
    run.wait(7 * 3600 - 1)
    assert run.m.siren is None
    run.wait(1)
    assert run.m.siren == "low_battery" and 6 * 3600 <= run.now_s - at_s <= 8 * 3600


def test_f3_fire_sounds_while_the_fault_tone_is_silenced():
    run = Run(battery_mv=2900).warm().press()
    run.smoke()
    assert run.m.state == sm.ALARM and run.m.siren == "alarm"


def test_f3_a_new_fault_ends_the_silence():
    run = Run(battery_mv=2900).warm().press()
    run.smoke(50)
    run.command("check")
    assert run.m.faults == ["sensor"] and run.m.siren == "fault"


def test_f5_low_battery_shortens_no_alarm():
    run = Run(battery_mv=2900).warm()
    run.smoke().wait(240)
    assert run.m.siren == "alarm"
    run.clear().wait(10)
    run.wait(30 * DAY)
    assert run.m.siren == "low_battery"


# --- fire -------------------------------------------------------------------------------------------------------------


def test_fire_sounds_and_is_reported_in_the_same_step():
    run = quiet()
    run.smoke()
    assert run.m.state == sm.ALARM and run.m.siren == "alarm" and run.m.red == "alarm"
    assert run.seen == [(run.now_s, sm.P_FIRE, "fire", True)]


def test_fire_lasts_as_long_as_the_smoke_and_needs_no_steps():
    run = quiet(phase=70000)
    run.smoke()
    steps = run.steps
    run.wait(3600)
    assert run.m.siren == "alarm" and run.steps - steps == 0
    run.clear()
    run.wait(sm.CLEAR_S - 1)
    assert run.m.siren == "alarm"
    run.wait(1)
    assert run.m.siren is None and run.of("fire")[-1][1] is False


def test_smoke_that_comes_back_at_once_is_the_same_fire():
    run = quiet()
    run.smoke().wait(10)
    run.clear().wait(2)
    run.smoke().wait(10)
    assert run.m.siren == "alarm" and len(run.of("fire")) == 1
    run.clear().wait(sm.CLEAR_S - 1)
    assert run.m.siren == "alarm"


def test_falling_level_needs_hysteresis():
    run = quiet()
    run.smoke().wait(10)
    run.smoke(1000, line=False).wait(60)
    assert run.m.state == sm.ALARM
    run.smoke(890, line=False).wait(10)
    assert run.m.state == sm.NORMAL


def test_one_witness_alone_must_insist_and_names_the_broken_sensor():
    for level_mv, line in ((CLEAN_MV, True), (SMOKE_MV, False)):
        run = quiet()
        run.smoke(level_mv, line)
        assert run.m.state == sm.NORMAL
        run.wait(sm.CONFIRM_S - 1)
        assert run.m.state == sm.NORMAL
        run.wait(1)
        assert run.m.state == sm.ALARM and run.m.faults == ["front_end"]
        run.clear().wait(DAY)
        assert run.m.faults == ["front_end"] and run.m.siren == "fault"
        run.smoke().clear().wait(10)
        assert not run.m.faults


def test_a_spike_of_one_witness_is_no_fire():
    run = quiet()
    run.smoke(CLEAN_MV, True).wait(1)
    run.clear().wait(60)
    assert not run.of("fire")


# --- test button ------------------------------------------------------------------------------------------------------


def test_f8_test_button_sounds_the_alarm_and_is_no_fire():
    run = quiet()
    run.press()
    assert run.m.state == sm.TEST and run.m.siren == "test"
    run.wait(sm.TEST_S - 1)
    assert run.m.siren == "test"
    run.wait(1)
    assert run.m.state == sm.NORMAL and run.m.siren is None
    assert run.names() == ["test"] and run.seen[0][1] == sm.P_ALARM


def test_f8_f12_a_fire_during_the_test_is_a_fire_at_once():
    run = quiet()
    run.press().wait(2)
    run.smoke()
    assert run.m.state == sm.ALARM and run.names() == ["test", "fire"]
    run.wait(60)
    assert run.m.state == sm.ALARM


def test_f8_pressing_again_during_the_test_changes_nothing():
    run = quiet()
    run.press().press().press()
    assert len(run.of("test")) == 1
    run.wait(sm.TEST_S)
    assert run.m.state == sm.NORMAL


def test_f9_self_check_by_the_server_and_its_result():
    run = quiet()
    run.command("check")
    assert run.of("self_check")[-1][1] == "ok"
    run.smoke(20)
    run.command("check")
    assert run.of("self_check")[-1][1] == "sensor"
    run.battery_mv = 2000
    run.wait(DAY)
    assert run.m.self_check == "sensor,battery"


def test_f9_the_server_may_test_and_hush():
    run = quiet()
    run.command("test")
    assert run.m.state == sm.TEST
    run.smoke()
    run.command("hush")
    assert run.m.state == sm.HUSH
    run.command("test")
    assert run.m.state == sm.HUSH


# --- hush and memory --------------------------------------------------------------------------------------------------


def test_f9_f11_hush_by_button_ends_after_its_time_while_there_is_smoke():
    run = quiet(hush_s=600)
    run.smoke().wait(5)
    run.press()
    assert run.m.state == sm.HUSH and run.m.siren is None and run.m.red == "hush"
    run.wait(599)
    assert run.m.siren is None
    run.wait(1)
    assert run.m.state == sm.ALARM and run.m.siren == "alarm"
    assert [v for _, v in run.of("fire")] == [True, True]


def test_f11_more_smoke_ends_the_hush():
    run = quiet()
    run.smoke(1600).wait(5)
    run.press()
    run.smoke(1999)
    assert run.m.state == sm.HUSH
    run.i.level_mv = 2000
    run.wait(1)
    assert run.m.state == sm.ALARM


def test_f11_a_full_chamber_cannot_be_hushed():
    run = quiet()
    run.smoke(3000).press()
    assert run.m.siren == "alarm" and not run.of("hush")


def test_f11_smoke_that_goes_ends_the_hush_as_well():
    run = quiet()
    run.smoke().press()
    run.clear().wait(sm.CLEAR_S)
    assert run.m.state == sm.NORMAL and run.of("fire")[-1][1] is False
    run.smoke()
    assert run.m.siren == "alarm"


def test_f10_alarm_memory_lasts_fifteen_minutes():
    run = quiet()
    run.smoke().clear().wait(sm.CLEAR_S)
    assert run.m.red == "memory" and run.m.green == "normal"
    run.wait(899)
    assert run.m.red == "memory"
    run.wait(1)
    assert run.m.red is None


def test_f10_the_button_clears_the_memory():
    run = quiet()
    run.smoke().clear().wait(sm.CLEAR_S)
    run.press().wait(sm.TEST_S)
    assert run.m.red is None


# --- faults and priority ----------------------------------------------------------------------------------------------


def test_f12_colours_and_priority():
    run = quiet()
    assert (run.m.green, run.m.red, run.m.yellow) == ("normal", None, None)
    run.battery_mv = 2000
    run.smoke(30)
    run.wait(DAY)
    assert (run.m.green, run.m.red, run.m.yellow) == (None, None, "fault") and run.m.siren == "fault"
    run.smoke()
    assert (run.m.green, run.m.red, run.m.yellow, run.m.siren) == (None, "alarm", None, "alarm")


def test_f13_tamper_is_reported_both_ways_and_debounced():
    run = quiet()
    run.i.removed = True
    run.step()
    run.wait(1)
    run.i.removed = False
    run.step()
    run.wait(60)
    assert not run.of("tamper")
    run.i.removed = True
    run.step()
    run.wait(10)
    run.i.removed = False
    run.step()
    run.wait(10)
    assert [v for _, v in run.of("tamper")] == [True, False]
    assert run.m.state == sm.NORMAL


def test_f13_an_alarm_off_its_base_still_sounds():
    run = quiet()
    run.i.removed = True
    run.step()
    run.wait(10)
    run.smoke()
    assert run.m.siren == "alarm"


def test_f14_end_of_life_counts_the_days_of_earlier_starts():
    run = Run(days=3648).warm()
    assert not run.m.end_of_life
    assert run.m.days == 3648
    run.wait(3 * DAY)
    assert run.m.end_of_life and run.m.days == 3650 and run.m.siren == "end_of_life" and run.m.yellow == "fault"
    assert len(run.of("end_of_life")) == 1
    run.smoke()
    assert run.m.siren == "alarm"


def test_f15_a_dead_chamber_is_a_fault_at_once():
    run = Run(level_mv=40).warm()
    assert run.m.faults == ["sensor"] and run.m.siren == "fault" and run.of("fault")[0][1] == "sensor"
    run.clear()
    run.command("check")
    assert not run.m.faults and run.of("fault")[-1][1] == "none" and run.m.green == "normal"


def test_f15_dust_is_a_fault_after_two_checks_an_hour_apart():
    run = Run(level_mv=800).warm()
    assert not run.m.faults
    run.press().wait(30)
    run.press().wait(30)
    assert not run.m.faults
    run.wait(3600)
    assert run.m.faults == ["contamination"] and run.of("fault")[-1][1] == "contamination"
    steps = run.steps
    run.wait(10 * 3600)
    assert run.steps - steps <= 11
    run.smoke()
    assert run.m.siren == "alarm"


def test_f15_the_chamber_is_checked_after_a_fire():
    run = Run(level_mv=40).warm()
    run.smoke().clear().wait(10)
    assert not run.m.faults
    run.smoke().smoke(800).wait(10)
    assert run.m.state == sm.NORMAL
    run.wait(3600)
    assert run.m.faults == ["contamination"]


def test_f15_haze_that_goes_is_no_fault():
    run = Run(level_mv=800).warm()
    run.clear().wait(2 * DAY)
    assert not run.of("fault")


def test_f16_warm_up_is_shown_and_reported_and_hears_no_smoke():
    run = Run(warm_up_s=30)
    assert run.m.state == sm.WARM_UP and run.m.green == "warm_up"
    run.smoke()
    run.press()
    run.wait(29)
    assert run.m.state == sm.WARM_UP and run.names() == ["boot"]
    run.wait(1)
    assert run.m.state == sm.ALARM and run.names() == ["boot", "warm_up", "fire"]


def test_f16_a_reset_in_a_fire_needs_no_warm_up():
    run = Run(cause="watchdog")
    assert run.m.state == sm.NORMAL and run.names() == ["boot"]
    run.smoke()
    assert run.m.siren == "alarm"


# --- supervision ------------------------------------------------------------------------------------------------------


def test_f17_heartbeats_keep_their_phase():
    run = Run(phase=5 * DAY + 1233).wait(5 * DAY)
    assert run.of("heartbeat") == [(1234 + n * DAY, n + 1) for n in range(5)]
    assert run.seen[-1][1] == sm.P_ROUTINE


def test_f17_phases_spread_over_the_whole_period():
    counts = [0] * 10
    for n in range(200):
        run = Run(phase=n * 2654435761 % (1 << 32)).wait(DAY)
        counts[(run.of("heartbeat")[0][0] - 1) * 10 // DAY] += 1
    assert min(counts) >= 10, counts


def test_f17_boot_says_why():
    for cause in ("power_on", "watchdog", "reset"):
        assert Run(cause=cause).seen[0] == (0, sm.P_ROUTINE, "boot", cause)


def test_f17_disarmed_is_reported_ends_by_itself_and_never_silences():
    run = quiet()
    run.command("armed", False)
    assert not run.m.armed and run.of("armed")[-1][1] is False
    run.smoke()
    assert run.m.siren == "alarm" and run.of("fire")
    run.clear().wait(DAY - 1)
    assert not run.m.armed
    run.wait(1)
    assert run.m.armed and run.of("armed")[-1][1] is True
    run.command("armed", False)
    run.command("armed", True)
    assert run.m.armed


def test_a_quiet_day_costs_one_step():
    run = quiet()
    run.wait(DAY)
    steps = run.steps
    run.wait(100 * DAY)
    assert run.steps - steps == 100


def test_ten_years_end_at_the_end_of_life():
    run = Run(phase=1000)
    run.wait(3650 * DAY)
    assert len(run.of("heartbeat")) == 3650 and not run.m.end_of_life
    run.wait(DAY)
    assert run.m.end_of_life and run.m.next_due_s == 3651 * DAY + 1001
    assert set(run.names()) == {"boot", "warm_up", "heartbeat", "end_of_life"}


def test_reports_of_a_day_are_limited_and_fire_is_not():
    run = quiet(phase=70000)
    for _ in range(150):
        run.press().wait(sm.TEST_S)
    assert len(run.of("test")) < 100 and run.m.dropped
    run.smoke()
    assert run.names()[-1] == "fire"
    run.clear().wait(DAY)
    run.press()
    assert run.names()[-1] == "test" and "heartbeat" in run.names()


def test_a_battery_that_cannot_be_read_costs_a_step_a_second_at_most():
    run = quiet()
    run.m.battery_due = lambda now_s: False
    run.wait(DAY)
    steps = run.steps
    run.wait(100)
    assert run.steps - steps <= 101
