// Virtual time for the unix board. With CELLKIT_LOCKSTEP=<seed> in the environment, descriptor 1 is a SOCK_SEQPACKET
// socket to the bench: the console and the control packets go out on it in one order, answers come in on it, and every
// clock of the VM shows what the bench said last. Without it, the clocks are the host's.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/obj.h"
#include "py/runtime.h"
#include "lockstep.h"

#define FD (1)
#define ANSWER ('R')
#define TIME_BYTES (8)
#define BENCH_GONE (70)

static uint64_t now_us;
static const char *seed_text;

static bool lockstep(void) {
    static bool known;
    if (!known) {
        known = true;
        seed_text = getenv("CELLKIT_LOCKSTEP");
    }
    return seed_text != NULL;
}

static uint64_t host_us(clockid_t clock) {
    struct timespec tv;
    clock_gettime(clock, &tv);
    return (uint64_t)tv.tv_sec * 1000000 + tv.tv_nsec / 1000;
}

uintptr_t cellkit_ticks_us(void) {
    return lockstep() ? now_us : host_us(CLOCK_MONOTONIC);
}

uintptr_t cellkit_ticks_ms(void) {
    return cellkit_ticks_us() / 1000;
}

uint64_t cellkit_time_ns(void) {
    return lockstep() ? now_us * 1000 : host_us(CLOCK_REALTIME) * 1000;
}

uint32_t cellkit_random_seed(void) {
    return lockstep() ? strtoul(seed_text, NULL, 10) : (uint32_t)host_us(CLOCK_REALTIME);
}

static mp_obj_t lockstep_active(void) {
    return mp_obj_new_bool(lockstep());
}
static MP_DEFINE_CONST_FUN_OBJ_0(lockstep_active_obj, lockstep_active);

static mp_obj_t lockstep_now_us(void) {
    return mp_obj_new_int_from_ull(now_us);
}
static MP_DEFINE_CONST_FUN_OBJ_0(lockstep_now_us_obj, lockstep_now_us);

// send(buf, n): one packet of the first n bytes.
static mp_obj_t lockstep_send(mp_obj_t buf, mp_obj_t count) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(buf, &info, MP_BUFFER_READ);
    size_t n = mp_obj_get_int(count);
    if (n > info.len) {
        mp_raise_ValueError(MP_ERROR_TEXT("more bytes than the buffer has"));
    }
    ssize_t ret;
    do {
        ret = write(FD, info.buf, n);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        _exit(BENCH_GONE);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(lockstep_send_obj, lockstep_send);

// recv(buf) -> n: the next packet. An answer carries the time, which the VM's clocks show from then on.
static mp_obj_t lockstep_recv(mp_obj_t buf) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(buf, &info, MP_BUFFER_WRITE);
    ssize_t ret;
    do {
        ret = read(FD, info.buf, info.len);
    } while (ret < 0 && errno == EINTR);
    if (ret <= 0) {
        _exit(BENCH_GONE);
    }
    const uint8_t *bytes = info.buf;
    if (bytes[0] == ANSWER && ret > TIME_BYTES) {
        memcpy(&now_us, bytes + 1, TIME_BYTES);
    }
    return MP_OBJ_NEW_SMALL_INT(ret);
}
static MP_DEFINE_CONST_FUN_OBJ_1(lockstep_recv_obj, lockstep_recv);

static const mp_rom_map_elem_t lockstep_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__lockstep) },
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&lockstep_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_now_us), MP_ROM_PTR(&lockstep_now_us_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&lockstep_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&lockstep_recv_obj) },
};
static MP_DEFINE_CONST_DICT(lockstep_globals, lockstep_globals_table);

const mp_obj_module_t cellkit_lockstep_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&lockstep_globals,
};
MP_REGISTER_MODULE(MP_QSTR__lockstep, cellkit_lockstep_module);
