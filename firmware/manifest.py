# For a board's manifest: include("path/to/firmware/manifest.py") freezes the device library and the apps.
package("cellular")
package("apps")
