"""Names in braces in JSON documents that are read from files, such as policies and templates.

They are replaced in the strings of the parsed document, so that a value cannot change its structure. Names in documents that the
TOML file itself contains are replaced with those of its other texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from reconciler.engine.load.interpolation import Interpolation, InterpolationParser, RowValues, is_constant
from reconciler.engine.load.placeholders import Placeholders
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.document import Document
from reconciler.model.text import quote

_BRACE_IN_TEXT = re.compile(r'\{(?!["}])')
"""A brace in a string of a JSON document; outside of strings, a quote or the closing brace follows."""

_Documents: TypeAlias = Document | tuple[Document, ...]
"""The value of a field that takes one document or several."""

_Fill: TypeAlias = Callable[[Document], Any]
"""Returns the value of a document, with the names replaced. Raises InvalidValueError."""


def fill_documents(values: dict[str, Any], placeholders: Placeholders) -> list[ValueProblem]:
    """Replace the names in the documents of a table without `for_each`, and return the problems."""

    def fill(document: Document) -> Any:
        value, problems = placeholders.replace_in_value(document.value)
        if problems:
            raise InvalidValueError(*problems)
        return value

    return _fill_fields(values, fill)


class RowDocuments:
    """The documents of one table with `for_each`: those with `{row.column}` are different for each row."""

    def __init__(self, columns: Sequence[str] | None, placeholders: Placeholders) -> None:
        self._columns = columns
        self._placeholders = placeholders
        self._documents_by_field: dict[str, _Documents] = {}
        self._interpolations: dict[Document, Interpolation] = {}

    @property
    def fields(self) -> AbstractSet[str]:
        """The fields whose documents all rows share, but not the values of the names in them."""
        return self._documents_by_field.keys()

    def fill_shared(self, values: dict[str, Any]) -> list[ValueProblem]:
        """Replace the names in the documents that all rows share, and return the problems and warnings.

        Documents that depend on the row are removed from `values`.
        """
        problems: list[ValueProblem] = []
        for name, documents in list(values.items()):
            sources = _list_documents_from_files(documents)
            for document in sources:
                parser = self._create_parser()
                self._interpolations[document] = parser.parse(document.value, ())
                problems += _locate(document, name, [*parser.problems, *parser.warnings])
            if not all(is_constant(self._interpolations[document]) for document in sources):
                self._documents_by_field[name] = values.pop(name)
        if any(problem.severity == "error" for problem in problems):
            return problems
        return problems + _fill_fields(values, lambda document: self._interpolations[document].fill(()))

    def fill_row(self, values: dict[str, Any], row: RowValues) -> list[ValueProblem]:
        """Add the documents of one row to its values, replace the names in them, and return the problems."""
        values |= self._documents_by_field
        warnings: list[ValueProblem] = []

        def fill(document: Document) -> Any:
            self._placeholders.reserve(len(document.canonical))
            interpolation = self._interpolations.get(document)
            if interpolation is None:  # another document for each row
                parser = self._create_parser()
                interpolation = parser.parse(document.value, ())
                warnings.extend(parser.warnings)
                if parser.problems:
                    raise InvalidValueError(*parser.problems)
            return interpolation.fill(row)

        problems = _fill_fields(values, fill)
        return [*problems, *warnings]

    def _create_parser(self) -> InterpolationParser:
        return InterpolationParser(self._columns, self._placeholders, is_document=True)


def _fill_fields(values: dict[str, Any], fill: _Fill) -> list[ValueProblem]:
    problems: list[ValueProblem] = []
    for name, documents in values.items():
        if not isinstance(documents, Document | tuple) or not _list_documents_from_files(documents):
            continue
        try:
            if isinstance(documents, tuple):
                values[name] = tuple(_fill_document(document, fill) for document in documents)
            else:
                values[name] = _fill_document(documents, fill)
        except _DocumentError as error:
            problems += _locate(error.document, name, error.problems)
    return problems


class _DocumentError(InvalidValueError):
    """Problems of the names in one document."""

    def __init__(self, document: Document, *problems: ValueProblem) -> None:
        super().__init__(*problems)
        self.document = document


def _fill_document(document: Document, fill: _Fill) -> Document:
    if not _list_documents_from_files(document):
        return document
    try:
        value = fill(document)
        return document if value == document.value else Document.from_value(value, document.source)
    except InvalidValueError as error:
        raise _DocumentError(document, *error.problems) from None


def _list_documents_from_files(value: object) -> list[Document]:
    """Return the documents in a field's value that were read from files and may have names in braces."""
    documents = value if isinstance(value, tuple) else (value,)
    return [
        document
        for document in documents
        if isinstance(document, Document) and document.source and _BRACE_IN_TEXT.search(document.canonical)
    ]


def _locate(document: Document, field: str, problems: Sequence[ValueProblem]) -> list[ValueProblem]:
    """Return the problems of the strings in a document as problems of the field that refers to its file."""
    source = quote(document.source or "")
    return [
        ValueProblem(
            problem.code,
            f"{source}: {problem.problem}",
            problem.expected,
            problem.nearest,
            path=(field,),
            severity=problem.severity,
        )
        for problem in problems
    ]
