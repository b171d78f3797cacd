"""Convert CloudFormation templates in tests."""

from __future__ import annotations

from reconciler.convert.cloudformation_template import parse_template, read_template_resources
from reconciler.convert.fields import Variables
from reconciler.convert.tables import convert_source
from reconciler.engine.export.files import build_pem_writer


def read(text, parameters=None, physical_ids=None, region=None, variables=None):
    return read_template_resources(
        parse_template(text, "stack"),
        "stack",
        parameters=parameters or {},
        physical_ids=physical_ids or {},
        variables=variables or Variables(),
        region=region,
    )


def convert(text, parameters=None, physical_ids=None, region=None):
    variables = Variables()
    source = read(text, parameters, physical_ids, region, variables)
    return convert_source(source, build_pem_writer(None, None), variables=variables)


def list_tables(conversion):
    return {str(table.address): table.fields for table in conversion.tables}
