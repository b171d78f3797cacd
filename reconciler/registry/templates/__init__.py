"""Provisioning templates: what a template says, and what it comes to with parameters. Pure: no registry state.

Law: AWS documents the grammar with examples only, and for RegisterThing less than for fleets: where both are told the
wider one holds here (UNCONFIRMED). What is not in it is refused with a sentence that says where it stands.

- `document`   template body → `Template`
- `values`     a property with `Ref` and functions in it → its value
- `subject`    the parameters that come from a certificate's own subject
"""
