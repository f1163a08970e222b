"""Quectel EG9x: as EC2x."""

SAME_AS = "ec2"
