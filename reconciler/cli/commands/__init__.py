"""One module a command. Law: at import a command knows click alone; all else is imported when it runs."""
