"""Frames into files: GIF, animated PNG, WebP and MP4.

All of it exploits one thing: between two frames of a fit most pixels stay as they are. One palette is made for
the whole film; a frame then carries only the rectangle that changed, transparent where it did not.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # (height, width, 4), red, green, blue, opaque

UNCHANGED = 255  # the palette's last entry: transparent, "as before"


class Film(NamedTuple):
    """What an encoder needs."""

    size: tuple[int, int]  # width, height
    frames: Callable[[], Iterator[Pixels]]
    seconds: Sequence[float]  # how long each frame stays
    samples: Callable[[], Iterable[Pixels]]  # a few frames, to choose a palette from
    colours: Sequence[tuple[int, int, int]]  # these keep their exact value in the palette


# --- one palette for all frames ----------------------------------------------------------------------------


class Palette:
    """At most 255 colours, and the way from a pixel to the nearest of them."""

    def __init__(self, samples: Iterable[Pixels], exact: Sequence[tuple[int, int, int]]) -> None:
        counts = np.zeros(1 << 18, dtype=np.int64)
        for sample in samples:
            counts += np.bincount(_codes(sample).ravel(), minlength=1 << 18)
        fixed = np.array(list(dict.fromkeys(exact)), dtype=np.uint8).reshape(-1, 3)
        codes = np.flatnonzero(counts)
        # A colour counts by the square root of its area, or the background would take the whole palette.
        repeats = np.ceil(np.sqrt(counts[codes])).clip(max=50).astype(int)
        strip = Image.fromarray(np.repeat(_colours(codes), repeats, axis=0)[np.newaxis])
        rest = strip.quantize(colors=UNCHANGED - len(fixed), method=Image.Quantize.MEDIANCUT).getpalette() or []
        self.colours = np.vstack([fixed, np.array(rest, dtype=np.uint8).reshape(-1, 3)])[:UNCHANGED]
        self._nearest = np.full(1 << 18, -1, dtype=np.int16)
        self._nearest[_codes(np.pad(fixed, ((0, 0), (0, 1))))] = np.arange(len(fixed))  # exact stays exact

    def indices(self, pixels: Pixels) -> Pixels:
        """Index of the nearest colour, for pixels of shape (..., 4)."""
        codes = _codes(pixels)
        found = self._nearest[codes]
        if found.min(initial=0) < 0:
            new = np.unique(codes[found < 0])
            palette = self.colours.astype(np.float32)
            # The nearest colour p to c has the least |p|² - 2 c·p; |c|² is the same for all.
            distances = (palette**2).sum(axis=1) - 2 * _colours(new).astype(np.float32) @ palette.T
            self._nearest[new] = distances.argmin(axis=1)
            found = self._nearest[codes]
        return found.astype(np.uint8)

    def bytes(self) -> bytes:
        """768 bytes: the colours, then black up to 256 entries."""
        return self.colours.tobytes().ljust(768, b"\0")


def _codes(pixels: Pixels) -> NDArray[Any]:
    """Six bits a channel, for pixels of shape (..., 4): fine enough for the eye, and a table of all fits in memory."""
    packed = np.ascontiguousarray(pixels).view("<u4")[..., 0]
    return ((packed & 0xFC) << 10) | ((packed >> 4) & 0xFC0) | ((packed >> 18) & 0x3F)


def _colours(codes: NDArray[Any]) -> Pixels:
    channels = np.stack([codes >> 12, (codes >> 6) & 63, codes & 63], axis=1)
    return np.asarray(channels * 255 // 63, dtype=np.uint8)  # 0 to 63 become 0 to 255: black and white stay exact


class Change(NamedTuple):
    """A rectangle of palette indices to lay over the picture so far."""

    left: int
    top: int
    indices: Pixels
    seconds: float


def changes(film: Film, palette: Palette) -> Iterator[Change]:
    """Turn frames into what changes from one to the next; a frame that changes nothing prolongs the one before."""
    width, height = film.size
    before: NDArray[np.uint32] | None = None
    shown = np.zeros((height, width), dtype=np.uint8)
    waiting: Change | None = None
    for frame, seconds in zip(film.frames(), film.seconds, strict=True):
        pixels = frame.view(np.uint32)[..., 0]
        if before is None:
            shown[:] = palette.indices(frame)
            waiting, before = Change(0, 0, shown.copy(), seconds), pixels.copy()
            continue
        box = _box(pixels != before)
        if box is not None:
            part = palette.indices(frame[box])
            part[part == shown[box]] = UNCHANGED
            inner = _box(part != UNCHANGED)
            before[box] = pixels[box]
        if box is None or inner is None:
            assert waiting is not None
            waiting = waiting._replace(seconds=waiting.seconds + seconds)
            continue
        part = np.ascontiguousarray(part[inner])
        rows = slice(box[0].start + inner[0].start, box[0].start + inner[0].stop)
        columns = slice(box[1].start + inner[1].start, box[1].start + inner[1].stop)
        np.copyto(shown[rows, columns], part, where=part != UNCHANGED)
        if waiting is not None:
            yield waiting
        waiting = Change(columns.start, rows.start, part, seconds)
    if waiting is not None:
        yield waiting


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Smallest rectangle around what is true."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


# --- the formats -------------------------------------------------------------------------------------------


def write_gif(film: Film, file: IO[bytes]) -> None:
    """Write a GIF 89a that loops for ever (CompuServe 1990); its compression is Pillow's."""
    palette = Palette(film.samples(), film.colours)
    width, height = film.size
    file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + palette.bytes())
    file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
    elapsed = 0.0
    for change in changes(film, palette):
        start, elapsed = elapsed, elapsed + change.seconds
        hundredths = round(elapsed * 100) - round(start * 100)  # rounding the clock, not each frame, keeps time
        file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", 0b0000_0101, hundredths, UNCHANGED, 0))
        rows, columns = change.indices.shape
        file.write(b"\x2c" + struct.pack("<HHHHB", change.left, change.top, columns, rows, 0))
        file.write(_compressed(change.indices))
    file.write(b"\x3b")


