"""Quectel EC6x: as EC2x."""

from cellular.modem.profiles.ec2 import *
