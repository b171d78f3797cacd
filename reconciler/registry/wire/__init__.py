"""The rest-json protocol, driven by botocore's service models: no code is for a single operation.

Invariant: the model is sufficient. A shape's type selects the parser, its location the source, its metadata the
constraints. Everything about an operation is compiled into closures once, on its first request; later requests only call
them.

- `service`     the two service models, and one `WireOperation` per operation
- `routes`      HTTP method and path → operation
- `patterns`    the models' Java patterns as `regex` patterns
- `constraints` lengths, ranges, patterns, enums, with AWS's texts
- `parse`       request → parameters
- `serialize`   output → response
- `faults`      error → response
"""
