// The unix port as cellkit's virtual MCU: the features of the standard variant.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found from ports/unix, which is on the include path.
#include "variants/mpconfigvariant_common.h"