def _compressed(indices: Pixels) -> bytes:
    """The image data of a GIF: Pillow writes a small one, and everything before its data is skipped."""
    file = io.BytesIO()
    Image.fromarray(indices).save(file, format="GIF", optimize=False, interlace=0)
    data = file.getvalue()
    at = 13 + (3 << ((data[10] & 7) + 1))  # header and colour table
    while data[at] == 0x21:  # extensions, each a chain of blocks
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return data[at + 10 : -1]  # behind the image descriptor, before the trailer


def write_png(film: Film, file: IO[bytes]) -> None:
    """Write an animated PNG that loops for ever (PNG 3rd edition, W3C 2025).

    A reader that knows no animation shows the last frame: where the run ended.
    """
    palette = Palette(film.samples(), film.colours)
    width, height = film.size
    parts = list(changes(film, palette))
    last = np.zeros((height, width), dtype=np.uint8)
    for part in parts:
        rows, columns = part.indices.shape
        window = last[part.top : part.top + rows, part.left : part.left + columns]
        np.copyto(window, part.indices, where=part.indices != UNCHANGED)
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
    _chunk(file, b"PLTE", palette.bytes())
    _chunk(file, b"tRNS", b"\xff" * UNCHANGED + b"\0")
    _chunk(file, b"acTL", struct.pack(">II", len(parts), 0))
    _chunk(file, b"IDAT", _deflate(last))
    number = 0
    for part in parts:
        rows, columns = part.indices.shape
        place = struct.pack(">IIIII", number, columns, rows, part.left, part.top)
        _chunk(file, b"fcTL", place + struct.pack(">HHBB", round(part.seconds * 1000), 1000, 0, 1))
        _chunk(file, b"fdAT", struct.pack(">I", number + 1) + _deflate(part.indices))
        number += 2
    _chunk(file, b"IEND", b"")


def _chunk(file: IO[bytes], name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


def _deflate(indices: Pixels) -> bytes:
    rows, columns = indices.shape
    lines = np.zeros((rows, columns + 1), dtype=np.uint8)  # a leading 0 on every line: no filter
    lines[:, 1:] = indices
    return zlib.compress(lines.tobytes(), 6)


def write_webp(film: Film, file: IO[bytes]) -> None:
    """Write a lossless animated WebP, by Pillow."""
    frames = (Image.fromarray(np.ascontiguousarray(frame[..., :3])) for frame in film.frames())
    first = next(frames)
    milliseconds = [round(seconds * 1000) for seconds in film.seconds]
    first.save(
        file, format="WEBP", save_all=True, append_images=frames, duration=milliseconds, loop=0, lossless=True,
        quality=30, method=2,
    )  # fmt: skip


def write_mp4(film: Film, file: IO[bytes]) -> None:
    """Write an H.264 film, by ffmpeg, at the pace of the shortest frame; longer ones are repeated."""
    ffmpeg = find_ffmpeg()
    if ffmpeg is None:
        raise RuntimeError(
            "an .mp4 needs ffmpeg, and there is none on this computer. Install it (conda install ffmpeg, or "
            "pip install imageio-ffmpeg), or save as .gif, .png or .webp, which need nothing more."
        )
    width, height = film.size
    beat = min(film.seconds)
    command = [
        ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}",
        "-r", f"{1 / beat:.6f}", "-i", "-", "-an", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264",
        "-pix_fmt", "yuv420p", "-crf", "20", "-movflags", "+faststart", "-f", "mp4", file.name,
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            for frame, seconds in zip(film.frames(), film.seconds, strict=True):
                for _ in range(max(1, round(seconds / beat))):
                    process.stdin.write(frame.tobytes())
        except BrokenPipeError:
            pass  # ffmpeg has given up; its own words follow
        except BaseException:
            process.kill()
            raise
        words = process.communicate()[1].decode(errors="replace").strip()
        if process.returncode:
            raise RuntimeError(f"ffmpeg could not write the film: {words or 'it gave no reason'}")


def find_ffmpeg() -> str | None:
    """Where ffmpeg is: where matplotlib is told it is, on the path, or in the package imageio-ffmpeg."""
    import matplotlib as mpl

    found = shutil.which(mpl.rcParams["animation.ffmpeg_path"])
    if found is None:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[import-not-found, unused-ignore]

            found = get_ffmpeg_exe()
        except (ImportError, RuntimeError):
            return None
    return found


WRITERS: dict[str, Callable[[Film, Any], None]] = {
    ".gif": write_gif,
    ".png": write_png,
    ".apng": write_png,
    ".webp": write_webp,
    ".mp4": write_mp4,
}


def write(film: Film, path: str | Path) -> Path:
    """Write a film to a file; its ending says how. A file of that name stays as it was until the new one is whole."""
    path = Path(path)
    writer = writer_for(path)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            writer(film, file)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def writer_for(path: Path) -> Callable[[Film, Any], None]:
    """The encoder for a file's ending, or an error that lists the endings there are."""
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        ending = f"{path.suffix!r}" if path.suffix else "no ending"
        raise ValueError(f"{path.name} has {ending}; an animation can be saved as {', '.join(WRITERS)}.")
    return writer
