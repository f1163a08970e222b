"""Quectel EC8x: as EC2x."""

SAME_AS = "ec2"
