"""The loader of the service models, which the embedded registry and boto3's sessions share.

Parsing a model with botocore's own loader takes several times as long, and looking for a model lists the folders of all services.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from botocore.model import ServiceModel

from reconciler.service_models.files import read_json_file

_MODEL = "service-2"


class _FastFileLoader(JSONFileLoader):  # type: ignore[misc] # botocore has no types
    """Parses files with msgspec."""

    def load_file(self, file_path: str) -> Any:
        """Return the content of a JSON file, given its path without an extension; None without such a file."""
        return read_json_file(file_path)


class _FastLoader(Loader):  # type: ignore[misc] # botocore has no types
    """Finds a service by its folder alone."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the names of all services, whether or not they have a file of this type."""
        del type_name
        return _list_folders(*self.search_paths)


@cache
def _list_folders(*paths: str) -> list[str]:
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    return sorted({child.name for folder in folders for child in folder.iterdir()})


@cache
def get_loader(search_path: str | None) -> Loader:
    """Return botocore's loader for a search path as in AWS_DATA_PATH; None: only the default folders."""
    paths = search_path.split(os.pathsep) if search_path else []
    expanded_paths = [str(Path(os.path.expandvars(path)).expanduser()) for path in paths]
    return _FastLoader(extra_search_paths=expanded_paths, file_loader=_FastFileLoader())


@cache
def load_service_model(service: str) -> ServiceModel:
    """Return the model of a service. Raises botocore's UnknownServiceError and DataNotFoundError."""
    model = ServiceModel(get_loader(None).load_service_model(service, _MODEL), service)
    set_error_shapes(model)
    return model


def set_error_shapes(model: ServiceModel) -> None:
    """Set `model.error_shapes`, for which botocore would build all shapes of the model at the first error."""
    definitions = model._service_description["shapes"]  # noqa: SLF001 (botocore has no public name for it)
    model.error_shapes = [
        model.shape_for(name) for name, definition in definitions.items() if definition.get("exception")
    ]
