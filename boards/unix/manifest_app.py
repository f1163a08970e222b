# The board and the firmware: what a product's flash image holds.
include("manifest.py")
include("../../firmware/manifest.py")
