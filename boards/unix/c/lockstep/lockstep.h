// Clock of the unix board: the host's, or the bench's when the VM runs in lock step with it (README.md, "Lock step").
#pragma once
#include <stdint.h>

uintptr_t cellkit_ticks_ms(void);
uintptr_t cellkit_ticks_us(void);
uint64_t cellkit_time_ns(void);
uint32_t cellkit_random_seed(void);
