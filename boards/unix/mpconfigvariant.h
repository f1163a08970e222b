// The unix port as cellkit's virtual MCU: the features of the standard variant.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found from ports/unix, which is on the include path.
#include "variants/mpconfigvariant_common.h"

// Ticks wrap as on boards, after 12.4 days of milliseconds, so that nothing here lives longer by luck.
#define MICROPY_PY_TIME_TICKS_PERIOD (1 << 30)

// Clocks and seed come from c/lockstep: the host's, or the bench's.
#include "lockstep.h"
#define mp_hal_ticks_ms cellkit_ticks_ms
#define mp_hal_ticks_us cellkit_ticks_us
#define mp_hal_time_ns cellkit_time_ns
#undef MICROPY_PY_RANDOM_SEED_INIT_FUNC
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC (cellkit_random_seed())
