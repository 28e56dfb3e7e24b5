"""Data URIs: pictures inside the page itself."""

import base64


def data_uri(data: bytes, kind: str) -> str:
    """Return an address that holds `data` of a media type such as image/png."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
