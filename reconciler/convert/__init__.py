"""Convert another tool's resources, such as those in a Terraform state, to desired-state tables."""
