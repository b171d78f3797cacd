"""The embedded registry: AWS's rest-json wire protocol for `iot` and `iot-managed-integrations` over SQLite.

Law: HTTP comes in (`Request`), HTTP goes out (`Response`), and nothing else is known here. Whoever speaks to it uses a
real AWS client. It imports nothing else of this project and never boto3; from botocore it takes the service model only.

The parts, from the outside in:

- `interface`   what callers hold: `Request`, `Response`, `Settings`
- `endpoint`    `Registry.handle`: one request, one transaction, one response
- `wire/`       the protocol, driven by the service model: routes, parsing, constraints, serialization, errors
- `catalog`     the table of served operations, filled by the `@operation` decorator
- `context`     what an operation is handed besides its parameters
- `operations/` one AWS noun per file: its tables and its rules
- `calling`     how one operation calls another
- `templates/`  provisioning templates: their grammar and what they come to
- `x509`, `issuing`, `fleet_query`   reading and making certificates, and fleet indexing's queries, without any state
- `store`       SQLite: connections, transactions, schema steps

And around it, for who reaches it as AWS is reached:

- `server`      one loopback port for both services, over HTTP; `identity` tells a client who it is
- `conditions`  what becomes of a request on its way: `latency`, `limits` (AWS's rates) and `faults` on purpose
- `clock`       time that passes only where somebody waits
"""

from reconciler.registry.endpoint import Registry
from reconciler.registry.http import HttpRequest, HttpResponse, RegistrySettings

__all__ = ["HttpRequest", "HttpResponse", "Registry", "RegistrySettings"]
