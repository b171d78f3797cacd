"""The command line: options, prompts, progress, errors and exit codes."""
