"""The one place where a report becomes a file.

The text is written beside its final name and moved there in one step, so that
a reader sees the old report or the new one, never half of one.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from r2k_pipeline.errors import BadInputError


def write_file(content: str | bytes, path: Path) -> Path:
    """Write a file in one step, creating its folder.

    Args:
        content: The text (as UTF-8) or the bytes.
        path: The final name; an existing file is replaced.

    Returns:
        The absolute path.

    Raises:
        BadInputError: The folder or the file cannot be written; a file that was
            there before is as it was.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_file("<p>", Path(folder) / "new" / "report.html").read_text()
        '<p>'
    """
    data = content.encode() if isinstance(content, str) else content
    folder = path.resolve().parent
    staged: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".r2k-", delete=False) as file:
            staged = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.chmod(0o644)
        staged.replace(path)
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror or error}",
            state="the file is as it was",
            remedy="choose another --out, or mend the folder's permissions",
        ) from error
    finally:
        if staged is not None:
            staged.unlink(missing_ok=True)
    return path.resolve()
