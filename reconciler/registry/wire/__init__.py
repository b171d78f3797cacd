"""The rest-json protocol, driven by botocore's service model: there is no code here for any single operation.

Law: what the model says is enough. A shape's type picks the parser, its location the source, its metadata the
constraints. Everything about an operation is worked out once, on its first request, into closures that later requests
only run.

- `service`     the two service models, and one `WireOperation` per operation
- `routes`      HTTP method and path → operation
- `patterns`    the models' Java patterns as `regex` patterns
- `constraints` lengths, ranges, patterns, enums, with AWS's texts
- `parse`       request → parameters
- `serialize`   output → response
- `faults`      error → response
"""
