"""The energy model beside published results: a list of cases, ours next to theirs, how far off."""
