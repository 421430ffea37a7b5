"""What a learner has checked, answered and rated, kept for the learner alone in one small file.

The file is plain JSON, in the folder that the operating system has for such things (``gmmteach progress`` says where),
or where the environment variable ``GMMTEACH_PROGRESS`` points. Nothing leaves the machine.

A change is read, made and written while a lock is held, so that two notebooks do not undo each other's; and it is
written whole to a file beside it that then takes its place, so that a crash in the middle loses that one change and no
other. What a later version has written is read as far as it is understood, and never written over. A file that cannot
be read at all is put aside under another name.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_data_path

FORMAT = 1
SECTIONS = ("exercises", "questions", "cards", "tests")
PATIENCE = 10.0  # seconds to wait for another notebook, which needs a few milliseconds

Record = dict[str, Any]


class Store:
    """The file, and the only two things that are done to it: read, and change one record.

    Parameters
    ----------
    path : path, optional
        Default: `default_path`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = default_path() if path is None else Path(path)

    def read(self) -> dict[str, dict[str, Record]]:
        """Everything that is known: ``{section: {name: record}}``, a copy; empty sections where there is no file."""
        content, _ = self._load()
        return {section: _records(content.get(section)) for section in SECTIONS}

    def change(self, section: str, name: str, change: Callable[[Record], Record]) -> Record:
        """Replace one record by what ``change`` makes of it, and return it.

        Where nothing can be written, a warning says so and the learner goes on.

        Parameters
        ----------
        section : one of `SECTIONS`
        name : str
        change : callable
            Takes the record, ``{}`` if there is none; returns one that JSON can hold.
        """
        if section not in SECTIONS:
            raise ValueError(f"the section is {section!r}, but it must be one of {', '.join(SECTIONS)}.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=PATIENCE):
                content, readable = self._load()
                if not readable:
                    self._put_aside()
                records = _records(content.get(section))
                record = change(deepcopy(records.get(name, {})))
                if content.get("format", FORMAT) > FORMAT:
                    _warn(f"{self.path} was written by a later version of gmmteach, which this one leaves alone")
                    return record
                records[name] = record
                self._write({**content, "format": FORMAT, section: records})
                return record
        except (OSError, Timeout) as error:
            _warn(f"your progress cannot be kept in {self.path}: {error}")
            return change({})

    def delete(self) -> bool:
        """Delete the file; False if there was none."""
        existed = self.path.exists()
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            Path(f"{self.path}.lock").unlink(missing_ok=True)
        return existed

    def _load(self) -> tuple[dict[str, Any], bool]:
        """What is in the file, and whether it could be read."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}, True
        except ValueError:
            return {}, False
        sound = isinstance(content, dict) and isinstance(content.get("format"), int)
        return (content, True) if sound else ({}, False)

    def _put_aside(self) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.unreadable-{number}{self.path.suffix}")).exists():
            number += 1
        self.path.replace(aside)
        _warn(f"{self.path} could not be read; it is now {aside.name}, and a new one begins")

    def _write(self, content: dict[str, Any]) -> None:
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)


def default_path() -> Path:
    """Where the file is: ``GMMTEACH_PROGRESS``, or the operating system's folder for such things."""
    named = os.environ.get("GMMTEACH_PROGRESS")
    return Path(named).expanduser() if named else user_data_path("gmmteach", appauthor=False) / "progress.json"


def now() -> str:
    """The time, in UTC, to the second, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _records(section: object) -> dict[str, Record]:
    """The sound records of a section: a person may have edited the file."""
    if not isinstance(section, dict):
        return {}
    return {str(name): record for name, record in section.items() if isinstance(record, dict)}


def _warn(message: str) -> None:
    warnings.warn(f"{message}.", RuntimeWarning, stacklevel=3)
