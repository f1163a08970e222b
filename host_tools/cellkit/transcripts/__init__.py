"""Real exchanges with modems: read, parsed by the firmware, played against virtual modems, recorded."""
