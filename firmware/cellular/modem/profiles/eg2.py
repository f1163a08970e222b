"""Quectel EG2x: as EC2x."""

SAME_AS = "ec2"
