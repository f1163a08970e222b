# Frozen into every program of this board. The frozen `machine` comes before the one of the port: `machine` is
# extensible, so a module of that name on sys.path (which has `.frozen`) is found first.
include("$(MPY_DIR)/extmod/asyncio")
module("machine.py")
module("board.py")
