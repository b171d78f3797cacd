"""The protocols rest-json, json and query, driven by botocore's service models.

No operation has code of its own.

Invariant: everything follows from the model. A shape's type selects the parser, its location selects the part of the request,
and its metadata has the constraints. An operation is compiled into closures on its first request; later requests only call them.

- `service`     the service models, and one `WireOperation` per operation
- `routes`      HTTP method and path → operation, for rest-json
- `patterns`    the models' Java patterns as `regex` patterns
- `constraints` lengths, ranges, patterns, enums, with AWS's texts
- `parse`       request → parameters
- `serialize`   output → response; `query_xml` for the query protocol
- `faults`      error → response
"""
