"""Quectel EG2x: as EC2x."""

from cellular.modem.profiles.ec2 import *
