"""Quectel EC6x: as EC2x."""

SAME_AS = "ec2"
