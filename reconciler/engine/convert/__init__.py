"""Convert another tool's declarations, such as Terraform's state, to desired-state tables. Nothing is sent."""
