# Frozen into every program of this board. The frozen `machine` comes before the one of the port: `machine` is
# extensible, so a module of that name on sys.path (which has `.frozen`) is found first; so are time, select and os.
include("$(MPY_DIR)/extmod/asyncio")
for name in ("machine", "_wall", "_virtual", "_flash", "time", "select", "os", "board"):
    module(name + ".py")
