"""EMM causes of TS 24.301 that a network gives when it refuses, sorted as GSMA TS.34 wants retries sorted."""

# cause: (text, permanent). Permanent: trying again does not help before a person or the operator acts.
_CAUSES = {
    3: ("illegal UE", True),
    6: ("illegal ME", True),
    7: ("EPS services not allowed", True),
    8: ("EPS and non-EPS services not allowed", True),
    11: ("PLMN not allowed", True),
    12: ("tracking area not allowed", False),
    13: ("roaming not allowed in this tracking area", False),
    14: ("EPS services not allowed in this PLMN", True),
    15: ("no suitable cells in tracking area", False),
    22: ("congestion", False),
    25: ("not authorized for this CSG", False),
}


def explain(cause):
    """(text, permanent) for an EMM cause number or None."""
    return _CAUSES.get(cause, ("no reason given" if cause is None else "see TS 24.301 9.9.3.9", False))
