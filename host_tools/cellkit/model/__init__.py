"""The physical model: how long a radio procedure takes, what each state draws, how long a battery lasts.

All figures stand in `data/*.toml`, each with its source; the bench, the planner and the validation read the same ones.
"""
