"""The folder that replaces S3: its subfolders are the buckets (`RegistrySettings.buckets`)."""

from pathlib import Path

from reconciler.registry.context import Context


def require_object(context: Context, bucket: str, key: str) -> Path:
    """Return the path of the file that replaces an object.

    Raises the operation's error for an invalid request if there is none.
    """
    folder = context.settings.buckets
    if folder is not None:
        path = (folder / bucket / key.lstrip("/")).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    raise context.invalid(f"There is no object {key} in the bucket {bucket}.")
