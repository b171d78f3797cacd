"""Provisioning templates: their grammar and their evaluation. Pure: no registry state.

Invariant: AWS documents the grammar only by examples, and less of it for RegisterThing than for fleet provisioning. Where
the two differ, the wider grammar is accepted (UNCONFIRMED). Everything else is rejected with a message that contains its path.

- `document`   template body → `Template`
- `values`     a property with `Ref` and functions → its value
- `parts`      a resource of a template → the thing, certificate or policy that it describes
- `stored`     the check of a template that is stored for later
- `subject`    the parameters that come from a certificate's subject
"""
