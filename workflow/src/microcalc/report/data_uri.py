"""Data URIs: pictures inside the page itself."""

import base64


def data_uri(data: bytes, kind: str) -> str:
    """Return a data URI (RFC 2397) that holds `data`.

    Parameters
    ----------
    data
        A file's bytes.
    kind
        Its media type, such as `image/png`.

    Examples
    --------
    >>> from microcalc.report.data_uri import data_uri
    >>> data_uri(b"<svg/>", "image/svg+xml")
    'data:image/svg+xml;base64,PHN2Zy8+'
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
