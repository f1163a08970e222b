"""What every page has around its contents: style, the one script, and a policy that allows no other.

Whatever comes from a log is escaped by those who write it here; the hash in the policy makes sure that a text which
got through all the same stays a text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib import resources


def document(title: str, body: Iterable[str]) -> str:
    """A whole page as HTML; it loads nothing from anywhere. `title` and `body` are HTML."""
    script = _file("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>',
            f"<style>{_file('style.css')}</style></head><body>",
            *body,
            f'<div id="tip" hidden></div><script>{script}</script></body></html>\n',
        ]
    )


def _file(name: str) -> str:
    return resources.files("cellkit.report").joinpath(name).read_text(encoding="utf-8")


def tiles(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Key figures: (name, value) each, both HTML."""
    yield '<div class="tiles">'
    for name, value in rows:
        yield f'<div class="tile"><b>{value}</b><span>{name}</span></div>'
    yield "</div>"
