"""Tables and helpers that several operations share. No operation is here."""
