"""What stands for a widget on a page without widgets: a text, and a picture with a text for those who cannot see it."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def add_fallback(shown: Any, texts: dict[str, str], picture: NDArray[np.uint8] | None = None, alt: str = "") -> Any:
    """Add texts and a picture to what a widget displays; nothing to nothing.

    Parameters
    ----------
    shown : what ``_repr_mimebundle_`` of the widget's base class returned
    texts : {mime type: text}
    picture : (height, width, 3 or 4) uint8, optional
    alt : str
        What the picture shows.
    """
    if shown is None:
        return None
    data, metadata = shown if isinstance(shown, tuple) else (shown, {})
    data, metadata = {**data, **texts}, dict(metadata)
    if picture is not None:
        data["image/png"] = base64.b64encode(small_png(picture)).decode()
        metadata["image/png"] = {"alt": alt}
    return data, metadata


def small_png(picture: NDArray[np.uint8]) -> bytes:
    """Pack a picture, (height, width, 3 or 4), into a PNG of 128 colours."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture[:, :, :3])).quantize(128).save(file, format="png", optimize=True)
    return file.getvalue()
