"""China Mobile M5310-A: as BC95-G."""

SAME_AS = "bc95"
