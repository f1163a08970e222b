"""A device's whole life in virtual time: scenario, run, tally, summary and report."""
