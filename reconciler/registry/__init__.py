"""The embedded registry: AWS's protocols for AWS IoT, and for resources outside it, over SQLite.

Its services are `iot` and `iot-managed-integrations`. Stored secrets are parameters of `ssm` and secrets of `secretsmanager`, as far
as a desired state refers to them. `iam`, `lambda`, `kinesis` and `firehose` only answer whether a role, a function or a stream
exists, `sts` only who the caller is, and `cloudtrail` what was written.

Invariant: an `HttpRequest` comes in and an `HttpResponse` goes out; callers use a real AWS client. The package imports
nothing else of this project, except `service_models`, and never boto3.

The modules, from the outside in:

- `http`            the values that callers pass and receive: `HttpRequest`, `HttpResponse`, `RegistrySettings`
- `endpoint`        `Registry.handle`: one request, one transaction, one response
- `addressing`      a request's account, Region, service, path and query
- `wire/`           the protocol, driven by the service models: routing, parsing, constraints, serialization, errors
- `catalog`         the table of served operations, filled by the `@operation` decorator
- `context`         what an operation receives in addition to its parameters
- `paging`, `page_tokens`   the pages of list operations, and the signed tokens that request the next page
- `operations/`     AWS's operations by noun, with their tables and rules; `shared/` has what several of them use
- `trail`           what CloudTrail records of a write; `trail_resources` finds the resources that it names
- `internal_calls`  how one operation calls another
- `templates/`      provisioning templates: their grammar and their evaluation
- `x509`, `certificate_authority`   certificates, without state
- `fleet_query`     fleet indexing's query language; `search_fields` has the fields of its indexes
- `store`           SQLite: connections, transactions, schema steps

The modules for serving it over HTTP:

- `server`          one loopback port for all services
- `request_guard`   which requests the server accepts; `http_protocol` bounds the heads of requests
- `conditions`      how requests are delayed, throttled or made to fail: `latency`, `throttling` and `faults`
- `clock`           virtual time
"""

from reconciler.registry.endpoint import Registry
from reconciler.registry.http import HttpRequest, HttpResponse, RegistrySettings

__all__ = ["HttpRequest", "HttpResponse", "Registry", "RegistrySettings"]
