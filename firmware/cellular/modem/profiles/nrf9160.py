"""Nordic nRF9160: as nRF91."""

SAME_AS = "nrf91"
