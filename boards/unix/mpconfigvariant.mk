# Only what is in the Debian source package: no Berkeley DB, no TLS library, no libffi.
MICROPY_PY_BTREE = 0
MICROPY_PY_SSL = 0
MICROPY_SSL_MBEDTLS = 0
MICROPY_PY_FFI = 0
# As on boards; and the VM's state needs no look-up by thread.
MICROPY_PY_THREAD = 0

# For speed, not for size: a device's life runs through this program.
COPT = -O2 -DNDEBUG

USER_C_MODULES = $(VARIANT_DIR)/c
CFLAGS += -I$(VARIANT_DIR)/c/lockstep

FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py
