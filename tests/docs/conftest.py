"""The browser of the notebook's tests."""

from tests.notebook.conftest import chrome

__all__ = ["chrome"]
