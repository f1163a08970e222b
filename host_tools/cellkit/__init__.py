"""Host tools for cellular devices: bench, demo, reports."""
